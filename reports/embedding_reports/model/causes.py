"""The causes of a run: those that it found, and those that a ledger declares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from embedding_reports.condition import Condition
from embedding_reports.model.findings import normalised
from embedding_reports.outcomes import DEVIATING, LEVELS, Level, Outcome
from embedding_reports.records import Cause, Evidence, Known, Results, Verdict

PLACES = {"dtype", "device"}
"""The features that say on what a cause shows: patterns are told without them."""


class Stated(NamedTuple):
    """What an entry of a ledger states: why, what is done, in which cases, and what its witness showed."""

    reason: str
    does: str
    where: tuple[Condition, ...]
    evidence: Evidence


def stated(known: Sequence[Known]) -> list[Stated]:
    """What the entries of a ledger state whose witnesses still deviate."""
    return [
        Stated(entry.reason, entry.reason, _conditions(entry.features), entry.deviation)
        for entry in known
        if entry.deviation
    ]


@dataclass(frozen=True)
class RunCause:
    """A cause as one run has it.

    Attributes:
        cause: the cause; one that a ledger declares has the number 0.
        level: the firmest level of the clauses that it breaks.
        reason: the reason that a ledger gives for it; None where none declares it.
    """

    cause: Cause
    level: Level
    reason: str | None = None

    @property
    def declared(self) -> bool:
        """Whether a ledger declares it."""
        return self.reason is not None

    def shown_by(self, verdict: Verdict) -> bool:
        """Whether a verdict of the run shows it."""
        if self.declared:
            return any(entry.reason == self.reason for entry in stated(verdict.known))
        return self.cause.number in verdict.causes


def causes(run: Results) -> list[RunCause]:
    """The causes of a run: first those that it found, the most serious first, then those that a ledger declares.

    Entries with the same reason are one cause. A results file of version 1 names no causes: there, deviations that are
    the same but for dtypes and numbers count as one.
    """
    levels = {clause.id: clause.level for clause in run.clauses}
    made: list[tuple[Cause, str | None]] = [(cause, None) for cause in (*run.causes, *_undiagnosed(run))]
    return [
        RunCause(cause, min((levels.get(name, "MUST") for name in cause.clauses), key=LEVELS.index), reason)
        for cause, reason in [*made, *_declared(run)]
    ]


def diagnosed(run: Results) -> bool:
    """Whether each deviation that the run found has a cause; in a results file of version 1 none has."""
    return all(verdict.causes for verdict in run.verdicts if verdict.outcome is Outcome.DEVIATES)


def confined(verdict: Verdict, run: Results) -> bool:
    """Whether a clause that deviates was tested beyond its causes, where it conforms.

    Each of them must have a pattern, and enough cases outside all of these must have been judged.
    """
    if verdict.outcome not in DEVIATING or verdict.exercised < verdict.enough:
        return False
    if verdict.outcome is Outcome.DEVIATES and not verdict.causes:
        return False
    patterns = [cause.where for cause in run.causes if cause.number in verdict.causes]
    return all([*patterns, *(entry.where for entry in stated(verdict.known))])


def _undiagnosed(run: Results) -> list[Cause]:
    """What deviates and has no cause, as causes without a pattern."""
    alike: dict[str, list[tuple[Verdict, Evidence]]] = {}
    for verdict in run.verdicts:
        if verdict.deviation and not verdict.causes:
            symptom = normalised(verdict.deviation.summary, verdict.dtype or "")
            alike.setdefault(symptom, []).append((verdict, verdict.deviation))
    return [_cause(found, (), found[0][1].summary) for found in alike.values()]


def _declared(run: Results) -> list[tuple[Cause, str]]:
    """What the ledgers declare and still deviates: a cause for each reason, in the order of the contract."""
    by_reason: dict[str, list[tuple[Verdict, Stated]]] = {}
    for verdict in run.verdicts:
        for entry in stated(verdict.known):
            by_reason.setdefault(entry.reason, []).append((verdict, entry))
    made = []
    for reason, found in by_reason.items():
        shown = [(verdict, entry.evidence) for verdict, entry in found]
        made.append((_cause(shown, _common([entry.where for _, entry in found]), found[0][1].does), reason))
    return made


def _conditions(features: Mapping[str, Any]) -> tuple[Condition, ...]:
    """The features of an entry of a ledger as conditions."""
    return tuple(Condition.of(name, _plain(value)) for name, value in features.items() if name not in PLACES)


def _plain(value: Any) -> Any:
    """A value of a feature without the wrapping of numbers that JSON lacks: {"float": "inf"}."""
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    return value["float"] if isinstance(value, Mapping) and "float" in value else value


def _common(patterns: Sequence[tuple[Condition, ...]]) -> tuple[Condition, ...]:
    """What all patterns have in common: on each feature that all of them name, what any of them admits."""
    made = []
    for condition in patterns[0]:
        same = [other for pattern in patterns for other in pattern if other.feature == condition.feature]
        values = tuple(dict.fromkeys(value for each in same for value in each.values or ()))
        either = len(values) == 2 and all(isinstance(value, bool) for value in values)
        if either or len(same) < len(patterns):
            continue
        if len(set(same)) == 1:
            made.append(condition)
        elif all(each.values for each in same):
            made.append(Condition(condition.feature, values))
    return tuple(made)


def _cause(shown: Sequence[tuple[Verdict, Evidence]], where: tuple[Condition, ...], does: str) -> Cause:
    """A cause that the run did not diagnose, from the verdicts that show it, in the order of the contract."""
    clauses = tuple(dict.fromkeys(verdict.clause for verdict, _ in shown))
    plainest = [evidence for verdict, evidence in shown if verdict.clause == clauses[0]]
    return Cause(
        number=0,
        where=where,
        does=does,
        fault=None,
        plainest=clauses[0],
        clauses=clauses,
        dtypes=tuple(dict.fromkeys(verdict.dtype for verdict, _ in shown if verdict.dtype)),
        devices=tuple(dict.fromkeys(verdict.device for verdict, _ in shown if verdict.device)),
        deviating=0,
        covered=0,
        outside=0,
        evidence=min(plainest, key=lambda evidence: len(evidence.case_repr)),
    )
