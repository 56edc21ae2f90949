"""The conversion of a tensor to another dtype."""

from __future__ import annotations

import math
from fractions import Fraction

from embedding_reference.formats import FORMATS
from embedding_reference.permitted import Exactly, Interval, Permitted, Rows, Within
from embedding_reference.tensor import Tensor


def converted(table: Tensor, dtype: str) -> Permitted:
    """The permitted conversions of `table`: each component rounded to nearest, ties to even; itself in its own dtype.

    From float64 to a dtype narrower than float32 the way may lead through float32, as it does on hardware that has no
    direct conversion. Rounding twice gives the nearest component or, where float32 made a tie of what was none, its
    neighbour on the other side (Figueroa, *When is double rounding innocuous?*, 1995): both are permitted, no others.
    A NaN stays a NaN, of any payload.

    Args:
        table: shape (rows, columns), floating-point or complex.
        dtype: of the same kind.
    """
    if dtype == table.dtype:
        return Exactly(table)
    direct = Tensor.of(dtype, table.shape, table.values())
    twice = direct
    if table.format.precision > FORMATS["float32"].precision > direct.format.precision:
        single = Tensor.of("float32", table.shape, table.values())
        twice = Tensor.of(dtype, table.shape, single.values())
    return Rows(dtype, table.shape, tuple(_row(direct.entry(r), twice.entry(r)) for r in range(table.shape[0])))


def _row(direct: Tensor, twice: Tensor) -> Permitted:
    components = direct.components()
    if direct == twice and not any(map(math.isnan, components)):
        return Exactly(direct)
    between = tuple(map(_between, components, twice.components()))
    return Within(direct.dtype, direct.shape, between)


def _between(one: float, other: float) -> Interval:
    """Two neighbouring components, or twice the same."""
    finite = sorted(Fraction(v) for v in (one, other) if math.isfinite(v))
    low, high = (finite[0], finite[-1]) if finite else (None, None)
    return Interval(low, high, frozenset(str(v) for v in (one, other) if not math.isfinite(v)))
