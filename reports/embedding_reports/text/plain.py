"""Plain text for a terminal: a deviation as it was seen."""

from __future__ import annotations

from collections.abc import Callable

from embedding_reports.records import Difference, Evidence


def difference(found: Difference) -> str:
    """The first element that differs, both sides with their bits where they have any."""
    expected, observed = _value(found.expected, found.expected_bits), _value(found.observed, found.observed_bits)
    return f"at {found.where} expected {expected}, observed {observed}"


def smallest_case(found: Evidence, shorten: Callable[[str], str] = str) -> list[str]:
    """The smallest case, and what was expected and observed for it, each in a line."""
    return [
        f"smallest case: {shorten(found.case_repr) or 'none is needed'}",
        f"expected: {shorten(found.expected)}",
        f"observed: {shorten(found.observed)}",
    ]


def _value(value: str, bits: str | None) -> str:
    return f"{value} ({bits})" if bits else value
