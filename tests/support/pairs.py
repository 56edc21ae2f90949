"""Pairs of kinds, read off results."""

from __future__ import annotations

from typing import Any

from embedding_conformance.judging.pair_coverage import KINDS


def count(part: dict[str, Any], one: str, other: str) -> int:
    """The entry of two kinds in one slice of the interplay, each written as "argument kind"."""
    numbers = {f"{argument} {kind}": number for number, (argument, kind) in enumerate(KINDS)}
    column, row = sorted((numbers[one], numbers[other]))
    return int(part["pairs"][row][column])
