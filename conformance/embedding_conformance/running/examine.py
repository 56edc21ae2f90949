"""One clause on one dtype and device, from the witnesses of its known deviations to its verdict."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import pytest
from hypothesis.errors import Flaky, FlakyFailure

from embedding_conformance.cases.case import Case
from embedding_conformance.cases.domain import ON
from embedding_conformance.cases.drawing import draw
from embedding_conformance.cases.edges import edges_of, ladder_of
from embedding_conformance.cases.pool import Pool
from embedding_conformance.cases.strategies import UnderTest, under_test
from embedding_conformance.diagnosis.diagnose import diagnose
from embedding_conformance.diagnosis.finding import Finding
from embedding_conformance.diagnosis.pattern import pattern_of
from embedding_conformance.diagnosis.shown import Shown, shown
from embedding_conformance.diagnosis.trials import Trials
from embedding_conformance.judging import compare
from embedding_conformance.judging.clause import Clause
from embedding_conformance.judging.compare import Deviation
from embedding_conformance.judging.shared import Shared
from embedding_conformance.judging.subject import Subject
from embedding_conformance.judging.tally import Tally
from embedding_conformance.running.document import evidence_of
from embedding_conformance.running.search import Search
from embedding_conformance.running.session import Session
from embedding_conformance.running.verdict import Record, verdict_of
from embedding_conformance.running.witnesses import Replayed, replay
from embedding_conformance.wiring import inspection
from embedding_reports.outcomes import Outcome
from embedding_reports.records import Evidence, Verdict

MOST_SEARCHES = 4
"""How often a clause is searched: once, and beyond each of the causes that it shows."""


MOST_ROUNDS = 3
"""How often as many cases as the profile asks for are drawn, where hardly one of them could have failed."""


@dataclass(frozen=True)
class Examined:
    """A verdict, and the counts on which it rests.

    Attributes:
        verdict: the verdict on the clause.
        tally: the counts of the examination.
        shown: what deviates.
    """

    verdict: Verdict
    tally: Tally
    shown: tuple[Shown, ...] = ()


class Examining:
    """The examination of one clause on one dtype and device, while its cases are asked one by one.

    Attributes:
        clause: the clause.
        subject: the implementation as the clause's test receives it.
        edges: the edge cases of its domain.
        ladder: its cases of each size that a kernel may switch at.
        failed_before: cases of its domain that failed in an earlier run.
    """

    def __init__(
        self,
        session: Session,
        clause: Clause,
        dtype: str | None,
        device: str | None,
        search: Search,
        shared: Shared | None = None,
    ) -> None:
        """Replay the witnesses of known deviations.

        Args:
            session: the run.
            clause: the clause.
            dtype: the weight dtype; None for a clause that does not depend on it.
            device: the device; None likewise.
            search: the settings of the search.
            shared: the answers to the case that other clauses are asked about, too.
        """
        self.session, self.clause, self._search = session, clause, search
        self._shared = shared or Shared()
        self.subject = session.subject(clause, dtype, device, self._shared)
        self.edges: Sequence[Case] = ()
        self.ladder: Sequence[Case] = ()
        self.failed_before: Sequence[Case] = ()
        self._place = f"{clause.id} {self.subject.dtype} {self.subject.device}"
        self._known: Sequence[Replayed] = ()
        self._findings: list[Finding] = []
        self._error: BaseException | None = None
        self._asked, self._seconds = 0, 0.0
        with self._at_work():
            self._known = replay(session, clause, self.subject)
            self._findings += map(_otherwise, (one for one in self._known if one.otherwise and one.in_force))
            if clause.domain is not None and self.goes_on:
                self.edges = edges_of(clause.domain, under_test.get())
                self.ladder = ladder_of(clause.domain, under_test.get(), search.profile.largest)
                self.failed_before = [*search.failed_before(self._place, clause.domain)]

    @property
    def goes_on(self) -> bool:
        """Whether the clause is still to be asked: nothing failed."""
        return not self._findings and self._error is None

    @property
    def _judged(self) -> int:
        """How many cases could have failed, deviate as is known, or are not supported: more would tell no more."""
        tally = self.subject.tally
        return tally.exercised + tally.declared + tally.unsupported

    @contextmanager
    def _at_work(self) -> Iterator[None]:
        """Measure the time, draw what the implementation supports, and keep the exception that ends the examination.

        Once the implementation can answer nothing more in this process, all clauses go on with what replaces it.
        """
        start, driver, apart = time.perf_counter(), self.subject.driver, self.clause.may_crash
        driver.adapter = driver.adapter if apart else self.session.adapter
        token = under_test.set(self.subject.declarations.for_strategies)
        try:
            yield
        except (KeyboardInterrupt, pytest.exit.Exception):
            raise
        except BaseException as raised:  # noqa: BLE001 - every clause gets a verdict, whatever its test raises
            self._error = raised
        finally:
            under_test.reset(token)
            if self.subject.tally.lost and not apart:
                self.session.adapter = driver.fallback
            self._seconds += time.perf_counter() - start

    def choose(self, pool: Pool) -> Iterator[tuple[Case, Case]]:
        """Those cases of the pool that the clause is asked about, each with what it makes of it.

        They are its own and others, as many in all as the profile asks for. Of what is declared unsupported it takes
        its own alone, to see it refused.
        """
        domain, subject = self.clause.domain, self.subject.declarations.for_strategies
        if domain is None or not self.goes_on:
            return
        chosen: set[Case] = set()
        for case in pool.of(self.clause, subject):
            if case not in chosen:
                chosen.add(case)
                yield case, case
        wanted = math.inf if self.clause.every else self._search.profile.examples - len(self.edges)
        others = pool.others(self.clause, subject)
        while len(chosen) < wanted and (other := next(others, None)) is not None:
            made = domain.taken(other) if other not in chosen else None
            if made is not None and domain.counts(made) and self._supports(other, subject):
                chosen.add(other)
                yield other, made

    def _supports(self, case: Case, subject: UnderTest) -> bool:
        """Whether the implementation supports a case; not every adapter takes no_grad."""
        untracked = subject.untracked or (self.clause.domain is not None and self.clause.domain.no_grad == ON)
        return (untracked or not case.no_grad) and self.subject.declarations.of(case) is None

    def ask(self, case: Case) -> None:
        """Ask the clause about a case, unless it failed before."""
        if self.goes_on:
            self._asked += case not in self.ladder
            with self._at_work():
                self._twice_if_it_fails(case)

    def _run(self, case: Case) -> None:
        self.subject.examine(self.clause, self.clause.body, case)

    def _twice_if_it_fails(self, case: Case) -> None:
        """Run a case, and once more if it deviates, with answers of its own.

        Raises:
            Deviation: it deviates both times.
            FlakyFailure: it deviates the first time only.
        """
        try:
            self._run(case)
        except Deviation as deviation:
            with self._shared.afresh():
                self._run(case)
            raise FlakyFailure("it did not fail again", [deviation]) from deviation

    def finish(self) -> Examined:
        """Ask about as many further cases as the profile asks for, and come to the verdict."""
        error, self._error = self._error, None
        with self._at_work():
            if not self._findings:
                self._search_beyond(error)
            if not self._findings and self.subject.examination.closed_to(self.clause):
                self._known = ()  # a witness may have deviated before it came to the verb that is missing
        return self._examined()

    def _examined(self) -> Examined:
        session, clause, subject, error = self.session, self.clause, self.subject, self._error
        record = Record(
            clause=clause,
            dtype=subject.dtype,
            device=subject.device,
            tally=subject.tally,
            enough=session.enough(clause),
            known=tuple(one.record(session.adapter) for one in self._known),
            error=error,
            seconds=self._seconds,
        )
        findings, seen = self._findings, list[Evidence]()
        deviation = findings[0].deviation if findings else _deviation(error)
        if deviation is not None:
            findings = findings or [Finding(deviation, deviation.case)]
            seen = [evidence_of(finding.deviation, session.adapter) for finding in findings]
            record = replace(
                record,
                deviation=seen[0],
                error=None,
                remark=_remark(session, subject, deviation, error, self._known),
                undermined=_undermined(session, subject, deviation),
            )
        subject.tally.conforming.clear()  # cases may be large, and were only kept to learn from
        verdict = verdict_of(record, session.options.level)
        if verdict.outcome is not Outcome.DEVIATES:
            return Examined(verdict, subject.tally)
        place = verdict.clause, verdict.dtype, verdict.device
        return Examined(verdict, subject.tally, tuple(shown(f, place, e) for f, e in zip(findings, seen)))

    def _search_beyond(self, error: BaseException | None) -> None:
        """Draw what is missing, unless a case failed already, and search again beyond each finding.

        Raises:
            BaseException: what ended a search, if it is not a finding.
        """
        for part in range(MOST_SEARCHES):
            try:
                if error is not None:
                    raise error
                self._search_on(part)
            except (Deviation, BaseExceptionGroup) as raised:
                error, deviation = None, _deviation(raised)
                if deviation is None or deviation.case is None or isinstance(raised, Flaky):
                    raise
                if part == 0:
                    self._search.keep(self._place, deviation.case, fails=True)
                if not self._search.profile.diagnoses:
                    raise
                if not self._find(deviation).pattern.conditions:
                    break
            else:
                break
        self.session.findings += self._findings

    def _find(self, deviation: Deviation) -> Finding:
        """The finding that a deviation comes to, which explains others from now on."""
        trials = Trials(self.clause, self.subject, deviation)
        for case in self.subject.tally.conforming:
            trials.add(case)
        found = diagnose(trials, deviation, self.session.findings, self._findings)
        if found not in self._findings:
            self._findings.append(found)
        self.subject.tally.deviated = False
        self.subject.examination.explained = self._findings
        return found

    def _search_on(self, part: int) -> None:
        """Draw and run cases of the clause's own: at first so many as are missing, and later as many as ever.

        Raises:
            BaseException: whatever the first failing case raises.
        """
        clause, profile = self.clause, self._search.profile
        if self.subject.examination.closed_to(clause):
            return
        if clause.domain is None:
            self.subject.examine(clause, clause.body, None)
            return
        if part == 0:
            for case in self.failed_before:  # none of them failed again
                self._search.keep(self._place, case, fails=False)
        else:
            for case in (*self.edges, *self.ladder):
                self._twice_if_it_fails(case)
        # What others brought is enough, unless hardly a case could have failed; what is to be climbed is its own.
        alone = part or profile.climbs or self._judged < 2 * self.session.enough(clause)
        missing = profile.examples - (len(self.edges) if alone else self._asked)
        for again in range(MOST_ROUNDS if missing > 0 else 0):
            seed = f"{self._search.seed} {self._place}{part or ''}{' again' * again}"
            draw(self._run, clause.domain, seed, missing, climbs=profile.climbs)
            if part or self._judged >= self.session.enough(clause):
                break


def _deviation(error: BaseException | None) -> Deviation | None:
    """The deviation that ended a search, if one did; Hypothesis wraps one that is not reproducible in a group."""
    if isinstance(error, Deviation):
        return error
    if isinstance(error, BaseExceptionGroup):
        found = [_deviation(each) for each in error.exceptions]
        return next((deviation for deviation in found if deviation is not None), None)
    return None


def _otherwise(replayed: Replayed) -> Finding:
    """The finding that a witness comes to which deviates otherwise than its entry says."""
    assert replayed.otherwise is not None
    return Finding(replayed.otherwise, replayed.otherwise.case, pattern_of(replayed.entry.where))


def _remark(
    session: Session, subject: Subject, deviation: Deviation, error: BaseException | None, known: Sequence[Replayed]
) -> str | None:
    """A remark on a deviation: a ledger says otherwise, the wiring may explain it, or it comes and goes."""
    for one in known:
        if one.otherwise is deviation:
            return f"otherwise than the ledger says ({' or '.join(one.entry.does)}): {one.entry.reason}"
    if hint := session.wiring.hint(deviation, subject.device):
        return hint
    if isinstance(error, Flaky):
        return "did not fail again when run once more"
    return None


def _undermined(session: Session, subject: Subject, deviation: Deviation) -> str:
    """Why a deviation is the adapter's doing and not the implementation's, or ""; this runs the case once more."""
    # Not after a crash: another one may take a minute, and would not show whether the case reached the implementation.
    if session.wiring.suspect != inspection.ADAPTER or subject.tally.crashes:
        return ""
    reason = inspection.undermined(subject, deviation.case)
    return reason and f"{reason} ({compare.shorten(deviation.case)})"
