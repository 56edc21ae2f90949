"""Pair coverage: how often two partitions, of two arguments, occurred together in a lookup."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, combinations_with_replacement, product
from typing import Any

from embedding_conformance.boundary.description import Declared
from embedding_conformance.cases.features import could_match, implied
from embedding_conformance.judging.partitions import ARGUMENTS, Partition, Partitions, features

PARTITIONS: tuple[Partition, ...] = tuple((argument, name) for argument, names in ARGUMENTS.items() for name in names)
"""All partitions, in the order in which results files number them (under the key "kinds")."""

NEVER = -1
"""The entry in place of a count where no lookup can be in both partitions, or is declared unsupported if it is."""

Column = tuple[str, str]
"""A weight dtype and a device."""


@dataclass(frozen=True)
class Slice:
    """The lookups on one dtype and device, or those with one rank of index.

    Attributes:
        dtype: their weight dtype, or None.
        device: their device, or None.
        index_ndim: the rank of their index, or None.
        lookups: their number.
        pairs: how many of the lookups are in both partitions, or `NEVER`: the lower triangle of a table over
            `PARTITIONS`, row by row, with the diagonal.
    """

    dtype: str | None
    device: str | None
    index_ndim: str | None
    lookups: int
    pairs: tuple[tuple[int, ...], ...]


def pair_counts(columns: Mapping[Column, Counter[Partitions]], declared: Iterable[Declared]) -> list[Slice]:
    """Count the pairs of partitions: on each dtype and device, and with each rank of index.

    Args:
        columns: the lookups that were run and judged, on each dtype and device.
        declared: what is declared unsupported.
    """
    patterns = [each.features for each in declared]
    slices = [
        Slice(dtype, device, None, rows.total(), _counts(rows, [(dtype, device)], patterns))
        for (dtype, device), rows in columns.items()
    ]
    position, every_column = list(ARGUMENTS).index("index_ndim"), sum(columns.values(), Counter())
    for rank in ARGUMENTS["index_ndim"]:
        rows = Counter({lookup: n for lookup, n in every_column.items() if lookup[position] == rank})
        counts = _counts(rows, list(columns), patterns, ("index_ndim", rank))
        slices.append(Slice(None, None, rank, rows.total(), counts))
    return slices


def _counts(
    rows: Counter[Partitions], columns: Sequence[Column], unsupported: Sequence[Mapping[str, Any]], *common: Partition
) -> tuple[tuple[int, ...], ...]:
    """The table of pairs (`Slice.pairs`) of lookups that all are in the partitions `common`."""
    counted = _pairs(rows)

    # A table has thousands of pairs; what concerns none of these columns is left out once.
    concerned = [pattern for pattern in unsupported if any(could_match(pattern, *column) for column in columns)]
    axes = [{"dtype": dtype, "device": device} for dtype, device in columns]

    def never(*partitions: Partition) -> bool:
        if _are_exclusive(partitions):
            return True
        if axes and not concerned:
            return False
        known = {name: value for partition in partitions for name, value in features(*partition).items()}
        return all(any(implied(pattern, {**known, **axis}) for pattern in concerned) for axis in axes)

    def entry(first: Partition, second: Partition) -> int:
        return counted[first, second] or (NEVER if never(first, second, *common) else 0)

    return tuple(
        tuple(entry(first, second) for first in PARTITIONS[:row]) for row, second in enumerate(PARTITIONS, start=1)
    )


def _pairs(rows: Counter[Partitions]) -> Counter[tuple[Partition, Partition]]:
    """How many lookups are in both partitions of a pair, that of the earlier argument first.

    A pair of a partition with itself counts the lookups in it.
    """
    columns = dict(zip(ARGUMENTS, zip(*rows.elements(), strict=True), strict=True)) if rows else {}
    pairs: Counter[tuple[Partition, Partition]] = Counter()
    for (one, first), (other, second) in combinations_with_replacement(columns.items(), 2):
        for (name, another), n in Counter(zip(first, second, strict=True)).items():
            if name is not None and another is not None:
                pairs[(one, name), (other, another)] = n
    return pairs


# -- what no lookup can be in -----------------------------------------------------------------------------------------


def _of(argument: str, *names: str) -> set[Partition]:
    """The partitions of an argument with these names, or all of them."""
    return {(argument, name) for name in names or ARGUMENTS[argument]}


def _but(argument: str, *names: str) -> set[Partition]:
    """The partitions of an argument with other names."""
    return _of(argument) - _of(argument, *names)


_IN_BACKWARD = _of("scale_grad_by_freq") | _of("sparse") | _of("upstream_layout")
_EXCLUSIVE: tuple[tuple[set[Partition], ...], ...] = (
    (_of("padding_idx", "None"), _of("pads")),
    (_of("max_norm", "None"), _of("norm_type")),
    (_of("backward", "no"), _IN_BACKWARD),
    (_of("freeze", "True"), _of("backward", "yes") | _IN_BACKWARD),
    # Rows that share memory cannot be rescaled one by one.
    (_of("weight_layout", "expanded"), _but("max_norm", "None") | _of("norm_type")),
    (
        _of("index_numel", "0"),
        _of("pads", "some", "only") | _of("max_norm", "exceeded") | _of("duplicates", "yes"),
    ),
    (_of("index_numel", "0"), _but("index_layout", "contiguous") | _but("upstream_layout", "contiguous")),
    (_of("index_numel", "1"), _of("pads", "some") | _of("duplicates", "yes")),
    (
        _of("index_numel", "1"),
        _of("index_layout", "transposed", "strided", "expanded") | _of("upstream_layout", "transposed"),
    ),
    (_of("index_numel", "1"), _of("upstream_layout", "expanded"), _but("index_ndim", "0")),
    (_of("index_ndim", "0"), _but("index_numel", "1") | _of("pads", "some") | _of("duplicates", "yes")),
    (_of("index_ndim", "0"), _but("index_layout", "contiguous") | _of("upstream_layout", "transposed")),
    (_of("index_ndim", "1"), _of("index_layout", "transposed")),
    (_of("index_ndim", "1"), _of("index_layout", "expanded"), _of("pads", "some")),
    (_of("index_layout", "expanded"), _of("duplicates", "no")),
)
"""Sets of partitions: no lookup is in one partition of each set of an entry."""


def _all_exclusive() -> Iterator[frozenset[Partition]]:
    """The pairs and triples of partitions that exclude each other, as two of one argument always do."""
    for argument in ARGUMENTS:
        yield from map(frozenset, combinations(_of(argument), 2))
    for sets in _EXCLUSIVE:
        yield from map(frozenset, product(*sets))


_EXCLUSIVE_GROUPS = frozenset(_all_exclusive())


@functools.cache
def _are_exclusive(partitions: tuple[Partition, ...]) -> bool:
    """Whether no lookup can be in all of up to three partitions."""
    return any(frozenset(group) in _EXCLUSIVE_GROUPS for size in (2, 3) for group in combinations(partitions, size))
