"""One clause on one dtype and device, from the witnesses of its known deviations to its verdict."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import pytest
from hypothesis.errors import Flaky

from embedding_conformance.cases.strategies import under_test
from embedding_conformance.diagnosis.explain import explain
from embedding_conformance.judging import compare
from embedding_conformance.judging.clause import Clause
from embedding_conformance.judging.compare import Deviation
from embedding_conformance.judging.subject import Subject
from embedding_conformance.judging.tally import Tally
from embedding_conformance.running.document import evidence_of
from embedding_conformance.running.search import Search, observe_cases, search_cases
from embedding_conformance.running.session import Session
from embedding_conformance.running.verdict import Record, verdict_of
from embedding_conformance.running.witnesses import replay
from embedding_conformance.wiring import inspection
from embedding_reports.records import Known, Verdict


@dataclass(frozen=True)
class Examined:
    """A verdict, and the counts on which it rests.

    Attributes:
        verdict: the verdict on the clause.
        tally: the counts of the examination.
    """

    verdict: Verdict
    tally: Tally


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
    known: tuple[Known, ...] = ()
    error: BaseException | None = None
    diagnosis = ""
    try:
        known = replay(session, clause, subject)
        search_cases(clause, subject, search)
    except (KeyboardInterrupt, pytest.exit.Exception):
        raise
    except BaseException as raised:  # noqa: BLE001 - every clause gets a verdict, whatever its test raises
        error = raised
        diagnosis = _diagnosis(clause, subject, search, _deviation(error))
    finally:
        under_test.reset(token)
    if subject.tally.lost and not clause.may_crash:
        session.adapter = subject.driver.fallback  # the implementation can answer nothing more in this process
    record = Record(clause, subject.dtype, subject.device, subject.tally, session.enough(clause), known, error=error)
    if (deviation := _deviation(error)) is not None:
        record = replace(
            record,
            deviation=evidence_of(deviation, session.adapter),
            error=None,
            remark=_remark(session, subject, deviation, error) or diagnosis or None,
            undermined=_undermined(session, subject, deviation),
        )
    seconds = time.perf_counter() - start
    return Examined(verdict_of(replace(record, seconds=seconds), session.options.level), subject.tally)


def _deviation(error: BaseException | None) -> Deviation | None:
    """The deviation that ended a search, if one did; Hypothesis wraps one that is not reproducible in a group."""
    if isinstance(error, Deviation):
        return error
    if isinstance(error, BaseExceptionGroup):
        found = [_deviation(each) for each in error.exceptions]
        return next((deviation for deviation in found if deviation is not None), None)
    return None


def _remark(session: Session, subject: Subject, deviation: Deviation, error: BaseException | None) -> str | None:
    """A remark on a deviation: that the wiring may explain it, that it comes and goes, or what a fault model says."""
    if hint := session.wiring.hint(deviation, subject.device):
        return hint
    if isinstance(error, Flaky):
        return "did not fail again when run once more"
    return None


def _diagnosis(clause: Clause, subject: Subject, search: Search, deviation: Deviation | None) -> str:
    """The fault model that explains a deviation, in a sentence, or ""."""
    if deviation is None or not deviation.is_of_answer or clause.domain is None or subject.tally.crashes:
        return ""
    if not search.profile.diagnoses:
        return ""
    explanation = explain(subject.tally.observations.with_more(observe_cases(clause, subject, search)))
    return explanation.text if explanation else ""


def _undermined(session: Session, subject: Subject, deviation: Deviation) -> str:
    """Why a deviation is the adapter's doing and not the implementation's, or ""; this runs the case once more."""
    # Not after a crash: another one may take a minute, and would not show whether the case reached the implementation.
    if session.wiring.suspect != inspection.ADAPTER or subject.tally.crashes:
        return ""
    reason = inspection.undermined(subject, deviation.case)
    return reason and f"{reason} ({compare.shorten(deviation.case)})"
