"""What a run does, in counts that no machine changes: cases drawn and judged, and calls of the implementation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest import mock

from embedding_conformance.cases import pool
from embedding_conformance.cases.drawing import draw
from embedding_conformance.judging.driver import Driver
from embedding_conformance.judging.examination import Examination
from embedding_conformance.running import examine
from embedding_conformance.running.check import Run


@dataclass(frozen=True)
class Counts:
    """The counts of one clause.

    Attributes:
        drawn: the cases drawn from its domain, by Hypothesis, for itself and for others.
        judged: the cases that it judged.
        calls: the calls of the implementation; those for a case that several clauses judge count for the first.
    """

    drawn: int
    judged: int
    calls: int


def counted(**arguments: Any) -> dict[str, Counts]:
    """The counts by clause of a run on torch.

    Args:
        arguments: those of `embedding_conformance.check`, but for the target.
    """
    run = Run("torch", **arguments)
    drawn, judged = Counter[int](), Counter[str]()
    with _calls_counted() as calls, _draws_counted(drawn):
        try:
            run.session.inspect()
            for clause, dtype, device in run.places:
                judged[clause.id] += run.examine(clause, dtype, device).tally.cases
        finally:
            run.session.close()
    clauses = {clause.id: clause for clause, *_ in run.places}
    return {name: Counts(drawn[id(one.domain)], judged[name], calls[name]) for name, one in clauses.items()}


@contextmanager
def _calls_counted() -> Iterator[Counter[str]]:
    """Count the calls of verbs by the clause whose test makes them."""
    calls, current = Counter[str](), [""]
    run, call = Examination.run, Driver.call

    def noting(self: Examination, subject: Any, clause: Any, *rest: Any) -> None:
        current[0] = clause.id
        run(self, subject, clause, *rest)

    def counting(self: Driver, *arguments: Any) -> Any:
        calls[current[0]] += 1
        return call(self, *arguments)

    with mock.patch.object(Examination, "run", noting), mock.patch.object(Driver, "call", counting):
        yield calls


@contextmanager
def _draws_counted(drawn: Counter[int]) -> Iterator[None]:
    """Count the cases that are drawn, by the identity of their domain."""

    def counting(run: Callable[[Any], None], domain: Any, *rest: Any, **more: Any) -> None:
        def counted_case(case: Any) -> None:
            drawn[id(domain)] += 1
            run(case)

        draw(counted_case, domain, *rest, **more)

    pool._drawn.cache_clear()  # noqa: SLF001 - cases that an earlier run drew are not drawn again
    with mock.patch.object(pool, "draw", counting), mock.patch.object(examine, "draw", counting):
        yield
