"""The scoreboard: how several implementations fare, each on what it claims."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from embedding_reports.model.by_clause import decisive
from embedding_reports.model.summary import Summary, clauses
from embedding_reports.outcomes import LEVELS, TESTED, Outcome
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
        tested: how many say something about the implementation.
        words: the same in a sentence.
    """

    outcome: Outcome
    conforms: int
    tested: int
    words: str


def scores(run: Results, summary: Summary) -> Mapping[str, Score]:
    """The score of a run on each section of the contract, and on all of it under the name ""."""
    judged = [clause for clause in run.clauses if clause.level in JUDGED]
    found: dict[str, list[Outcome]] = {"": []}
    for clause in judged:
        outcome = summary.outcomes[clause.id]
        found[""].append(outcome)
        found.setdefault(clause.section, []).append(outcome)
    return {section: _score(outcomes) for section, outcomes in found.items()}


def _score(outcomes: Sequence[Outcome]) -> Score:
    tested = sum(outcome in TESTED for outcome in outcomes)
    conforms = outcomes.count(Outcome.CONFORMS)
    claimed = {*outcomes} - {Outcome.NOT_RUN} or {Outcome.UNSUPPORTED}
    words = f"{conforms} of {clauses(tested)} tested conform" if tested else "nothing tested"
    others = {outcome: outcomes.count(outcome) for outcome in _UNTESTED}
    words += "".join(f", {number} {outcome}" for outcome, number in others.items() if number)
    return Score(decisive(claimed), conforms, tested, words)
