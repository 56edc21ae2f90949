"""Long lives: any sequence of uses keeps the contract at each step."""

from __future__ import annotations

from hypothesis import given

from embedding_conformance.boundary.adapter import Unsupported
from embedding_conformance.cases.case import Case, Life
from embedding_conformance.cases.life_strategies import lives
from embedding_conformance.judging.clause import MUST, clause
from embedding_conformance.judging.living import Living
from embedding_conformance.judging.subject import Subject


def _goes_on(case: Case) -> bool:
    return isinstance(case, Life) and len(case.steps) > 0


@clause("sequences.life", MUST, argument="num_embeddings", doc="Embedding", when=_goes_on)
@given(lives())
def test_life(embedding: Subject, case: Case) -> None:
    """Any sequence of lookups, optimiser steps, edits, loads, resets, copies, casts and freezing keeps the contract."""
    living = Living(embedding, case)
    for lookup in case.lookups:
        living.use(lookup)
    steps = case.steps if isinstance(case, Life) else ()
    taken = [living.take(step) for step in steps]  # all of them
    if steps and not any(taken):
        raise Unsupported("none of the steps is provided")
