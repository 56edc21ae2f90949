"""The pool: cases that many clauses are asked about, some drawn from the domain of each."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Protocol

from embedding_conformance.cases.case import Case
from embedding_conformance.cases.domain import Domain
from embedding_conformance.cases.drawing import draw
from embedding_conformance.cases.strategies import UnderTest, under_test


class About(Protocol):
    """What cases are drawn for: a clause."""

    @property
    def id(self) -> str:
        """What the cases depend on, beside the seed and the implementation under test."""

    @property
    def domain(self) -> Domain | None:
        """The cases to draw from."""


AT_ONCE = 12
"""How many cases are drawn at once."""


class Pool:
    """The cases, which are the same whichever clauses are asked about them, in whatever order.

    Attributes:
        clauses: the clauses, each of which has a domain.
        each: how many cases are drawn for each of them.
    """

    def __init__(self, clauses: Sequence[About], seed: str, each: int) -> None:
        self.clauses, self.each, self._seed = clauses, each, seed

    def of(self, clause: About, subject: UnderTest) -> Iterator[Case]:
        """The cases drawn for a clause and what is under test; a few at a time, as few may be enough."""
        assert clause.domain is not None
        for start in range(0, self.each, AT_ONCE):
            count = min(self.each - start, AT_ONCE)
            yield from _drawn(clause.domain, f"{self._seed} {clause.id} {start}", count, subject)

    def others(self, clause: About, subject: UnderTest) -> Iterator[Case]:
        """The cases drawn for others, in an order of the clause's own, so that clauses see different ones first."""
        ordered = sorted(self.clauses, key=lambda other: zlib.crc32(f"{clause.id} {other.id}".encode()))
        for other in ordered:
            if other.id != clause.id:
                yield from self.of(other, subject)


@lru_cache(maxsize=1000)
def _drawn(domain: Domain, seed: str, count: int, subject: UnderTest) -> Sequence[Case]:
    cases: list[Case] = []

    def keep(case: Case) -> None:
        cases.append(case)

    token = under_test.set(subject)
    try:
        draw(keep, domain, f"{seed} {subject.dtype}", count)
    finally:
        under_test.reset(token)
    return cases
