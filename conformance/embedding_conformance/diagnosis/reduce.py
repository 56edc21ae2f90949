"""The reducer: the smallest case that fails as a case does. It works on plain data, without Hypothesis.

What is smallest is a matter of a fixed order, so that one fault has one smallest case whatever case it was found on:
fewest lookups and steps, fewest arguments off their defaults, fewest rows, columns and indices, indices of rank 1,
contiguous, int64, and whole numbers from 1 on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from embedding_conformance.cases.case import Case
from embedding_conformance.diagnosis.smaller import (
    MOST_ALONE,
    Positions,
    Sizes,
    resized,
    sizes_of,
    small_sizes,
    with_fewer_arguments,
    with_one_row_or_column,
    with_plainer_elements,
)

Fails = Callable[[Case], bool]
"""Whether a case is one of the clause's and fails as the case that is reduced does."""

MOST_ELEMENTS = 16
"""Elements up to which each is tried to be a plainer number."""


def reduced(case: Case, fails: Fails) -> Case:
    """The smallest case that fails.

    Args:
        case: a case that fails.
        fails: runs a case; it may stop to fail at any time, when enough cases were run.
    """
    seen: set[Case] = set()
    while case not in seen:
        seen.add(case)
        case = _first(with_fewer_arguments, case, fails)
        small = next((one for one in _small(case) if one == case or fails(one)), None)
        case = _cut_down(_first(with_one_row_or_column, case, fails), fails) if small is None else small
    return _first(with_plainer_elements, case, fails) if _size(case) <= MOST_ELEMENTS else case


def _first(candidates: Callable[[Case], Iterable[Case]], case: Case, fails: Fails) -> Case:
    """The case after the first candidate that fails, again and again."""
    while (less := next((one for one in candidates(case) if one != case and fails(one)), None)) is not None:
        case = less
    return case


def _small(case: Case) -> Iterable[Case]:
    """All small cases of the same arguments that are no larger, smallest first."""
    extent = sizes_of(case).extent
    return (resized(case, sizes, plain=True) for sizes in small_sizes(case) if sizes.extent <= extent)


def _cut_down(case: Case, fails: Fails) -> Case:
    """The case with each of its sizes as small as it can be, given the others."""
    sizes = sizes_of(case)
    plain = fails(resized(case, sizes, plain=True))

    def tried(new: Sizes) -> Case:
        return resized(case, new, plain=plain)

    if sizes.rank != 1 and fails(tried(replace(sizes, rank=1))):
        sizes = replace(sizes, rank=1)
    for name in ("columns", "rows"):

        def with_size(size: int, name: str = name, now: Sizes = sizes) -> Sizes:
            fitting = tuple(_within(p, size, now.rows) for p in now.positions) if name == "rows" else now.positions
            changed = replace(now, rows=size) if name == "rows" else replace(now, columns=size)
            return replace(changed, positions=fitting)

        least = _least(getattr(sizes, name), lambda size: fails(tried(with_size(size))))
        sizes = with_size(least) if least != getattr(sizes, name) else sizes
    for number in range(len(sizes.positions)):
        sizes = _with_fewer_indices(sizes, number, lambda new: fails(tried(new)))
    smallest = tried(sizes)
    return smallest if fails(smallest) else case


def _with_fewer_indices(sizes: Sizes, number: int, fails: Callable[[Sizes], bool]) -> Sizes:
    """The sizes with fewer indices in one lookup: one of them, or the first so many; and row 0 for all, or row 1."""
    positions = sizes.positions[number]
    for position in list(dict.fromkeys(positions))[:MOST_ALONE]:
        alone = _with_positions(sizes, number, (position,))
        if fails(alone):
            return alone
    least = _least(len(positions), lambda count: fails(_with_positions(sizes, number, positions[:count])))
    fewer = _with_positions(sizes, number, positions[:least])
    same = (_with_positions(sizes, number, (row,) * least) for row in range(min(sizes.rows, 2)))
    return next((one for one in same if one == fewer or fails(one)), fewer)


def _least(most: int, fails: Callable[[int], bool]) -> int:
    """The least size from 1 on that fails, by bisection: sizes from it to `most` are taken to fail, and no other."""
    passes, fails_from = 0, most or int(fails(1))
    while fails_from - passes > 1:
        middle = (passes + fails_from) // 2
        if fails(middle):
            fails_from = middle
        else:
            passes = middle
    return fails_from


def _within(positions: Positions, rows: int, before: int) -> Positions:
    """Indices for a table of fewer rows: the last row stays the last; an index out of range stays one."""
    return tuple(min(p, rows - 1) if 0 <= p < before else p if p < 0 else p - before + rows for p in positions)


def _with_positions(sizes: Sizes, number: int, positions: Positions) -> Sizes:
    return replace(sizes, positions=(*sizes.positions[:number], positions, *sizes.positions[number + 1 :]))


def _size(case: Case) -> int:
    """Elements in all."""
    return case.weight.numel + sum(one.index.numel + one.upstream.numel for one in case.lookups)
