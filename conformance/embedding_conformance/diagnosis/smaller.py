"""Cases made smaller: with fewer arguments, rows, columns, indices and steps, and with plainer numbers."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from embedding_conformance.cases.case import Case, Config, Life, Lookup, Step
from embedding_conformance.cases.strategies import expandable
from embedding_reference import Tensor

MOST_ROWS, MOST_COLUMNS, MOST_INDICES = 3, 2, 3
"""Up to which sizes every small case is tried."""

WHOLE, PARTS = (0.0, 1.0, 2.0), (0.5, 0.75, 0.1, 0.9, 0.99, 0.9995)
"""What each element is tried to be, the plainest first; parts only where it is not whole."""

NONE = 9
"""What a size of none counts for."""

CLOSE = (0.5, 0.75, 0.9, 0.99, 0.9995, 1.0, 1.0005, 1.5)
"""The norms of a row that are tried in place of its own, as multiples of max_norm."""

MOST_ALONE = 9
"""How many rows, columns and different indices are tried alone."""

Positions = tuple[int, ...]


@dataclass(frozen=True)
class Sizes:
    """The sizes of a case.

    Attributes:
        rows: num_embeddings.
        columns: embedding_dim.
        positions: the indices of each lookup.
        rank: the rank of each index.
        leading: the lengths of the dimensions of an index but the last, where there is room for them; else they are 1.
    """

    rows: int
    columns: int
    positions: tuple[Positions, ...]
    rank: int = 1
    leading: tuple[int, ...] = ()

    @property
    def extent(self) -> int:
        """Rows, columns and indices in all; a size of none counts as many, for the plainest case has one of each."""
        return sum(size or NONE for size in (self.rows, self.columns, *map(len, self.positions)))


def sizes_of(case: Case) -> Sizes:
    """The sizes that a case has."""
    positions = tuple(tuple(int(i) for i in one.index.components()) for one in case.lookups)
    return Sizes(case.config.num_embeddings, case.config.embedding_dim, positions, len(case.index.shape))


def with_fewer_arguments(case: Case) -> Iterator[Case]:
    """The case with one thing at its default: an argument, a layout, the dtype of the index; or with a step less."""
    if isinstance(case, Life):
        for steps in _shortened(case.steps):
            yield replace(case, steps=steps)
    yield from (replace(case, config=config) for config in _with_fewer_arguments(case.config))
    yield from _in_proportion(case)
    if case.weight_layout != "contiguous":
        yield replace(case, weight_layout="contiguous")
    yield with_each_lookup(case, lambda one: replace(one, index_layout="contiguous"))
    yield with_each_lookup(case, lambda one: replace(one, upstream_layout="contiguous"))
    yield with_index_dtype(case, "int64")


def _in_proportion(case: Case) -> Iterator[Case]:
    """The case with a max_norm of 1, and its weight as much smaller or larger."""
    limit = case.config.max_norm
    if not limit or limit == 1 or math.isinf(limit) or isinstance(case, Life):
        return
    weight = Tensor.of(case.weight.dtype, case.weight.shape, [value / limit for value in case.weight.values()])
    yield replace(case, config=replace(case.config, max_norm=1.0), weight=expandable(weight, case.weight_layout))


def with_each_lookup(case: Case, change: Callable[[Lookup], Lookup]) -> Case:
    """The case with each lookup changed."""
    return replace(case, lookups=tuple(map(change, case.lookups)))


def with_index_dtype(case: Case, dtype: str) -> Case:
    """The case with the same indices in another dtype."""
    return with_each_lookup(
        case, lambda one: replace(one, index=Tensor.of(dtype, one.index.shape, one.index.components()))
    )


def _with_fewer_arguments(config: Config) -> Iterator[Config]:
    if config.freeze:
        yield replace(config, freeze=False)
    if config.scale_grad_by_freq:
        yield replace(config, scale_grad_by_freq=False)
    if config.sparse:
        yield replace(config, sparse=False)
    if config.max_norm is not None:
        yield replace(config, max_norm=None, norm_type=2.0)
        yield replace(config, max_norm=1.0)
        yield replace(config, norm_type=2.0)
    if config.padding_idx is not None:
        yield from (replace(config, padding_idx=place) for place in (None, config.padding_row, 0))


def small_sizes(case: Case) -> list[Sizes]:
    """All small sizes, the smallest first, that a case of this kind may have."""
    now = sizes_of(case)
    wrong = next((p for p in now.positions[0] if not 0 <= p < now.rows), None)
    return sorted(
        (
            Sizes(rows, columns, (first, *others), rank)
            for rank in dict.fromkeys((1, now.rank))
            for rows in _upwards(MOST_ROWS, now.rows)
            for columns in _upwards(MOST_COLUMNS, now.columns)
            for first in _positions(rows, wrong, empty=not now.positions[0])
            if rank != 0 or len(first) == 1
            for others in _other_positions(rows, first, len(now.positions) - 1)
        ),
        key=lambda sizes: (sizes.rank != 1, sizes.extent),
    )


def resized(case: Case, sizes: Sizes, *, plain: bool) -> Case:
    """The case with other sizes.

    Args:
        case: the case.
        sizes: those that it gets.
        plain: whether the numbers in its tensors become 1, 2, 3, ...; else as much as there is room for is kept.
    """
    limit = case.config.max_norm
    first = 1 if limit is None or not 0 <= limit < 32 else int(limit) + 1  # so that norms exceed max_norm
    shape = (sizes.rows, sizes.columns)
    weight = _tensor(case.weight, shape, plain=plain, first=first)
    lookups = tuple(
        _looked_up(one, positions, sizes, plain=plain) for one, positions in zip(case.lookups, sizes.positions)
    )
    padding_idx = case.config.padding_idx
    if padding_idx is not None:
        padding_idx = min(padding_idx, sizes.rows - 1) if padding_idx >= 0 else max(padding_idx, -sizes.rows)
    config = replace(case.config, num_embeddings=sizes.rows, embedding_dim=sizes.columns, padding_idx=padding_idx)
    changed = replace(case, config=config, weight=expandable(weight, case.weight_layout), lookups=lookups)
    if not isinstance(changed, Life):
        return changed
    return replace(changed, steps=tuple(_resized_step(step, sizes, plain=plain) for step in changed.steps))


def with_one_row_or_column(case: Case) -> Iterator[Case]:
    """The case with one row of its table alone, or one column: that which holds what matters, such as NaN."""
    now, size = sizes_of(case), case.weight.format.itemsize
    if isinstance(case, Life) or now.columns == 0:
        return
    if now.rows > 1:
        alone = replace(now, rows=1, positions=tuple((0,) * len(p) for p in now.positions))
        looked_up = dict.fromkeys((*itertools.chain(*now.positions), *range(MOST_ALONE)))
        for row in [row for row in looked_up if 0 <= row < now.rows][: 2 * MOST_ALONE]:
            yield replace(
                resized(case, alone, plain=False),
                weight=Tensor(case.weight.dtype, (1, now.columns), case.weight.row(row)),
            )
    for column in range(min(now.columns, MOST_ALONE) if now.columns > 1 else 0):
        data = b"".join(case.weight.row(row)[column * size : (column + 1) * size] for row in range(now.rows))
        weight = Tensor(case.weight.dtype, (now.rows, 1), data)
        yield replace(resized(case, replace(now, columns=1), plain=False), weight=weight)
    limit = case.config.max_norm
    if limit and now.rows == 1:
        for columns, norm in itertools.product(range(1, min(now.columns, 3)), CLOSE):
            weight = Tensor.of(case.weight.dtype, (1, columns), [norm * limit, 0][:columns])
            yield replace(resized(case, replace(now, columns=columns), plain=False), weight=weight)


def with_plainer_elements(case: Case) -> Iterator[Case]:
    """The case with one element of a tensor, or one index, as small a whole number as can be."""
    for weight in _plainer(case.weight):
        yield replace(case, weight=expandable(weight, case.weight_layout))
    for number, one in enumerate(case.lookups):
        for upstream in _plainer(one.upstream):
            changed = replace(one, upstream=expandable(upstream, one.upstream_layout))
            yield replace(case, lookups=(*case.lookups[:number], changed, *case.lookups[number + 1 :]))


def _shortened(steps: tuple[Step, ...]) -> Iterator[tuple[Step, ...]]:
    """Fewer steps: none, one alone, or all but one."""
    if steps:
        yield ()
    if len(steps) > 1:
        yield from ((step,) for step in steps)
        yield from (steps[:place] + steps[place + 1 :] for place in range(len(steps)))


def _upwards(most: int, now: int) -> list[int]:
    """Sizes to try: 1 and above, and 0 at last, where there are none now."""
    return [*range(1, most + 1), *([0] if now == 0 else [])]


def _positions(rows: int, wrong: int | None, *, empty: bool) -> list[Positions]:
    """Indices to try in a table of so many rows; `wrong` is an index out of range that one of them must be."""
    nothing: list[Positions] = [()] if empty else []
    if rows == 0:
        return nothing
    if wrong is not None:
        outside = rows if wrong > 0 else -1
        return [p for bad in dict.fromkeys((outside, wrong)) for p in ((bad,), (0, bad), (bad, 0))]
    most = MOST_INDICES if rows < MOST_ROWS else 2
    every = [p for count in range(1, most + 1) for p in itertools.product(range(rows), repeat=count)]
    return [p for p in every if max(p) == rows - 1 or rows == 2] + nothing


def _other_positions(rows: int, first: Positions, count: int) -> Iterator[tuple[Positions, ...]]:
    """Indices to try for the lookups after the first."""
    yield from itertools.product(dict.fromkeys(((0,), (max(rows - 1, 0),), first)), repeat=count)


def _looked_up(lookup: Lookup, positions: Positions, sizes: Sizes, *, plain: bool) -> Lookup:
    leading, across = sizes.leading, math.prod(sizes.leading)
    if len(leading) >= sizes.rank or across == 0 or len(positions) % across:
        leading, across = (), 1
    leading = (1,) * (sizes.rank - 1 - len(leading)) + leading
    shape = () if sizes.rank == 0 and len(positions) == 1 else (*leading, len(positions) // across)
    index = expandable(Tensor.of(lookup.index.dtype, shape, positions), lookup.index_layout)
    upstream = _tensor(lookup.upstream, (*shape, sizes.columns), plain=plain)
    return dataclasses.replace(lookup, index=index, upstream=expandable(upstream, lookup.upstream_layout))


def _resized_step(step: Step, sizes: Sizes, *, plain: bool) -> Step:
    def within(lookup: Lookup) -> Positions:
        if plain:
            return sizes.positions[0]
        return tuple(min(int(i), max(sizes.rows - 1, 0)) for i in lookup.index.components())

    weight = step.weight and _tensor(step.weight, (sizes.rows, sizes.columns), plain=plain, first=5)
    lookups = tuple(_looked_up(one, within(one), sizes, plain=plain) for one in step.lookups)
    return replace(step, lookups=lookups, weight=weight)


def _tensor(tensor: Tensor, shape: tuple[int, ...], *, plain: bool, first: int = 1) -> Tensor:
    """A tensor of this shape: of the numbers from `first` on, or of what the upper left corner of the tensor holds.

    Where there is more room than the tensor has, ones are added.
    """
    columns, count = shape[-1], 1
    for length in shape:
        count *= length
    if plain:
        return Tensor.of(tensor.dtype, shape, [(first + place - 1) % 61 + 1 for place in range(count)])
    width, size = tensor.shape[-1], tensor.format.itemsize
    rows = [tensor.data[at * width * size : (at * width + columns) * size] for at in range(count // max(columns, 1))]
    one = Tensor.of(tensor.dtype, (), [1]).data
    data = b"".join(row + one * (columns - len(row) // size) for row in rows)
    return Tensor(tensor.dtype, shape, data)


def _plainer(tensor: Tensor) -> Iterator[Tensor]:
    """The tensor with one element as one of the plain numbers, where that is plainer than what it is."""
    values = tensor.values()
    for place, value in enumerate(values):
        for plain in WHOLE if value.real % 1 == 0 else (*WHOLE, *PARTS):
            if value == plain:
                break
            yield Tensor.of(tensor.dtype, tensor.shape, [*values[:place], plain, *values[place + 1 :]])
