"""Patterns of features (`Case.features`, and "device"): what ledgers and declarations cover."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from conformance.case import FEATURES, Case

MATCHABLE = (*FEATURES, "device")
"""The names that a pattern may have."""


def matches(pattern: Mapping[str, Any], case: Case, device: str) -> bool:
    """Whether a case has all these features in one of its lookups; a list of values means any of them."""
    return any(
        all(_is(found.get(name, device), wanted) for name, wanted in pattern.items()) for found in case.each_features
    )


def could_match(pattern: Mapping[str, Any], dtype: str | None, device: str | None) -> bool:
    """Whether cases of this dtype on this device can have the features."""
    axis = {"dtype": dtype, "device": device}
    return all(_is(value, pattern[name]) for name, value in axis.items() if name in pattern)


def implied(pattern: Mapping[str, Any], known: Mapping[str, Any]) -> bool:
    """Whether whatever has the known features has those of the pattern."""
    return all(name in known and _is(known[name], wanted) for name, wanted in pattern.items())


def _is(value: object, wanted: object) -> bool:
    return value in wanted if isinstance(wanted, list) else value == wanted
