"""The causes of a run: those that it found, and those that a ledger declares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from embedding_reports.condition import Condition
from embedding_reports.model.findings import normalised
from embedding_reports.outcomes import DEVIATING, LEVELS, Level, Outcome
from embedding_reports.records import Cause, Evidence, Known, Results, Verdict

PLACES = {"dtype", "device"}
"""The features that say on what a cause shows: patterns are told without them."""


@dataclass(frozen=True)
class RunCause:
    """A cause as one run has it.

    Attributes:
        cause: the cause; one that a ledger declares has the number 0, and does what its reason says.
        level: the firmest level of the clauses that it breaks.
        declared: whether a ledger declares it.
    """

    cause: Cause
    level: Level
    declared: bool

    def shown_by(self, verdict: Verdict) -> bool:
        """Whether a verdict of the run shows it."""
        if self.declared:
            return any(entry.reason == self.cause.does for entry in _replayed(verdict))
        return self.cause.number in verdict.causes


def causes(run: Results) -> list[RunCause]:
    """The causes of a run: first those that it found, the most serious first, then those that a ledger declares.

    Entries with the same reason are one cause. A results file of version 1 names no causes: there, deviations that are
    the same but for dtypes and numbers count as one.
    """
    levels = {clause.id: clause.level for clause in run.clauses}
    found = [(cause, False) for cause in (*run.causes, *_undiagnosed(run))]
    return [
        RunCause(cause, min((levels.get(name, "MUST") for name in cause.clauses), key=LEVELS.index), declared)
        for cause, declared in [*found, *((cause, True) for cause in _declared(run))]
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
    return all([*patterns, *(_where(entry) for entry in _replayed(verdict))])


def _undiagnosed(run: Results) -> list[Cause]:
    """What deviates and has no cause, as causes without a pattern."""
    alike: dict[str, list[tuple[Verdict, Evidence]]] = {}
    for verdict in run.verdicts:
        if verdict.deviation and not verdict.causes:
            symptom = normalised(verdict.deviation.summary, verdict.dtype or "")
            alike.setdefault(symptom, []).append((verdict, verdict.deviation))
    return [_cause(found, (), found[0][1].summary) for found in alike.values()]


def _declared(run: Results) -> list[Cause]:
    """What the ledgers declare and still deviates: a cause for each reason, in the order of the contract."""
    by_reason: dict[str, list[tuple[Verdict, Known]]] = {}
    for verdict in run.verdicts:
        for entry in _replayed(verdict):
            by_reason.setdefault(entry.reason, []).append((verdict, entry))
    made = []
    for reason, found in by_reason.items():
        shown = [(verdict, entry.deviation) for verdict, entry in found if entry.deviation]
        made.append(_cause(shown, _common([_where(entry) for _, entry in found]), reason))
    return made


def _replayed(verdict: Verdict) -> list[Known]:
    """The entries of the ledger whose witnesses still deviate."""
    return [entry for entry in verdict.known if entry.deviation]


def _where(entry: Known) -> tuple[Condition, ...]:
    """In which cases an entry of the ledger says that it shows."""
    return tuple(
        Condition(name, tuple(map(_plain, value)) if isinstance(value, (list, tuple)) else (_plain(value),))
        for name, value in entry.features.items()
        if name not in PLACES
    )


def _plain(value: Any) -> Any:
    """A value of a feature without the wrapping of numbers that JSON lacks: {"float": "inf"}."""
    return value["float"] if isinstance(value, dict) else value


def _common(patterns: Sequence[tuple[Condition, ...]]) -> tuple[Condition, ...]:
    """What all patterns have in common: the conditions on features that each of them names."""
    values: dict[str, list[Any]] = {}
    for condition in patterns[0]:
        same = [other for pattern in patterns for other in pattern if other.feature == condition.feature]
        if len(same) == len(patterns):
            values[condition.feature] = list(dict.fromkeys(value for each in same for value in each.values or ()))
    return tuple(Condition(name, tuple(found)) for name, found in values.items() if set(found) != {True, False})


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
