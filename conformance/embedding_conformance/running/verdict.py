"""The verdict on a clause, as a pure function of what its examination recorded."""

from __future__ import annotations

import traceback
from dataclasses import dataclass

from embedding_conformance.boundary.refusals import Misanswered
from embedding_conformance.judging.clause import INFO, MUST, Clause
from embedding_conformance.judging.tally import Tally
from embedding_reports.outcomes import Outcome
from embedding_reports.records import Evidence, Known, Seconds, Verdict


@dataclass(frozen=True)
class Record:
    """The record of the examination of one clause on one dtype and device.

    Attributes:
        clause: the clause.
        dtype: the weight dtype.
        device: the device.
        tally: the counts of cases, and the seconds of each part of the work.
        enough: how many cases had to be exercised.
        known: the ledger's entries about the clause, each with the deviation that its witness showed, if it did.
        deviation: the deviation that was found, if one was.
        error: the exception by which the suite or the adapter broke, if one did.
        remark: a remark on the deviation, such as that it is not reproducible.
        undermined: why the deviation is the adapter's doing and not the implementation's, or "".
        seconds: how long the examination took in all.
    """

    clause: Clause
    dtype: str
    device: str
    tally: Tally
    enough: int
    known: tuple[Known, ...] = ()
    deviation: Evidence | None = None
    error: BaseException | None = None
    remark: str | None = None
    undermined: str = ""
    seconds: float = 0.0


def verdict_of(record: Record, level: str) -> Verdict:
    """The verdict on a clause.

    Args:
        record: the record of its examination.
        level: which deviations fail the run: "should" (MUST and SHOULD) or "must".
    """
    outcome, reason = _outcome(record)
    fixed = [known.reason for known in record.known if known.deviation is None and not known.inherited]
    if fixed and record.deviation is None and record.error is None:
        reason = f"fixed: remove this entry ({'; '.join(fixed)})"
    once, tally = record.clause.dtypes == "none", record.tally
    return Verdict(
        clause=record.clause.id,
        dtype=None if once else record.dtype,
        device=None if once else record.device,
        outcome=outcome,
        fails=(
            outcome is Outcome.ERROR
            or bool(fixed)
            or (outcome is Outcome.DEVIATES and counts(record.clause.level, level))
        ),
        cases=tally.cases,
        exercised=tally.exercised,
        enough=record.enough,
        seconds=_split(tally.seconds, record.seconds),
        worst=tally.worst,
        reason=reason,
        deviation=record.deviation if outcome is Outcome.DEVIATES else None,
        known=record.known,
    )


def counts(clause_level: str, level: str) -> bool:
    """Whether a deviation from a clause of this level fails a run at that level."""
    return clause_level == MUST or (clause_level != INFO and level == "should")


def _outcome(record: Record) -> tuple[Outcome, str | None]:
    """The outcome, and the reason for it, where it needs one."""
    tally, enough = record.tally, record.enough
    if record.deviation is not None:
        return (Outcome.ERROR, record.undermined) if record.undermined else (Outcome.DEVIATES, record.remark)
    if record.error is not None:
        return Outcome.ERROR, _broken(record.error)
    if any(known.deviation for known in record.known):
        return Outcome.KNOWN_DEVIATION, None
    if tally.exercised >= enough:
        return Outcome.CONFORMS, None
    if tally.unsupported and not tally.exercised:
        return Outcome.UNSUPPORTED, tally.reason
    reason = f"{tally.exercised} of {tally.cases} cases could have failed; {enough} are needed"
    if tally.unsupported:
        reason += f" ({tally.unsupported} were unsupported: {tally.reason})"
    return Outcome.NOT_EXERCISED, reason


def _broken(error: BaseException) -> str:
    """The description of an error: in words where the adapter answered wrongly, else as Python prints it."""
    return str(error) if isinstance(error, Misanswered) else "".join(traceback.format_exception_only(error)).strip()


def _split(parts: dict[str, float], total: float) -> Seconds:
    """The seconds of an examination, by what they were spent on; drawing is all that the test's body does not take."""
    body, reference, adapter = parts["body"], parts["reference"], parts["adapter"]
    return Seconds(
        total=round(total, 6),
        drawing=round(max(total - body, 0.0), 6),
        reference=round(reference, 6),
        adapter=round(adapter, 6),
        judging=round(max(body - reference - adapter, 0.0), 6),
    )
