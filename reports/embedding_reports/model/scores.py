"""The scoreboard: how several implementations fare, each on what it claims."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from embedding_reports.model.by_clause import ClauseVerdicts, by_clause, decisive
from embedding_reports.model.causes import causes, confined
from embedding_reports.model.summary import clauses
from embedding_reports.outcomes import DEVIATING, LEVELS, TESTED, Level, Outcome
from embedding_reports.records import Results

JUDGED = LEVELS[:2]
"""The levels that count: INFO is for what is worth knowing, not for what is right."""


_UNTESTED = (Outcome.UNSUPPORTED, Outcome.NOT_EXERCISED, Outcome.ERROR)


@dataclass(frozen=True)
class Score:
    """How a run fares on some clauses.

    Attributes:
        outcome: the outcome of any of them that counts most; "unsupported" where none is claimed.
        conforms: how many conform.
        but_for: how many more conform but for a cause: they deviate, and were tested outside its pattern, too.
        tested: how many say something about the implementation.
        words: the same in a sentence.
    """

    outcome: Outcome
    conforms: int
    but_for: int
    tested: int
    words: str


@dataclass(frozen=True)
class CauseCount:
    """How many causes a run has, and how much of what they break conforms elsewhere.

    Attributes:
        but_for: how many clauses conform but for a cause.
        declared: how many causes a ledger declares.
        new: how many none declares.
        new_must: how many of the new ones break a MUST clause.
    """

    but_for: int
    declared: int
    new: int
    new_must: int

    @property
    def total(self) -> int:
        """All causes."""
        return self.new + self.declared

    @property
    def remark(self) -> str:
        """How many are new, in words; "" where none is."""
        if self.new == self.new_must:
            return f"{self.new} new MUST" if self.new else ""
        return f"{self.new} new, {self.new_must} MUST" if self.new_must else f"{self.new} new"


def scores(run: Results) -> Mapping[str, Score]:
    """The score of a run on each section of the contract, and on all of it under the name ""."""
    found: dict[str, list[ClauseVerdicts]] = {"": []}
    for each in by_clause(run).values():
        if each.clause.level in JUDGED:
            found[""].append(each)
            found.setdefault(each.clause.section, []).append(each)
    return {section: _score(judged, run) for section, judged in found.items()}


def count_causes(run: Results, levels: Collection[Level] = JUDGED) -> CauseCount:
    """How many causes a run has, of those that break a clause of these levels."""
    counted = [cause for cause in causes(run) if cause.level in levels]
    new = [cause for cause in counted if not cause.declared]
    return CauseCount(
        but_for=sum(_but_for_causes(each, run) for each in by_clause(run).values() if each.clause.level in levels),
        declared=len(counted) - len(new),
        new=len(new),
        new_must=sum(cause.level == "MUST" for cause in new),
    )


def _but_for_causes(found: ClauseVerdicts, run: Results) -> bool:
    """Whether a clause deviates in the cases of causes alone: on each dtype and device, enough others conform."""
    deviating = [verdict for verdict in found.verdicts if verdict.outcome in DEVIATING]
    judged = {*found.outcomes} <= {*TESTED, Outcome.UNSUPPORTED}
    return bool(deviating) and judged and all(confined(verdict, run) for verdict in deviating)


def _score(judged: Sequence[ClauseVerdicts], run: Results) -> Score:
    outcomes = [each.outcome for each in judged]
    tested = sum(outcome in TESTED for outcome in outcomes)
    conforms = outcomes.count(Outcome.CONFORMS)
    but_for = sum(_but_for_causes(each, run) for each in judged)
    claimed = {*outcomes} - {Outcome.NOT_RUN} or {Outcome.UNSUPPORTED}
    words = f"{conforms} of {clauses(tested)} tested conform" if tested else "nothing tested"
    words += f", {but_for} more but for a cause" if but_for else ""
    others = {outcome: outcomes.count(outcome) for outcome in _UNTESTED}
    words += "".join(f", {number} {outcome}" for outcome, number in others.items() if number)
    return Score(decisive(claimed), conforms, but_for, tested, words)
