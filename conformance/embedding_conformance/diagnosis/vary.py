"""Cases that differ from a smallest one in one feature: they show which of its features it needs to fail."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from embedding_conformance.cases import palettes
from embedding_conformance.cases.case import LAYOUTS, Case, Lookup
from embedding_conformance.cases.strategies import expandable
from embedding_conformance.diagnosis.smaller import Sizes, resized, sizes_of, with_each_lookup, with_index_dtype
from embedding_reference import FORMATS, Tensor
from embedding_reference.model import INDEX_DTYPES

NORMS = (0.25, 0.5, 0.75, 0.95, 0.9995, 1.0, 1.0005, 1.5)
"""The norms of rows that are tried, as multiples of max_norm, each beside a row that is twice as long as max_norm."""

SIZES = (0, 1, 2, 3, 5, 17, 33, 65, 300)
"""What each size is tried to be, beside its neighbours."""

ORDERS = ((2, (0, 1, 0)), (2, (0, 0, 1)), (2, (1, 0, 0)), (2, (0, 0, 1, 1, 0)), (3, (2, 0, 1, 2, 0)))
"""Rows, and indices of them whose duplicates are neighbours or apart, in order or not."""


def varied(case: Case) -> Iterator[Case]:
    """The cases that differ from a case in one feature, or in those that go with it."""
    yield from _with_other_sizes(case)
    yield from _with_other_arguments(case)
    yield from _with_other_lookups(case)
    yield from with_other_norms(case)
    for palette in palettes.ANY:
        yield _filled(case, palette)


def _with_other_sizes(case: Case) -> Iterator[Case]:
    now = replace(sizes_of(case), leading=case.index.shape[:-1])
    plain = resized(case, now, plain=True) == case
    first, *others = now.positions
    wrong = any(not 0 <= p < now.rows for p in first)

    for rows in _around(now.rows):
        if rows >= 1 + max((p for p in first if p < now.rows), default=0):
            yield resized(case, replace(now, rows=rows), plain=True)
    for columns in _around(now.columns):
        yield resized(case, replace(now, columns=columns), plain=True)
    if wrong:
        yield from _with_wrong_indices(case, now)
    if wrong or not first:
        return
    across = math.prod(now.leading) or 1
    for count in (count if count % across == 0 else count * across for count in _around(len(first))):
        for of in (first[:1], first[-1:], range(now.rows)):
            positions = tuple(of[place % len(of)] for place in range(count))
            yield resized(case, replace(now, positions=(positions, *others)), plain=True)
    orders = [(rows, (position,) * len(first)) for rows in (2, 3) for position in range(rows)]
    for rows, positions in (*orders, *(order for order in ORDERS if len(order[1]) % across == 0)):
        yield resized(case, replace(now, rows=rows, positions=(positions, *others)), plain=True)
    yield from (resized(case, replace(now, rank=rank), plain=plain) for rank in (0, 1, 2, 3) if rank != now.rank)


def _with_wrong_indices(case: Case, now: Sizes) -> Iterator[Case]:
    for rows in (2, 3, 5):
        for position in (rows, rows + 1, 2 * rows + 1, -1, 1 - rows, -rows - 1):
            yield resized(case, replace(now, rows=rows, positions=((position,), *now.positions[1:])), plain=True)


def _with_other_arguments(case: Case) -> Iterator[Case]:
    config = case.config
    rows = config.num_embeddings
    looked_up = sorted(set(case.positions) & set(range(rows)))
    others = [row for row in range(rows) if row not in looked_up]
    places = {None, 0, rows - 1, -1, -rows, *looked_up[:1], *others[:1]} if rows else {None}
    yield from (_configured(case, padding_idx=place) for place in sorted(places, key=str))
    for order in (2.0, 1.0, float("inf"), 3.0):
        yield from (_configured(case, max_norm=limit, norm_type=order) for limit in (1.0, 5.0, 64.0))
    yield _configured(case, max_norm=None, norm_type=2.0)
    for name in ("scale_grad_by_freq", "sparse", "freeze"):
        yield _configured(case, **{name: not getattr(config, name)})


def _configured(case: Case, **arguments: Any) -> Case:
    return replace(case, config=replace(case.config, **arguments))


def _with_other_lookups(case: Case) -> Iterator[Case]:
    for layout in LAYOUTS:
        yield replace(case, weight_layout=layout, weight=expandable(case.weight, layout))
        yield with_each_lookup(case, partial(_laid_out, index_layout=layout))
        yield with_each_lookup(case, partial(_laid_out, upstream_layout=layout))
    positions = [position for lookup in case.lookups for position in lookup.index.components()]
    for dtype in INDEX_DTYPES:
        bits = 8 * FORMATS[dtype].itemsize
        if all(-(2 ** (bits - 1)) <= position < 2 ** (bits - 1) for position in positions):
            yield with_index_dtype(case, dtype)
    yield replace(case, lookups=(*case.lookups, case.lookups[0]))
    yield replace(case, lookups=case.lookups[:1])


def with_other_norms(case: Case) -> Iterator[Case]:
    """The case with rows of one element that lie around max_norm: from where on, and to where, are they rescaled?"""
    limit = case.config.max_norm
    if not limit or math.isinf(limit):
        return
    positions = ((0, 1), *sizes_of(case).positions[1:])
    two = resized(case, replace(sizes_of(case), rows=2, columns=1, positions=positions), plain=True)
    for norm in NORMS:
        weight = Tensor.of(case.weight.dtype, (2, 1), [2 * limit, norm * limit])
        yield replace(two, weight=expandable(weight, case.weight_layout))


def _filled(case: Case, palette: str) -> Case:
    """The case with other numbers in its tensors."""
    dtype = case.weight.dtype

    def filled(lookup: Lookup) -> Lookup:
        upstream = palettes.fill(palette, dtype, lookup.upstream.shape, 1)
        return replace(lookup, upstream=expandable(upstream, lookup.upstream_layout))

    weight = expandable(palettes.fill(palette, dtype, case.weight.shape, 2), case.weight_layout)
    return replace(case, weight=weight, lookups=tuple(map(filled, case.lookups)))


def _laid_out(lookup: Lookup, **layout: Any) -> Lookup:
    one = replace(lookup, **layout)
    index, upstream = expandable(one.index, one.index_layout), expandable(one.upstream, one.upstream_layout)
    return replace(one, index=index, upstream=upstream)


def _around(size: int) -> list[int]:
    """Other sizes, the neighbours of this one first."""
    return [other for other in dict.fromkeys((size - 1, size + 1, *SIZES)) if other >= 0 and other != size]
