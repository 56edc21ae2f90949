"""What was answered to the case that many clauses are asked about, kept so that each is asked for once."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager

from embedding_conformance.boundary.observations import Call, Observation
from embedding_conformance.cases.case import Case
from embedding_conformance.judging.driver import Driver
from embedding_conformance.judging.expectations import Expectations
from embedding_conformance.judging.tally import Tally


class Shared:
    """The answers to one case, and what is permitted for it, for all clauses that are asked about it."""

    def __init__(self) -> None:
        self.ask(None)

    def ask(self, case: Case | None) -> None:
        """Go on to another case, of which nothing is known yet; None keeps nothing until the next one."""
        self._case = case
        self._answers: dict[Hashable, tuple[Observation, list[Call]]] = {}
        self._compared: dict[Hashable, tuple[float | None, tuple[object, ...]]] = {}
        self._expected: Expectations | None = None

    @contextmanager
    def afresh(self) -> Iterator[None]:
        """Have the case run again within, with answers of its own."""
        case, self._case = self._case, None
        try:
            yield
        finally:
            self._case = case

    def answer(self, case: Case, how: Hashable, driver: Driver, run: Callable[[], Observation]) -> Observation:
        """What running the case in one way answers.

        The calls of the first run count as those of each later one. An answer to a case that others are not asked about
        is not kept, nor one before which the clause made calls: these may matter. What raises is run again.

        Args:
            case: the case.
            how: the way.
            driver: the driver of the clause.
            run: runs it.
        """
        key = (how, id(driver.adapter))
        if case is not self._case or driver.calls:
            return run()
        if key not in self._answers:
            observation = run()
            self._answers[key] = observation, list(driver.calls)
        observation, calls = self._answers[key]
        driver.calls[:] = calls
        return observation

    def compared(self, key: Hashable, compare: Callable[..., float | None], *sides: object) -> float | None:
        """What a comparison of two objects comes to; the same two are compared once.

        Raises:
            Deviation: they differ, in a way that is not permitted.
        """
        if self._case is None:
            return compare(*sides)
        key = (key, *map(id, sides))
        if key not in self._compared:
            self._compared[key] = compare(*sides), sides  # which keeps them, and so their ids
        return self._compared[key][0]

    def expected(self, case: Case, tally: Tally) -> Expectations | None:
        """What is permitted for the case, timed by a tally; None for one that others are not asked about."""
        if case is not self._case:
            return None
        if self._expected is None:
            self._expected = Expectations(case, tally)
        self._expected.tally = tally
        return self._expected
