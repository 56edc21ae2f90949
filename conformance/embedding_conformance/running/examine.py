"""One clause on one dtype and device, from the witnesses of its known deviations to its verdict."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest
from hypothesis.errors import Flaky

from embedding_conformance.cases.strategies import under_test
from embedding_conformance.diagnosis.diagnose import diagnose
from embedding_conformance.diagnosis.finding import Finding
from embedding_conformance.diagnosis.pattern import pattern_of
from embedding_conformance.diagnosis.shown import Shown, shown
from embedding_conformance.diagnosis.trials import Trials
from embedding_conformance.judging import compare
from embedding_conformance.judging.clause import Clause
from embedding_conformance.judging.compare import Deviation
from embedding_conformance.judging.subject import Subject
from embedding_conformance.judging.tally import Tally
from embedding_conformance.running.document import evidence_of
from embedding_conformance.running.search import Search, search_cases
from embedding_conformance.running.session import Session
from embedding_conformance.running.verdict import Record, verdict_of
from embedding_conformance.running.witnesses import Replayed, replay
from embedding_conformance.wiring import inspection
from embedding_reports.outcomes import Outcome
from embedding_reports.records import Evidence, Verdict

MOST_SEARCHES = 4
"""How often a clause is searched: once, and beyond each of the causes that it shows."""


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


def examine(session: Session, clause: Clause, dtype: str | None, device: str | None, search: Search) -> Examined:
    """Replay the witnesses of known deviations, then search for others.

    Args:
        session: the run.
        clause: the clause.
        dtype: the weight dtype; None for a clause that does not depend on it.
        device: the device; None likewise.
        search: the settings of the search.
    """
    start = time.perf_counter()
    subject = session.subject(clause, dtype, device)
    token = under_test.set(subject.declarations.for_strategies())
    known: Sequence[Replayed] = ()
    error: BaseException | None = None
    findings: list[Finding] = []
    seen: list[Evidence] = []
    try:
        known = replay(session, clause, subject)
        findings += map(_otherwise, (one for one in known if one.otherwise and one.in_force))
        if not findings:
            _search_beyond(session, clause, subject, search, findings)
        if not findings and subject.examination.closed_to(clause):
            known = ()  # a witness may have deviated before it came to the verb that is missing
    except (KeyboardInterrupt, pytest.exit.Exception):
        raise
    except BaseException as raised:  # noqa: BLE001 - every clause gets a verdict, whatever its test raises
        error = raised
    finally:
        under_test.reset(token)
    if subject.tally.lost and not clause.may_crash:
        session.adapter = subject.driver.fallback  # the implementation can answer nothing more in this process
    record = Record(
        clause=clause,
        dtype=subject.dtype,
        device=subject.device,
        tally=subject.tally,
        enough=session.enough(clause),
        known=tuple(one.record(session.adapter) for one in known),
        error=error,
    )
    deviation = findings[0].deviation if findings else _deviation(error)
    if deviation is not None:
        findings = findings or [Finding(deviation, deviation.case)]
        seen = [evidence_of(finding.deviation, session.adapter) for finding in findings]
        record = replace(
            record,
            deviation=seen[0],
            error=None,
            remark=_remark(session, subject, deviation, error, known),
            undermined=_undermined(session, subject, deviation),
        )
    seconds = time.perf_counter() - start
    verdict = verdict_of(replace(record, seconds=seconds), session.options.level)
    if verdict.outcome is not Outcome.DEVIATES:
        return Examined(verdict, subject.tally)
    place = verdict.clause, verdict.dtype, verdict.device
    return Examined(verdict, subject.tally, tuple(shown(f, place, e) for f, e in zip(findings, seen)))


def _search_beyond(session: Session, clause: Clause, subject: Subject, search: Search, findings: list[Finding]) -> None:
    """Search, and again beyond each finding, which is added to `findings`.

    Raises:
        BaseException: what ended a search, if it is not a finding.
    """
    for part in range(MOST_SEARCHES):
        try:
            search_cases(clause, subject, search, part)
        except (Deviation, BaseExceptionGroup) as raised:
            deviation = _deviation(raised)
            if deviation is None or deviation.case is None or isinstance(raised, Flaky):
                raise
            if not search.profile.diagnoses:
                raise
            trials = Trials(clause, subject, deviation)
            for case in subject.tally.conforming:
                trials.add(case)
            found = diagnose(trials, deviation, session.findings, findings)
            if found not in findings:
                findings.append(found)
            subject.tally.deviated = False
            subject.examination.explained = findings
            if not found.pattern.conditions:
                break
        else:
            break
    session.findings += findings


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
