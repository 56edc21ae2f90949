"""What becomes of permitted answers where an implementation goes on to change what it answers.

A rule is what is permitted for one row, a tensor of shape (embedding_dim,).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import lru_cache, partial

from embedding_reference.formats import FORMATS, Format
from embedding_reference.permitted import ZERO, Anything, Exactly, Interval, OneOf, Permitted, Raises, Rows, Within
from embedding_reference.sums import exact_interval
from embedding_reference.tensor import Tensor


def rules_of(permitted: Permitted) -> Sequence[Permitted]:
    """The rule of each row of an answer of shape (..., embedding_dim)."""
    if isinstance(permitted, Rows):
        return permitted.rows
    assert isinstance(permitted, Exactly)
    tensor = permitted.tensor
    table = Tensor(tensor.dtype, (math.prod(tensor.shape[:-1]), tensor.shape[-1]), tensor.data)
    rows = [table.row(at) for at in range(table.shape[0])]
    exactly = {row: Exactly(Tensor(tensor.dtype, tensor.shape[-1:], row)) for row in set(rows)}  # many are alike
    return [exactly[row] for row in rows]


def joined(dtype: str, shape: Sequence[int], rules: Sequence[Permitted]) -> Permitted:
    """An answer of this shape whose rows have these rules."""
    exact = [rule.tensor.data for rule in rules if isinstance(rule, Exactly)]
    if len(exact) == len(rules):
        return Exactly(Tensor(dtype, tuple(shape), b"".join(exact)))
    return Rows(dtype, tuple(shape), tuple(rules))


def by_row(permitted: Permitted, change: Callable[[Sequence[Permitted]], Sequence[Permitted]]) -> Permitted:
    """An answer whose rules are changed; a refusal, or an answer that may be anything, as it is."""
    if isinstance(permitted, (Raises, Anything)):
        return permitted
    if isinstance(permitted, Exactly):
        return joined(permitted.tensor.dtype, permitted.tensor.shape, change(rules_of(permitted)))
    assert isinstance(permitted, Rows)
    return joined(permitted.dtype, permitted.shape, change(permitted.rows))


def zeros(like: Permitted) -> Permitted:
    """The rule of a row of zeros, of the dtype and shape that another row has."""
    shaped = like.tensor if isinstance(like, Exactly) else like.options[0] if isinstance(like, OneOf) else like
    if isinstance(shaped, Exactly):
        shaped = shaped.tensor
    assert isinstance(shaped, (Tensor, Within, Anything))
    return _zeros(shaped.dtype, shaped.shape)


@lru_cache(maxsize=64)
def _zeros(dtype: str, shape: tuple[int, ...]) -> Permitted:
    return Exactly(Tensor(dtype, shape, bytes(math.prod(shape) * FORMATS[dtype].itemsize)))


def picked(rule: Permitted, columns: Sequence[int | None]) -> Permitted:
    """A rule whose elements are those of these columns of another; zero for None."""
    if isinstance(rule, OneOf):
        return OneOf(tuple(picked(option, columns) for option in rule.options))
    if isinstance(rule, Exactly):
        tensor, size = rule.tensor, rule.tensor.format.itemsize
        parts = [bytes(size) if c is None else tensor.data[c * size : (c + 1) * size] for c in columns]
        return Exactly(Tensor(tensor.dtype, (len(columns),), b"".join(parts)))
    if isinstance(rule, Within):
        each = len(rule.intervals) // max(rule.shape[0], 1)
        intervals = [ZERO if c is None else rule.intervals[c * each + k] for c in columns for k in range(each)]
        return Within(rule.dtype, (len(columns),), tuple(intervals))
    return rule


def mapped(rule: Permitted, form: Format, change: Callable[[float, int], float]) -> Permitted:
    """A rule each of whose components is changed by a monotonic function, and rounded to the dtype again.

    Args:
        rule: the rule.
        form: its dtype.
        change: takes a component, and 1 if it is imaginary, else 0. Bits are kept where it answers with its argument.
    """
    if isinstance(rule, OneOf):
        return OneOf(tuple(mapped(option, form, change) for option in rule.options))
    if isinstance(rule, Exactly):
        return Exactly(each_component(rule.tensor, change))
    if isinstance(rule, Within):
        parts = (at % form.components for at in range(len(rule.intervals)))
        intervals = [
            _mapped_interval(i, form, partial(_of_part, change, part)) for i, part in zip(rule.intervals, parts)
        ]
        return Within(rule.dtype, rule.shape, tuple(intervals))
    return rule


def _of_part(change: Callable[[float, int], float], part: int, component: float) -> float:
    return change(component, part)


def _mapped_interval(interval: Interval, form: Format, change: Callable[[float], float]) -> Interval:
    if interval.low is None or interval.high is None:
        return interval
    ends = sorted(form.round(change(form.round(end))) for end in (interval.low, interval.high))
    also = frozenset(str(end) for end in ends if math.isinf(end))
    finite = [Fraction(min(max(end, -float(form.largest)), float(form.largest))) for end in ends]
    return Interval(finite[0], finite[1], interval.also | also)


def each_component(tensor: Tensor, change: Callable[[float, int], float]) -> Tensor:
    """The tensor with each component changed (as in `mapped`) and rounded to the dtype again."""
    form, size, parts = tensor.format, tensor.format.component_size, []
    for place, component in enumerate(tensor.components()):
        value = change(component, place % form.components)
        kept = tensor.data[place * size : (place + 1) * size]
        parts.append(kept if value is component else form.encode([value]))
    return Tensor(tensor.dtype, tensor.shape, b"".join(parts))


def without_bits(rule: Permitted) -> Permitted:
    """A rule that tells neither zeros nor NaNs from one another."""
    if isinstance(rule, OneOf):
        return OneOf(tuple(map(without_bits, rule.options)))
    if isinstance(rule, Exactly):
        tensor = rule.tensor
        return Within(tensor.dtype, tensor.shape, tuple(map(exact_interval, tensor.components())))
    return rule


NAN = Interval(None, None, frozenset({"nan"}))
"""The interval of NaN alone, whatever its bits."""


def forgiving(permitted: Permitted) -> Permitted:
    """An answer whose rows with a NaN may have any other: what bits a NaN keeps in a conversion is not documented."""

    def forgiven(rule: Permitted) -> Permitted:
        if isinstance(rule, OneOf):
            return OneOf(tuple(map(forgiven, rule.options)))
        exact = isinstance(rule, Exactly) and any(map(math.isnan, rule.tensor.components()))
        return without_bits(rule) if exact else rule

    return by_row(permitted, lambda rules: list(map(forgiven, rules)))


def hull(permitted: Permitted) -> Sequence[Interval]:
    """For each component of an answer, the least interval that holds what it may be; zeros and NaNs are alike."""
    if isinstance(permitted, Rows):
        return [interval for rule in permitted.rows for interval in hull(rule)]
    if isinstance(permitted, OneOf):
        return [_either(options) for options in zip(*map(hull, permitted.options))]
    if isinstance(permitted, Within):
        return permitted.intervals
    if isinstance(permitted, Exactly):
        return list(map(exact_interval, permitted.tensor.components()))
    assert isinstance(permitted, Anything)
    return [Interval(None, None, frozenset({"any"}))] * (
        math.prod(permitted.shape) * FORMATS[permitted.dtype].components
    )


def _either(options: Sequence[Interval]) -> Interval:
    lows = [option.low for option in options if option.low is not None]
    highs = [option.high for option in options if option.high is not None]
    also = frozenset().union(*(option.also for option in options))
    return Interval(min(lows, default=None), max(highs, default=None), also)
