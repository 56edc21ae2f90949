"""Whether two sets of permitted answers share nothing, so that any answer tells which of the two it is not in."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import starmap
from typing import Iterable, Sequence, Tuple  # noqa: UP035 - evaluated on Python 3.8 too

from embedding_reference.permitted import (
    AllBut,
    Anything,
    Exactly,
    Interval,
    OneOf,
    Permitted,
    Raises,
    Rows,
    Within,
    ZeroBut,
)
from embedding_reference.tensor import Tensor, rows_of

_ORDER = (OneOf, Raises, Anything, Rows, Exactly, Within)
"""Of two sets, the one whose kind stands first here decides how they are compared."""


def share_nothing(one: Permitted, other: Permitted) -> bool:
    """Whether no answer is in both sets.

    One component on which the sets have nothing in common is enough. Refusals of different families are not told apart:
    which exception it is says little of what is wrong.
    """
    if one is other:
        return False
    if type(one) is type(other) is Exactly:
        return one != other
    first, second = sorted((one, other), key=lambda permitted: _ORDER.index(type(permitted)))
    if isinstance(first, OneOf):
        return all(share_nothing(option, second) for option in first.options)
    if isinstance(first, Raises):
        return not isinstance(second, Raises)
    return _form(first) != _form(second) or _contents_share_nothing(first, second)


def _contents_share_nothing(first: Permitted, second: Permitted) -> bool:
    """The same of two sets of tensors of one dtype and shape, the first not after the second in `_ORDER`."""
    if isinstance(first, Anything):
        return False
    if isinstance(first, Rows):
        return any(starmap(share_nothing, _pairs(first, second)))
    if isinstance(first, Exactly):
        assert isinstance(second, Within)
        return None in map(Interval.error_of, second.intervals, first.tensor.components())
    assert isinstance(first, Within)
    assert isinstance(second, Within)
    return any(starmap(_are_disjoint, _interval_pairs(first.intervals, second.intervals)))


def _form(permitted: Permitted) -> Tuple[str, Tuple[int, ...]]:  # noqa: UP006 - evaluated on Python 3.8 too
    """The dtype and the shape of the answers."""
    shaped = permitted.tensor if isinstance(permitted, Exactly) else permitted
    assert not isinstance(shaped, (OneOf, Raises))
    return shaped.dtype, shaped.shape


def _pairs(first: Rows, second: Permitted) -> Iterable[Tuple[Permitted, Permitted]]:  # noqa: UP006 - as above
    """The rules of each row of two answers; rows that stay as they are in both tell nothing apart."""
    one, other = first.rows, second.rows if isinstance(second, Rows) else None
    if isinstance(second, Exactly) and isinstance(one, AllBut) and one.table is second.tensor:
        other = AllBut(second.tensor, {})
    if isinstance(one, AllBut) and isinstance(other, AllBut) and one.table is other.table:
        return ((one[row], other[row]) for row in {**one.some, **other.some})
    return zip(one, _rows(second))


def _interval_pairs(one: Sequence[Interval], other: Sequence[Interval]) -> Iterable[Tuple[Interval, Interval]]:  # noqa: UP006 - as above
    """The intervals of each component of two answers, but where both are tables, of rows that are zero in both."""
    if isinstance(one, ZeroBut) and isinstance(other, ZeroBut):
        rows = {**one.some, **other.some}
        return ((a, b) for row in rows for a, b in zip(one.some.get(row, one.zeros), other.some.get(row, other.zeros)))
    return zip(one, other)


def _rows(permitted: Permitted) -> Iterable[Permitted]:
    """The rule of each row of an answer, for a tensor of shape (embedding_dim,)."""
    if isinstance(permitted, Rows):
        return permitted.rows
    if isinstance(permitted, Exactly):
        tensor = permitted.tensor
        return (Exactly(Tensor(tensor.dtype, tensor.shape[-1:], row)) for row in rows_of(tensor))
    assert isinstance(permitted, Within)
    count = len(permitted.intervals) // max(math.prod(permitted.shape[:-1]), 1)
    starts = range(0, len(permitted.intervals), count) if count else range(0)
    return [Within(permitted.dtype, permitted.shape[-1:], permitted.intervals[at : at + count]) for at in starts]


def _are_disjoint(one: Interval, other: Interval) -> bool:
    if one is other or "any" in one.also | other.also or one.also & other.also:
        return False
    if one.low is None or one.high is None or other.low is None or other.high is None:
        return True
    return _is_less(one.high, other.low) or _is_less(other.high, one.low)


def _is_less(one: Fraction, other: Fraction) -> bool:
    """Whether one is less; several times as fast as to compare fractions."""
    return one.numerator * other.denominator < other.numerator * one.denominator
