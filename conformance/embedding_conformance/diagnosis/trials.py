"""Trials: runs of a clause on cases of the diagnosis' own, which the tally does not count."""

from __future__ import annotations

import time
from collections.abc import Iterator

from embedding_conformance.cases.case import Case
from embedding_conformance.judging.clause import Clause
from embedding_conformance.judging.compare import Deviation
from embedding_conformance.judging.subject import Subject
from embedding_conformance.judging.tally import Observations, Tally

SECONDS = 20.0
"""How long one diagnosis may run cases: an implementation may take a second for each."""


class Trials:
    """The cases that were tried, and what came of each.

    Attributes:
        clause: the clause.
        subject: the implementation under test.
        symptom: what deviates in the case that is diagnosed.
        observations: the answers that were judged, for the fault models.
    """

    def __init__(self, clause: Clause, subject: Subject, deviation: Deviation) -> None:
        self.clause, self.subject, self.symptom = clause, subject, deviation.symptom
        # A case that does not meet the precondition may deviate, too; then smaller ones need not meet it, either.
        domain, case = clause.domain, deviation.case
        self._must_count = domain is not None and case is not None and domain.counts(case)
        self._until = time.monotonic() + SECONDS
        self._found: dict[Case, Deviation | None] = {}
        self.observations = Observations()
        self._tally = Tally(deviated=True, observations=self.observations)
        if deviation.case is not None:
            self._found[deviation.case] = deviation

    def fails(self, case: Case) -> bool:
        """Whether the clause admits a case and deviates in it as in the one that is diagnosed."""
        deviation = self.deviation(case)
        return deviation is not None and deviation.symptom == self.symptom

    def deviation(self, case: Case) -> Deviation | None:
        """How a case deviates; None where it does not, is not the clause's, is not supported, or the time is over."""
        if case in self._found:
            return self._found[case]
        domain = self.clause.domain
        if domain is None or time.monotonic() > self._until or not domain.admits(case):
            return None
        if self._must_count and not domain.counts(case):
            return None
        before, found = self._unjudged, None
        with self.subject.examination.aside(self._tally):
            try:
                self.subject.examine(self.clause, self.clause.body, case)
            except Deviation as deviation:
                found = deviation
        if found is not None or self._unjudged == before:
            self._found[case] = found
        return found

    def add(self, case: Case) -> None:
        """Keep a case that the search found to conform."""
        self._found.setdefault(case, None)

    @property
    def deviating(self) -> Iterator[Case]:
        """The cases that deviate in the same way."""
        return (case for case, found in self._found.items() if found is not None and found.symptom == self.symptom)

    @property
    def conforming(self) -> Iterator[Case]:
        """The cases that do not deviate at all."""
        return (case for case, found in self._found.items() if found is None)

    @property
    def _unjudged(self) -> int:
        return self._tally.unsupported + self._tally.declared
