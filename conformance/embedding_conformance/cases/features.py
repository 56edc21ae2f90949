"""Patterns of features (`Case.features`, and "device"): ledgers and declarations name the cases they cover by them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from embedding_conformance.cases.case import FEATURES, LAYOUTS, Case

MATCHABLE = (*FEATURES, "device", "initialisation", "argument")
"""The names that a pattern may have. Two of them match no case: "initialisation" is for `NOT_NORMAL`, and "argument"
declares that a constructor does not take an argument (`untaken`)."""

NOT_NORMAL = {"initialisation": "normal"}
"""The pattern by which an adapter declares that a fresh weight is, by design, not drawn from N(0, 1)."""


def untaken(argument: str) -> dict[str, Any]:
    """The pattern by which an adapter declares that a constructor does not take a documented argument."""
    return {"argument": argument}


LAYOUT_FEATURES = ("weight_layout", "index_layout", "upstream_layout")
WHOLE: Mapping[str, tuple[Any, ...]] = {
    **dict.fromkeys(("padding_idx", "max_norm", "scale_grad_by_freq", "sparse", "freeze"), (True,)),
    "pads_hold": ("other",),
    **dict.fromkeys(LAYOUT_FEATURES, tuple(layout for layout in LAYOUTS if layout != "contiguous")),
}
"""Features that an implementation may lack as a whole, each with the values that are then unsupported."""


def matches(pattern: Mapping[str, Any], case: Case, device: str) -> bool:
    """Whether one lookup of a case has all features of the pattern; a list of values means any of them."""
    return any(meets({**features, "device": device}, pattern) for features in case.each_features)


def could_match(pattern: Mapping[str, Any], dtype: str | None, device: str | None) -> bool:
    """Whether the pattern leaves room for a case of this dtype on this device; None stands for any."""
    axes = {"dtype": dtype, "device": device}
    return all(value is None or _is(value, pattern[name]) for name, value in axes.items() if name in pattern)


def lacking(pattern: Mapping[str, Any]) -> set[str]:
    """The features of `WHOLE` that an implementation lacks altogether if the pattern is unsupported: one, or none."""
    others = {name: wanted for name, wanted in pattern.items() if name not in ("dtype", "device")}
    if len(others) != 1:
        return set()
    return {name for name, wanted in others.items() if name in WHOLE and all(_is(v, wanted) for v in WHOLE[name])}


def implied(pattern: Mapping[str, Any], known: Mapping[str, Any]) -> bool:
    """Whether every lookup that has the known features also matches the pattern."""
    return all(name in known and _is(known[name], wanted) for name, wanted in pattern.items())


def meets(features: Mapping[str, Any], pattern: Mapping[str, Any]) -> bool:
    """Whether features are those of the pattern: each is the value, one of a list, or from "least" to "most"."""
    return all(_is(features.get(name), wanted) for name, wanted in pattern.items())


def _is(value: Any, wanted: Any) -> bool:
    if isinstance(wanted, Mapping):
        return value is not None and wanted.get("least", value) <= value <= wanted.get("most", value)
    # A worker sends a list as a tuple.
    return value in wanted if isinstance(wanted, (list, tuple)) else value == wanted
