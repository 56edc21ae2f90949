"""Long lives: any sequence of uses keeps the contract at each step."""

from __future__ import annotations

from embedding_conformance.boundary.refusals import Unsupported
from embedding_conformance.cases.case import Case, Life
from embedding_conformance.cases.domain import Lives
from embedding_conformance.judging.clause import MUST, clause
from embedding_conformance.judging.life_run import LifeRunner
from embedding_conformance.judging.subject import Subject


def _has_steps(case: Case) -> bool:
    return isinstance(case, Life) and len(case.steps) > 0


@clause(MUST, Lives(where=_has_steps))
def test_life(embedding: Subject, case: Case) -> None:
    """Any sequence of lookups, optimiser steps, edits, loads, resets, copies, casts and freezing keeps the contract."""
    runner = LifeRunner(embedding, case)
    for lookup in case.lookups:
        runner.use(lookup)
    steps = case.steps if isinstance(case, Life) else ()
    provided = [runner.take(step) for step in steps]  # a list, so that every step is taken
    if steps and not any(provided):
        raise Unsupported("none of the steps is provided")
