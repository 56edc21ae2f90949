"""Whether a tensor lies in a permitted set, decided independently of the suite's judge."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from fractions import Fraction

from embedding_reference import Anything, Exactly, Interval, OneOf, Permitted, Raises, Rows, Tensor, Within


def position(interval: Interval, value: float) -> float | None:
    """How far from the exact value, 1.0 being the edge; None outside. A special value that is allowed lies at 0."""
    if not math.isfinite(value):
        return 0.0 if str(value) in interval.also else None
    if interval.low is None or interval.high is None or not interval.low <= value <= interval.high:
        return None
    exact = exact_of(interval)
    if value == exact:
        return 0.0
    edge = interval.low if value < exact else interval.high
    return float((Fraction(value) - exact) / (edge - exact))


def exact_of(interval: Interval) -> Fraction:
    """What errors are counted from, where a finite value is allowed."""
    assert interval.low is not None
    assert interval.high is not None
    return (interval.low + interval.high) / 2 if interval.exact is None else interval.exact


def permits(permitted: Permitted, tensor: Tensor) -> bool:
    """Whether the set holds the tensor."""
    match permitted:
        case Raises():
            held = False
        case OneOf():
            held = any(permits(option, tensor) for option in permitted.options)
        case Exactly():
            held = permitted.tensor == tensor
        case _ if (permitted.dtype, permitted.shape) != (tensor.dtype, tensor.shape):
            held = False
        case Within():
            held = furthest(permitted, tensor.components()) is not None
        case Rows():
            held = all(permits(rule, row) for rule, row in zip(permitted.rows, rows_of(tensor), strict=True))
        case Anything():
            held = True
    return held


def rows_of(tensor: Tensor) -> Iterator[Tensor]:
    """The tensor's entries along all but its last dimension."""
    width = tensor.shape[-1] * tensor.format.itemsize
    for start in range(0, len(tensor.data), width):
        yield Tensor(tensor.dtype, tensor.shape[-1:], tensor.data[start : start + width])


def furthest(permitted: Within, values: Sequence[float]) -> float | None:
    """The greatest `position` among the components; None where one is outside."""
    positions = [position(i, v) for i, v in zip(permitted.intervals, values, strict=True)]
    return None if None in positions else max((p for p in positions if p is not None), default=0.0)
