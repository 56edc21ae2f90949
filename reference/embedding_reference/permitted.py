"""Permitted outcomes: the contract allows a set of them, never one single answer."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Union

from embedding_reference.tensor import Tensor


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
    intervals: tuple[Interval, ...]


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
    rows: tuple[Permitted, ...]


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
