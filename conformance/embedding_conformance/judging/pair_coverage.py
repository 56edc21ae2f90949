"""The interplay covered: which pairs of kinds of arguments came together in a lookup, and how often."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations, combinations_with_replacement, product
from typing import Any

from embedding_conformance.boundary.adapter import Declared
from embedding_conformance.cases.features import implied
from embedding_conformance.judging.partitions import ARGUMENTS, Kind, Kinds, features

KINDS: tuple[Kind, ...] = tuple((argument, kind) for argument, kinds in ARGUMENTS.items() for kind in kinds)
"""In the order in which results files number them."""

NEVER = -1
"""In place of a count: no lookup can have both kinds, or it is declared unsupported."""

Column = tuple[str, str]
"""A weight dtype and a device."""


def described(columns: Mapping[Column, Counter[Kinds]], declared: Iterable[Declared]) -> dict[str, Any]:
    """The parts "kinds" and "interplay" of a results file; a run without any lookup has neither.

    Args:
        columns: the lookups that were run and judged.
        declared: what is declared unsupported.
    """
    if not any(columns.values()):
        return {}
    patterns = [each.features for each in declared]
    slices = [
        {"dtype": column[0], "device": column[1], "index_ndim": None, **_slice(rows, [column], patterns)}
        for column, rows in columns.items()
    ]
    place, together = list(ARGUMENTS).index("index_ndim"), sum(columns.values(), Counter())
    for rank in ARGUMENTS["index_ndim"]:
        rows = Counter({kinds: n for kinds, n in together.items() if kinds[place] == rank})
        found = _slice(rows, list(columns), patterns, ("index_ndim", rank))
        slices.append({"dtype": None, "device": None, "index_ndim": rank, **found})
    return {"kinds": [{"argument": argument, "kind": kind} for argument, kind in KINDS], "interplay": slices}


def _slice(
    rows: Counter[Kinds], columns: Sequence[Column], unsupported: Sequence[Mapping[str, Any]], *common: Kind
) -> dict[str, Any]:
    """How many lookups there are, and with each pair of kinds, where all of them have some kinds in common."""
    met = _pairs(rows)

    def never(*kinds: Kind) -> bool:
        known = {name: value for kind in kinds for name, value in features(*kind).items()}
        axes = ({"dtype": dtype, "device": device} for dtype, device in columns)
        return _apart(kinds) or all(any(implied(p, {**known, **axis}) for p in unsupported) for axis in axes)

    def entry(first: Kind, second: Kind) -> int:
        return met[first, second] or (NEVER if never(first, second, *common) else 0)

    pairs = [[entry(first, second) for first in KINDS[:row]] for row, second in enumerate(KINDS, start=1)]
    return {"lookups": rows.total(), "pairs": pairs}


def _pairs(rows: Counter[Kinds]) -> Counter[tuple[Kind, Kind]]:
    """How many lookups have both kinds, the one of the earlier argument first; (kind, kind): how many have the kind."""
    columns = dict(zip(ARGUMENTS, zip(*rows.elements(), strict=True), strict=True)) if rows else {}
    pairs: Counter[tuple[Kind, Kind]] = Counter()
    for (one, first), (other, second) in combinations_with_replacement(columns.items(), 2):
        for (kind, another), n in Counter(zip(first, second, strict=True)).items():
            if kind is not None and another is not None:
                pairs[(one, kind), (other, another)] = n
    return pairs


# -- what no lookup can have ------------------------------------------------------------------------------------------


def _some(argument: str, *kinds: str) -> set[Kind]:
    return {(argument, kind) for kind in kinds or ARGUMENTS[argument]}


def _but(argument: str, *kinds: str) -> set[Kind]:
    return _some(argument) - _some(argument, *kinds)


_IN_BACKWARD = _some("scale_grad_by_freq") | _some("sparse") | _some("upstream_layout")
_EXCLUSIVE: tuple[tuple[set[Kind], ...], ...] = (
    (_some("padding_idx", "None"), _some("pads")),
    (_some("max_norm", "None"), _some("norm_type")),
    (_some("backward", "no"), _IN_BACKWARD),
    (_some("freeze", "True"), _some("backward", "yes") | _IN_BACKWARD),
    # Rows that share memory cannot be rescaled one by one.
    (_some("weight_layout", "expanded"), _but("max_norm", "None") | _some("norm_type")),
    (
        _some("index_numel", "0"),
        _some("pads", "some", "only") | _some("max_norm", "exceeded") | _some("duplicates", "yes"),
    ),
    (_some("index_numel", "0"), _but("index_layout", "contiguous") | _but("upstream_layout", "contiguous")),
    (_some("index_numel", "1"), _some("pads", "some") | _some("duplicates", "yes")),
    (
        _some("index_numel", "1"),
        _some("index_layout", "transposed", "strided", "expanded") | _some("upstream_layout", "transposed"),
    ),
    (_some("index_numel", "1"), _some("upstream_layout", "expanded"), _but("index_ndim", "0")),
    (_some("index_ndim", "0"), _but("index_numel", "1") | _some("pads", "some") | _some("duplicates", "yes")),
    (_some("index_ndim", "0"), _but("index_layout", "contiguous") | _some("upstream_layout", "transposed")),
    (_some("index_ndim", "1"), _some("index_layout", "transposed")),
    (_some("index_ndim", "1"), _some("index_layout", "expanded"), _some("pads", "some")),
    (_some("index_layout", "expanded"), _some("duplicates", "no")),
)
"""Kinds of which no lookup has one from each set."""


def _all_exclusive() -> Iterator[frozenset[Kind]]:
    for argument in ARGUMENTS:
        yield from map(frozenset, combinations(_some(argument), 2))
    for sets in _EXCLUSIVE:
        yield from map(frozenset, product(*sets))


_APART = frozenset(_all_exclusive())


def _apart(kinds: Sequence[Kind]) -> bool:
    """Whether no lookup has all these kinds, of which there are up to three."""
    return any(frozenset(some) in _APART for size in (2, 3) for some in combinations(kinds, size))
