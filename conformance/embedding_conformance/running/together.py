"""Clauses that are examined together: a case is asked once, and judged by every clause that it is about."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence

from embedding_conformance.cases.case import Case
from embedding_conformance.cases.domain import Domain
from embedding_conformance.cases.pool import Pool
from embedding_conformance.cases.strategies import under_test
from embedding_conformance.judging.clause import Clause
from embedding_conformance.judging.shared import Shared
from embedding_conformance.running.examine import Examined, Examining, examine
from embedding_conformance.running.search import Search
from embedding_conformance.running.session import Session

SHARE = 6
"""What part of the cases that its profile asks for is drawn for each clause: the rest is drawn for others."""


class Examiner:
    """Examines clauses in any order; those that are about the same cases begin together."""

    def __init__(
        self,
        session: Session,
        contract: Sequence[Clause],
        search: Search,
        *,
        places: Iterable[tuple[Clause, str | None, str | None]] = (),
    ) -> None:
        """An examiner that has examined nothing yet.

        Args:
            session: the run.
            contract: all clauses.
            search: the settings of the search.
            places: the clauses that will be examined, each with its dtype and device; one that is not among them is
                examined by itself, on the same cases.
        """
        self._session, self._search = session, search
        self._pool = Pool([*filter(_is_pooled, contract)], search.seed, max(search.profile.examples // SHARE, 2))
        self._expected = [place for place in places if _is_pooled(place[0])]
        self._begun: dict[tuple[str, str | None, str | None], Examining] = {}

    def examine(self, clause: Clause, dtype: str | None, device: str | None) -> Examined:
        """The verdict on one clause, dtype and device."""
        if not _is_pooled(clause):
            return examine(self._session, clause, dtype, device, self._search)
        place = clause.id, dtype, device
        if place not in self._begun:
            together = [one for one, *where in self._expected if where == [dtype, device]]
            together = together if clause in together else [clause]
            self._expected = [one for one in self._expected if one[0] not in together or one[1:] != (dtype, device)]
            self._begin(together, dtype, device)
        return self._begun.pop(place).finish()

    def _begin(self, clauses: Sequence[Clause], dtype: str | None, device: str | None) -> None:
        """Ask clauses about the cases that failed before, the edges of their domains, and their part of the pool."""
        shared = Shared()
        begun = [Examining(self._session, clause, dtype, device, self._search, shared) for clause in clauses]
        self._begun |= {(one.clause.id, dtype, device): one for one in begun}
        token = under_test.set(begun[0].subject.declarations.for_strategies())
        try:
            for case, about in _asked(begun, self._pool):
                _ask(shared, case, about, begun)
        finally:
            under_test.reset(token)
        shared.ask(None)


def _asked(begun: Sequence[Examining], pool: Pool) -> Iterator[tuple[Case, Sequence[tuple[Examining, Case]]]]:
    """Each case, with those who are asked about it and what each makes of it."""
    alone = len(begun) == 1
    asked: dict[Case, list[tuple[Examining, Case]]] = {}
    for one in begun:
        plain = ((case, case) for case in (*one.failed_before, *one.edges))
        for case, made in itertools.chain(plain, one.choose(pool)):
            if not one.goes_on:
                break
            if alone:  # then the first that fails may save the drawing of others
                yield case, [(one, made)]
            else:
                asked.setdefault(case, []).append((one, made))
    yield from asked.items()


def _is_pooled(clause: Clause) -> bool:
    """Whether the clause may be asked about the cases of others: not where it runs in a process of its own."""
    return type(clause.domain) is Domain and not clause.may_crash


def _ask(shared: Shared, case: Case, about: Sequence[tuple[Examining, Case]], begun: Sequence[Examining]) -> None:
    """Ask clauses about a case; once it loses the process, all go on with what replaces that."""
    shared.ask(case)
    for one, made in about:
        one.ask(made)
        driver = one.subject.driver
        if one.subject.tally.lost and driver.adapter is driver.fallback:
            for other in begun:
                other.subject.driver.adapter = driver.fallback
