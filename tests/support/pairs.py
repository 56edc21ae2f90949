"""Pairs of partitions, read off results."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from embedding_conformance.judging.pair_coverage import PARTITIONS, Slice


def count(part: Slice | Mapping[str, Any], one: str, other: str) -> int:
    """How many lookups of a slice, or of one in a results file, are in both partitions, written as "argument name"."""
    numbers = {f"{argument} {name}": number for number, (argument, name) in enumerate(PARTITIONS)}
    column, row = sorted((numbers[one], numbers[other]))
    pairs = part.pairs if isinstance(part, Slice) else part["pairs"]
    return int(pairs[row][column])
