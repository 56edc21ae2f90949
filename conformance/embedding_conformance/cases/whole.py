"""The features of a case as a whole, where `Case.each_features` has those of each lookup."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from embedding_conformance.cases.case import FEATURES, Case, Life
from embedding_conformance.cases.life_strategies import VERBS

Features = Mapping[str, Any]

USUAL = ("contiguous", "ordinary", "none", "int64")
"""The usual values of features that are words."""

FIRST, LAST = "looks_up_row_0", "looks_up_last_row"
STEPS = {verb: f"then {verb}" for verb in VERBS if verb != "rest"}
"""The feature of lives that have a step, by its verb."""

WHOLE_FEATURES = (*FEATURES, FIRST, LAST, *STEPS.values())
"""The names of all features of a case as a whole."""


def features_of(case: Case) -> Features:
    """The features of a case, whether it looks up the outer rows, and of a life, which steps it has.

    Of several lookups each feature has the most unusual value: the largest number, true rather than false, and of words
    the first that is not the usual one.
    """
    steps = case.steps if isinstance(case, Life) else ()
    lookups = (*case.lookups, *(lookup for step in steps for lookup in step.lookups))
    each = (Case(case.config, case.weight, lookups, case.weight_layout) if steps else case).each_features
    joined: dict[str, Any] = {name: _most_unusual([features[name] for features in each]) for name in FEATURES}
    rows = {int(i) for lookup in lookups for i in lookup.index.components()}
    joined |= {FIRST: 0 in rows, LAST: case.config.num_embeddings - 1 in rows}
    if isinstance(case, Life):
        joined |= {name: any(step.verb == verb for step in steps) for verb, name in STEPS.items()}
    return joined


def _most_unusual(values: Sequence[Any]) -> Any:
    if isinstance(values[0], str):
        return next((value for value in values if value not in USUAL), values[0])
    return max(values)
