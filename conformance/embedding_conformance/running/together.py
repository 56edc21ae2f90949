"""Clauses that are examined together: a case is asked once, and judged by every clause that it is about."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from embedding_conformance.cases.case import Case
from embedding_conformance.cases.domain import Domain
from embedding_conformance.cases.pool import Pool
from embedding_conformance.judging.clause import Clause
from embedding_conformance.judging.shared import Shared
from embedding_conformance.running.examine import Examined, Examining
from embedding_conformance.running.search import Search
from embedding_conformance.running.session import Session

Place = tuple[Clause, str | None, str | None]
"""A clause, with the dtype and the device on which it is examined."""

SHARE = 4
"""What part of the cases that its profile asks for is drawn for each clause: the rest is drawn for others."""


class Examiner:
    """Examines clauses in any order; those on one dtype and device begin together."""

    def __init__(
        self, session: Session, contract: Sequence[Clause], search: Search, *, places: Iterable[Place] = ()
    ) -> None:
        """An examiner that has examined nothing yet.

        Args:
            session: the run.
            contract: all clauses.
            search: the settings of the search.
            places: where clauses will be examined; elsewhere, a clause is examined by itself, on the same cases.
        """
        pool = Pool([*filter(_is_pooled, contract)], search.seed, max(search.profile.examples // SHARE, 2))
        self._session, self._settings = session, (session, search, pool)
        # What may crash has processes of its own, and waits until it is asked for.
        self._expected = [place for place in places if not place[0].may_crash]
        self._begun: dict[tuple[str | None, str | None], Together] = {}
        self._all: list[Together] = []

    def begin(self) -> Sequence[Place]:
        """Ask about the edge cases of all clauses, on one dtype after the other until something fails.

        What compiles anew for each dtype is asked about all cases of one before those of the next.

        Returns:
            The places where it failed.
        """
        if self._session.description.compiles:
            return []
        for dtype, device in dict.fromkeys((dtype, device) for _, dtype, device in self._expected):
            if failed := self._together(dtype, device).failed:
                return [(clause, dtype, device) for clause in failed]
        return []

    @property
    def cases(self) -> int:
        """How many cases were judged so far; one that several clauses are asked about counts for each of them."""
        return sum(together.cases for together in self._all)

    def examine(self, clause: Clause, dtype: str | None, device: str | None) -> Examined:
        """The verdict on one clause, dtype and device."""
        if (clause, dtype, device) in self._expected:
            return self._together(dtype, device).examine(clause)
        return self._begin([clause], dtype, device).examine(clause)

    def _together(self, dtype: str | None, device: str | None) -> Together:
        """The clauses on one dtype and device, begun."""
        if (dtype, device) not in self._begun:
            clauses = [clause for clause, *where in self._expected if where == [dtype, device]]
            self._begun[dtype, device] = self._begin(clauses, dtype, device)
        return self._begun[dtype, device]

    def _begin(self, clauses: Sequence[Clause], dtype: str | None, device: str | None) -> Together:
        self._all.append(Together(*self._settings, clauses, dtype, device))
        return self._all[-1]


class Together:
    """The examination of some clauses on one dtype and device."""

    def __init__(
        self,
        session: Session,
        search: Search,
        pool: Pool,
        clauses: Sequence[Clause],
        dtype: str | None,
        device: str | None,
    ) -> None:
        """Ask about the cases that failed before, and about the edge cases.

        Args:
            session: the run.
            search: the settings of the search.
            pool: the cases that clauses share.
            clauses: the clauses.
            dtype: the weight dtype; None for clauses that do not depend on it.
            device: the device; None likewise.
        """
        self._shared, self._pool = Shared(), pool
        self._begun = {
            clause.id: Examining(session, clause, dtype, device, search, self._shared if _is_pooled(clause) else None)
            for clause in clauses
        }
        self._pooled = [one for one in self._begun.values() if _is_pooled(one.clause)]
        self._ask(self._begun.values(), lambda one: ((case, case) for case in (*one.failed_before, *one.edges)))

    @property
    def failed(self) -> Sequence[Clause]:
        """The clauses that failed so far."""
        return [one.clause for one in self._begun.values() if not one.goes_on]

    @property
    def cases(self) -> int:
        """How many cases were judged so far, by all of the clauses."""
        return sum(one.subject.tally.cases for one in self._begun.values())

    def examine(self, clause: Clause) -> Examined:
        """The verdict on one clause; unless it failed, it is asked about the pool, and so are the others with it."""
        one = self._begun[clause.id]
        if one.goes_on and one in self._pooled:
            pooled, self._pooled = self._pooled, []
            self._ask(pooled, lambda one: ((case, case) for case in one.ladder))
            self._ask(pooled, lambda one: one.choose(self._pool))
        return one.finish()

    def _ask(self, about: Iterable[Examining], cases: Callable[[Examining], Iterable[tuple[Case, Case]]]) -> None:
        """Ask clauses about cases.

        Args:
            about: the examinations of the clauses.
            cases: the cases that one of them is asked about, each with what it makes of it.
        """
        asked: dict[Case, list[tuple[Examining, Case]]] = {}
        for one in about:
            for case, made in cases(one):
                if len(self._begun) == 1:  # the first that fails may save the drawing of others
                    self._ask_once(case, [(one, made)])
                else:
                    asked.setdefault(case, []).append((one, made))
                if not one.goes_on:
                    break
        for case, those in asked.items():
            self._ask_once(case, those)
        self._shared.ask(None)

    def _ask_once(self, case: Case, about: Iterable[tuple[Examining, Case]]) -> None:
        self._shared.ask(case)
        for one, made in about:
            one.ask(made)


def _is_pooled(clause: Clause) -> bool:
    """Whether the clause may be asked about the cases of others: not where it runs in a process of its own."""
    return type(clause.domain) is Domain and not clause.may_crash
