"""The scoreboard: how several implementations fare, each on what it claims."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from embedding_reports.model.summary import LEVELS, PRECEDENCE, clauses

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from embedding_reports.model.summary import Summary
    from embedding_reports.results import Document

JUDGED = LEVELS[:2]
"""The levels that count: INFO says what is worth knowing, not what is right."""

TESTED = ("conforms", "deviates", "known deviation")


@dataclass(frozen=True)
class Score:
    """How a run fares on some clauses.

    Attributes:
        outcome: the worst outcome of any of them; `unsupported` where none is claimed.
        conforms: how many conform.
        tested: how many say something about the implementation.
        words: the same in a sentence.
    """

    outcome: str
    conforms: int
    tested: int
    words: str


def scores(document: Document, summary: Summary) -> Mapping[str, Score]:
    """The score of a run on each section of the contract, and on all of it under the name ""."""
    judged = [clause for clause in document["clauses"] if clause["level"] in JUDGED]
    found: dict[str, list[str]] = {"": []}
    for clause in judged:
        outcome = summary.outcomes[clause["id"]]
        found[""].append(outcome)
        found.setdefault(clause["section"], []).append(outcome)
    return {section: _score(outcomes) for section, outcomes in found.items()}


def _score(outcomes: Sequence[str]) -> Score:
    tested = sum(outcome in TESTED for outcome in outcomes)
    conforms = outcomes.count("conforms")
    worst = next((outcome for outcome in PRECEDENCE if outcome in outcomes), "unsupported")
    words = f"{conforms} of {clauses(tested)} tested conform" if tested else "nothing tested"
    others = {outcome: outcomes.count(outcome) for outcome in ("unsupported", "not exercised", "error")}
    words += "".join(f", {number} {outcome}" for outcome, number in others.items() if number)
    return Score(worst, conforms, tested, words)
