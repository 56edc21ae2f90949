"""Long lives: any sequence of uses keeps the contract at each step."""

from __future__ import annotations

from hypothesis import given

from conformance.case import Case, Life
from conformance.clause import MUST, clause
from conformance.lives import lives
from conformance.living import Living
from conformance.subject import Subject


@clause("sequences.life", MUST, argument="num_embeddings", doc="Embedding")
@given(lives())
def test_life(embedding: Subject, case: Case) -> None:
    """Any sequence of lookups, optimiser steps, edits, loads, resets, copies, casts and freezing keeps the contract."""
    living = Living(embedding, case)
    for lookup in case.lookups:
        living.use(lookup)
    for step in case.steps if isinstance(case, Life) else ():
        living.take(step)
