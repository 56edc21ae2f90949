"""Permitted outcomes: the contract allows a set of them, never one single answer."""

from __future__ import annotations

import decimal
import math
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Iterator, Mapping, Sequence, Union, overload  # noqa: UP035 - evaluated on Python 3.8 too

from embedding_reference.formats import Format
from embedding_reference.tensor import Tensor

_WIDE = decimal.Context(prec=17, Emin=decimal.MIN_EMIN, Emax=decimal.MAX_EMAX)


def number_text(value: float | Fraction) -> str:
    """A number with 17 significant digits, which tell any two float64 values apart; it may exceed float64's range."""
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else str(value)
    with decimal.localcontext(_WIDE):
        return f"{Decimal(value.numerator) / Decimal(value.denominator):.17g}"


@dataclass(frozen=True)
class Interval:
    """The permitted values of one component: the finite numbers from `low` to `high`, and those named in `also`.

    Attributes:
        low: the least finite value, or None where no finite value is permitted.
        high: the greatest finite value, or None where no finite value is permitted.
        also: which of "nan", "inf" and "-inf" are permitted too; "any" permits every value.
        exact: the exact value, from which errors are measured; None where that is the middle of the interval.
    """

    low: Fraction | None
    high: Fraction | None
    also: frozenset[str] = frozenset()
    exact: Fraction | None = None

    @classmethod
    def exactly(cls, value: Fraction) -> Interval:
        """One finite value (zeros of either sign alike)."""
        return cls(value, value)

    def __str__(self) -> str:
        """What it permits, in words."""
        if self.low is None or self.high is None:
            return " or ".join(sorted(self.also))
        low, high = number_text(self.low), number_text(self.high)
        finite = low if self.low == self.high else f"{low} to {high}"
        return " or ".join([finite, *sorted(self.also)])

    def only(self, form: Format) -> float | None:
        """The one component that it permits, if it permits one only and the format has it."""
        if self.low is None or self.low != self.high or abs(self.low) > form.largest:
            return None
        return form.round(self.low) if form.round(self.low) == self.low else None

    def error_of(self, value: float | Fraction) -> float | None:
        """How far a value is from the exact one, as a fraction of the bound: 1 at the edge, None beyond it."""
        low, high = self.low, self.high
        if "any" in self.also:
            return 0.0
        if isinstance(value, float) and not math.isfinite(value):
            return 0.0 if str(value) in self.also else None
        if low is None or high is None:
            return None
        over, under = value.as_integer_ratio()  # whole numbers: comparing a Fraction with a float takes long
        if low is high or low == high:
            return 0.0 if (over, under) == low.as_integer_ratio() else None
        if over * low.denominator < low.numerator * under or over * high.denominator > high.numerator * under:
            return None
        exact = (low + high) / 2 if self.exact is None else self.exact
        error = over * exact.denominator - exact.numerator * under
        bound = (high if error > 0 else low) - exact
        return (error * bound.denominator) / (under * exact.denominator * bound.numerator) if error else 0.0


ZERO = Interval.exactly(Fraction(0))
"""Zero alone, of either sign."""


@dataclass(frozen=True)
class Exactly:
    """These bits and no others."""

    tensor: Tensor


@dataclass(frozen=True)
class Within:
    """Dtype and shape as given, each component in its interval (two intervals an element for complex dtypes)."""

    dtype: str
    shape: tuple[int, ...]
    intervals: Sequence[Interval]


class ZeroBut(Sequence[Interval]):
    """The intervals of a table: zero in all rows but some; the zeros cost nothing.

    Attributes:
        width: components of a row.
        some: the intervals of the other rows, by row.
    """

    def __init__(self, rows: int, width: int, some: Mapping[int, Sequence[Interval]]) -> None:
        self.width, self.some, self._rows = width, some, rows
        self.zeros = (ZERO,) * width

    def __len__(self) -> int:
        return self._rows * self.width

    @overload
    def __getitem__(self, place: int) -> Interval: ...

    @overload
    def __getitem__(self, place: slice) -> Sequence[Interval]: ...

    def __getitem__(self, place: int | slice) -> Interval | Sequence[Interval]:
        if isinstance(place, slice):
            return list(self)[place]
        return self.some.get(place // self.width, self.zeros)[place % self.width]

    def __iter__(self) -> Iterator[Interval]:
        for row in range(self._rows):
            yield from self.some.get(row, self.zeros)


@dataclass(frozen=True)
class Anything:
    """Dtype and shape as given, any content: the documentation leaves it open, for the reason given."""

    dtype: str
    shape: tuple[int, ...]
    why: str


@dataclass(frozen=True)
class OneOf:
    """Any of these outcomes."""

    options: tuple[Permitted, ...]


@dataclass(frozen=True)
class Rows:
    """Dtype and shape as given; each entry of the flattened leading dimensions is judged by its own rule.

    `shape` is leading dimensions + (embedding_dim,); `rows` has one rule for each index into the leading dimensions,
    row-major, every rule for a tensor of shape (embedding_dim,).
    """

    dtype: str
    shape: tuple[int, ...]
    rows: Sequence[Permitted]


class AllBut(Sequence["Permitted"]):
    """The rules of a table's rows: all stay as they are, but for some; what stays costs nothing.

    Attributes:
        table: the table, of shape (rows, columns).
        some: the rules of the rows that may change, by row.
    """

    def __init__(self, table: Tensor, some: Mapping[int, Permitted]) -> None:
        self.table, self.some = table, some

    def __len__(self) -> int:
        return self.table.shape[0]

    @overload
    def __getitem__(self, row: int) -> Permitted: ...

    @overload
    def __getitem__(self, row: slice) -> Sequence[Permitted]: ...

    def __getitem__(self, row: int | slice) -> Permitted | Sequence[Permitted]:
        if isinstance(row, slice):
            return list(self)[row]
        return self.some.get(row) or Exactly(self.table.entry(row))

    def __iter__(self) -> Iterator[Permitted]:
        for row in range(len(self)):
            yield self[row]


@dataclass(frozen=True)
class Raises:
    """A refusal: an exception of one of these families (see `FAMILIES`), and nothing changed by the call."""

    families: frozenset[str]


Permitted = Union[Exactly, Within, Anything, OneOf, Rows, Raises]  # noqa: UP007 - evaluated on Python 3.8 too

FAMILIES = {
    "index": "IndexError, or what the framework raises for an index out of range",
    "type": "TypeError, or what the framework raises for a wrong dtype",
    "value": "ValueError or AssertionError",
    "runtime": "RuntimeError, or an exception class of the implementation's own",
}
