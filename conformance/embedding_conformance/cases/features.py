"""Patterns of features (`Case.features`, and "device"): what ledgers and declarations cover."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from embedding_conformance.cases.case import FEATURES, LAYOUTS, Case

MATCHABLE = (*FEATURES, "device", "initialisation")
"""The names that a pattern may have. No case has an initialisation: `NOT_NORMAL` is about fresh weights alone."""

NOT_NORMAL = {"initialisation": "normal"}
"""What is unsupported where a fresh weight is, by design, drawn in another way."""

LAYOUT_FEATURES = ("weight_layout", "index_layout", "upstream_layout")
WHOLE: Mapping[str, tuple[Any, ...]] = {
    **dict.fromkeys(("padding_idx", "max_norm", "scale_grad_by_freq", "sparse", "freeze"), (True,)),
    "pads_hold": ("other",),
    **dict.fromkeys(LAYOUT_FEATURES, tuple(layout for layout in LAYOUTS if layout != "contiguous")),
}
"""What an implementation may not have at all: features, and the values that are then unsupported."""


def matches(pattern: Mapping[str, Any], case: Case, device: str) -> bool:
    """Whether a case has all these features in one of its lookups; a list of values means any of them."""
    return any(
        all(_is({**found, "device": device}.get(name), wanted) for name, wanted in pattern.items())
        for found in case.each_features
    )


def could_match(pattern: Mapping[str, Any], dtype: str | None, device: str | None) -> bool:
    """Whether cases of this dtype on this device can have the features; None: of any."""
    axis = {"dtype": dtype, "device": device}
    return all(value is None or _is(value, pattern[name]) for name, value in axis.items() if name in pattern)


def lacking(pattern: Mapping[str, Any]) -> set[str]:
    """The features of `WHOLE` that an implementation does not have at all for which the pattern is unsupported."""
    telling = {name: wanted for name, wanted in pattern.items() if name not in ("dtype", "device")}
    if len(telling) != 1:
        return set()
    return {name for name, wanted in telling.items() if name in WHOLE and all(_is(v, wanted) for v in WHOLE[name])}


def implied(pattern: Mapping[str, Any], known: Mapping[str, Any]) -> bool:
    """Whether whatever has the known features has those of the pattern."""
    return all(name in known and _is(known[name], wanted) for name, wanted in pattern.items())


def _is(value: object, wanted: object) -> bool:
    # From a worker a list comes as a tuple.
    return value in wanted if isinstance(wanted, (list, tuple)) else value == wanted
