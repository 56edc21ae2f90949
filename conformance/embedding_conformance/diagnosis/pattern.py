"""Patterns: in which cases something deviates, as few conditions on features that hold for each of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from embedding_conformance.cases import whole
from embedding_conformance.cases.case import Case
from embedding_conformance.cases.whole import Features
from embedding_reports.condition import Condition, in_words

LEFT_OUT = ("dtype",)
"""Features of which a pattern says nothing: a clause is examined on one dtype at a time."""

NORM_TYPE = "norm_type"
"""The feature whose values are text in a pattern."""

POOR = 0.25
"""Cases that have a pattern and conform all the same, for each that deviates, from which on it is a poor one."""


@dataclass(frozen=True)
class Pattern:
    """Conditions that hold together; without any, every case has the pattern."""

    conditions: tuple[Condition, ...] = ()

    def holds(self, features: Features) -> bool:
        """Whether a case of these features has the pattern."""
        return all(condition.holds(features) for condition in self.conditions)

    def __str__(self) -> str:
        return in_words(self.conditions)


def features_of(case: Case) -> Features:
    """The features of a case as a whole, as a results file can hold them: JSON has no infinity."""
    return {**whole.features_of(case), NORM_TYPE: str(case.config.norm_type)}


def pattern_of(where: Mapping[str, Any]) -> Pattern:
    """The pattern that the features of a ledger's entry are, but for what a pattern says nothing of."""
    made = [Condition.of(name, wanted) for name, wanted in where.items() if name not in (*LEFT_OUT, "device")]
    return Pattern(
        tuple(replace(c, values=tuple(map(str, c.values or ()))) if c.feature == NORM_TYPE else c for c in made)
    )


def where_of(conditions: Sequence[Condition]) -> dict[str, Any]:
    """The features of a ledger's entry that are some conditions."""
    where: dict[str, Any] = {}
    for one in conditions:
        if one.values is None and one.least != one.most:
            where[one.feature] = {k: v for k, v in (("least", one.least), ("most", one.most)) if v is not None}
            continue
        values = list(one.values or (one.least,))
        if one.feature == NORM_TYPE:
            values = [float(value) for value in values]
        where[one.feature] = values[0] if len(values) == 1 else values
    return where


def learn(deviating: Sequence[Features], conforming: Sequence[Features]) -> Pattern:
    """The pattern that holds for every case that deviates, and for as few that conform as can be.

    Args:
        deviating: the features of cases that deviate, at least one.
        conforming: the features of cases that do not.

    Returns:
        Of all conditions that hold for the former, as few as are needed: again and again the one that leaves out most
        of the latter, and of equals the one whose feature stands first in `Case.features`.
    """
    left, chosen = list(conforming), []
    names = [name for name in deviating[0] if name not in LEFT_OUT and all(name in features for features in deviating)]
    options = [condition for name in names for condition in _options(name, deviating)]
    while left:
        counts = [sum(not option.holds(features) for features in left) for option in options]
        most = max(counts, default=0)
        if most == 0:
            break
        best = options[counts.index(most)]
        chosen.append(best)
        left = [features for features in left if best.holds(features)]
    if len(left) > POOR * len(deviating):
        # Features do not tell them apart: what matters is in the numbers, and most conditions are there by chance.
        chosen = [one for one in chosen if sum(not one.holds(f) for f in conforming) >= len(conforming) / 2]
    needed = [one for one in chosen if _is_needed(one, chosen, conforming)]
    return Pattern(tuple(_tight(one, deviating) for one in _joined(needed)))


def _options(name: str, deviating: Sequence[Features]) -> list[Condition]:
    """The conditions on a feature that hold for all of the cases."""
    values = [features[name] for features in deviating]
    if all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values):
        return [Condition(name, least=min(values)), Condition(name, most=max(values))]
    return [Condition(name, values=tuple(dict.fromkeys(values)))]


def _is_needed(one: Condition, chosen: Sequence[Condition], conforming: Sequence[Features]) -> bool:
    """Whether one of the conditions leaves out a case that no other of them does."""
    others = Pattern(tuple(other for other in chosen if other is not one))
    return any(others.holds(features) and not one.holds(features) for features in conforming)


def _joined(conditions: Sequence[Condition]) -> tuple[Condition, ...]:
    """The conditions, the two on one number as one, in the order of their names in `Case.features`."""
    joined: dict[str, Condition] = {}
    for one in conditions:
        other = joined.get(one.feature)
        if other is None or one.values is not None:
            joined[one.feature] = one
        else:
            least = one.least if other.least is None else other.least
            joined[one.feature] = Condition(one.feature, least=least, most=other.most if one.most is None else one.most)
    return tuple(joined.values())


def _tight(condition: Condition, deviating: Sequence[Features]) -> Condition:
    """The condition, as one value where a number has no other in any case that deviates."""
    values = {features[condition.feature] for features in deviating}
    if condition.values is not None or len(values) > 1:
        return condition
    (value,) = values
    return Condition(condition.feature, least=value, most=value)
