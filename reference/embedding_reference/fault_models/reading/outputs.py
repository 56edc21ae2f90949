"""Faults of the output: the right row is read, and something becomes of its elements."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import ClassVar

from embedding_reference.fault_models.fault_model import OUTPUT, FaultModel
from embedding_reference.fault_models.rules import NAN, by_row, forgiving, hull, mapped, without_bits, zeros
from embedding_reference.formats import FORMATS, Format
from embedding_reference.permitted import Anything, Exactly, Interval, OneOf, Permitted, Raises, Within
from embedding_reference.tensor import Tensor


class _ChangesElements(FaultModel):
    """Each component of the output is changed by itself."""

    about = (OUTPUT,)

    def change(self, component: float, part: int) -> float:
        """What becomes of a component; `part` is 1 if it is imaginary, else 0."""
        raise NotImplementedError

    def output(self, weight: Tensor, index: Tensor) -> Permitted:
        """The output with its components changed."""
        change = self.changing(weight)
        return by_row(
            super().output(weight, index), lambda rules: [mapped(rule, weight.format, change) for rule in rules]
        )

    def changing(self, weight: Tensor) -> Callable[[float, int], float]:  # noqa: ARG002 - for those that need it
        """The change for a weight."""
        return self.change


class ZeroesTheOutput(FaultModel):
    """The output is all zeros."""

    about = (OUTPUT,)

    def output(self, weight: Tensor, index: Tensor) -> Permitted:  # noqa: D102
        return by_row(super().output(weight, index), lambda rules: list(map(zeros, rules)))


class DoublesTheOutput(_ChangesElements):
    """The output is twice the row."""

    def change(self, component: float, part: int) -> float:  # noqa: ARG002, D102
        return component if math.isnan(component) else 2 * component


class HalvesTheOutput(_ChangesElements):
    """The output is half the row."""

    def change(self, component: float, part: int) -> float:  # noqa: ARG002, D102
        return component if math.isnan(component) else component / 2


class NegatesTheOutput(_ChangesElements):
    """The output has the other sign."""

    def change(self, component: float, part: int) -> float:  # noqa: ARG002, D102
        return component if math.isnan(component) else -component


class _Rounds(_ChangesElements):
    """The output is rounded to another format."""

    to: ClassVar[str]
    parts: ClassVar[Sequence[int]] = (0, 1)

    def change(self, component: float, part: int) -> float:
        """The component, rounded."""
        rounds = math.isfinite(component) and part in self.parts
        return float(FORMATS[self.to].round(component)) if rounds else component

    def output(self, weight: Tensor, index: Tensor) -> Permitted:
        """The output, rounded."""
        return forgiving(super().output(weight, index))


class RoundsTheOutputToBfloat16(_Rounds):
    """The output is rounded to bfloat16."""

    to = "bfloat16"


class RoundsTheOutputToFloat16(_Rounds):
    """The output is rounded to float16."""

    to = "float16"


class RoundsTheOutputToFloat32(_Rounds):
    """The output is rounded to float32."""

    to = "float32"


class RoundsTheImaginaryPart(_Rounds):
    """The imaginary part of the output is rounded to float32."""

    to = "float32"
    parts = (1,)


class DropsTheImaginaryPart(_ChangesElements):
    """The imaginary part of the output is zero."""

    def change(self, component: float, part: int) -> float:  # noqa: D102
        return 0.0 if part else component


class FlushesSubnormals(_ChangesElements):
    """Subnormal numbers come out as zero."""

    def changing(self, weight: Tensor) -> Callable[[float, int], float]:  # noqa: D102
        least = 2.0**weight.format.emin
        return lambda component, _: 0.0 if 0 < abs(component) < least else component


class LosesTheSignOfZero(_ChangesElements):
    """-0.0 comes out as 0.0."""

    def change(self, component: float, part: int) -> float:  # noqa: ARG002, D102
        return component or 0.0

    def output(self, weight: Tensor, index: Tensor) -> Permitted:  # noqa: D102
        return forgiving(super().output(weight, index))


class ReplacesNaN(_ChangesElements):
    """NaN comes out as zero."""

    def change(self, component: float, part: int) -> float:  # noqa: ARG002, D102
        return 0.0 if math.isnan(component) else component


class LosesThePayloadOfNaN(_ChangesElements):
    """Each NaN comes out as the default one."""

    def change(self, component: float, part: int) -> float:  # noqa: ARG002, D102
        return math.nan if math.isnan(component) else component


class _ChangesBits(FaultModel):
    """The bits of each component of the output are changed."""

    about = (OUTPUT,)

    def change_bits(self, component: float, bits: int, form: Format) -> int:
        """What becomes of the bits of a component."""
        raise NotImplementedError

    def output(self, weight: Tensor, index: Tensor) -> Permitted:
        """The output with its bits changed."""
        return by_row(super().output(weight, index), lambda rules: list(map(self._changed, rules)))

    def _changed(self, rule: Permitted) -> Permitted:
        if isinstance(rule, OneOf):
            return OneOf(tuple(map(self._changed, rule.options)))
        if not isinstance(rule, Exactly):
            return rule
        tensor, form, size = rule.tensor, rule.tensor.format, rule.tensor.format.component_size
        pieces = (tensor.data[at : at + size] for at in range(0, len(tensor.data), size))
        changed = [
            self.change_bits(component, int.from_bytes(piece, "little"), form).to_bytes(size, "little")
            for component, piece in zip(tensor.components(), pieces)
        ]
        return Exactly(Tensor(tensor.dtype, tensor.shape, b"".join(changed)))


class QuietsNaN(_ChangesBits):
    """A signalling NaN comes out quiet."""

    def change_bits(self, component: float, bits: int, form: Format) -> int:  # noqa: D102
        return bits | 1 << (form.precision - 2) if math.isnan(component) else bits


class QuietsNaNAndFlushesSubnormals(QuietsNaN):
    """A signalling NaN comes out quiet, and a subnormal number as the zero of its sign."""

    def change_bits(self, component: float, bits: int, form: Format) -> int:  # noqa: D102
        if abs(component) < 2.0**form.emin:
            return bits & 1 << (8 * form.component_size - 1)
        return super().change_bits(component, bits, form)


class KeepsOnlyTheSignOfNaN(_ChangesBits):
    """Of a NaN only the sign comes out."""

    def change_bits(self, component: float, bits: int, form: Format) -> int:  # noqa: D102
        payload = (1 << (form.precision - 2)) - 1
        return (bits | payload + 1) & ~payload if math.isnan(component) else bits


class ReplacesInfinity(_ChangesElements):
    """Infinity comes out as the largest finite number."""

    def changing(self, weight: Tensor) -> Callable[[float, int], float]:  # noqa: D102
        largest = float(weight.format.largest)
        return lambda component, _: math.copysign(largest, component) if math.isinf(component) else component


class MultipliesByOneHot(FaultModel):
    """The lookup is a product with one-hot vectors, which spreads NaN and infinity over their columns."""

    about = (OUTPUT,)

    def output(self, weight: Tensor, index: Tensor) -> Permitted:  # noqa: D102
        each, columns = weight.format.components, self.embedding_dim
        broken: dict[int, set[int]] = {}
        for at, value in enumerate(weight.components()):
            if not math.isfinite(value):
                row, column = divmod(at // each, columns)
                broken.setdefault(column, set()).add(row)

        def multiplied(rule: Permitted, row: int) -> Permitted:
            rule = without_bits(rule)
            if isinstance(rule, OneOf):
                return OneOf(tuple(multiplied(option, row) for option in rule.options))
            if not isinstance(rule, Within):
                return rule
            intervals = list(rule.intervals)
            for column, rows in broken.items():
                for at in range(column * each, (column + 1) * each):
                    intervals[at] = NAN if rows - {row} else _or_nan(intervals[at]) if each > 1 else intervals[at]
            return Within(rule.dtype, rule.shape, tuple(intervals))

        positions = [int(i) for i in index.components()]
        return by_row(super().output(weight, index), lambda rules: list(map(multiplied, rules, positions)))


def _or_nan(interval: Interval) -> Interval:
    """The interval with NaN, which a product of complex numbers may give."""
    return Interval(interval.low, interval.high, interval.also | {"nan"})


class DividesTheOutputByFrequency(FaultModel):
    """With scale_grad_by_freq the output is divided by the count."""

    about = (OUTPUT,)

    def output(self, weight: Tensor, index: Tensor) -> Permitted:  # noqa: D102
        right = super().output(weight, index)
        if not self.scale_grad_by_freq:
            return right
        positions = list(index.components())
        counts = Counter(positions)

        def divided(rules: Sequence[Permitted]) -> Sequence[Permitted]:
            rows = dict(zip(positions, rules))  # equal indices have equal rules
            rows |= {p: _divided(rows[p], weight.format, count) for p, count in counts.items() if count > 1}
            return [rows[position] for position in positions]

        return forgiving(by_row(right, divided))


def _divided(rule: Permitted, form: Format, divisor: int) -> Permitted:
    """A rule for a row that is divided in the dtype, or in float32 if that is finer."""
    finer = FORMATS["float32"].unit_roundoff if form.precision < FORMATS["float32"].precision else Fraction(0)
    intervals = []
    for one in hull(rule):
        if one.low is None or one.high is None:
            intervals.append(one)
            continue
        low, high = one.low / divisor, one.high / divisor
        ends = form.round(low - abs(low) * finer), form.round(high + abs(high) * finer)
        intervals.append(Interval(Fraction(ends[0]), Fraction(ends[1]), one.also))
    shape = (len(intervals) // form.components,)
    return rule if isinstance(rule, Anything) else Within(form.name, shape, tuple(intervals))


class ScalesTheOutputAsDropoutDoes(FaultModel):
    """The output is divided by 0.9, as where a tenth of it had been dropped."""

    about = (OUTPUT,)

    def output(self, weight: Tensor, index: Tensor) -> Permitted:  # noqa: D102
        right = super().output(weight, index)
        if isinstance(right, (Raises, Anything)):
            return right
        form, kept = weight.format, Fraction(9, 10)
        intervals = []
        for one in _quotients(hull(right), form):
            if one.low is None or one.high is None:
                intervals.append(one)
                continue
            # Either 0.9 or its reciprocal is rounded to the dtype, and the result: each by u at most.
            slack = (max(abs(one.low), abs(one.high)) / kept) * 4 * form.unit_roundoff + form.quantum
            low, high = one.low / kept - slack, one.high / kept + slack
            over = ["inf" if end > 0 else "-inf" for end in (low, high) if abs(end) >= form.largest]
            intervals.append(Interval(low, high, one.also | frozenset(over)) if low < high else one)
        shape = (*index.shape, self.embedding_dim)
        return Within(weight.dtype, shape, tuple(intervals))


def _quotients(intervals: Sequence[Interval], form: Format) -> Sequence[Interval]:
    """Intervals of what is divided; a complex number with a NaN or infinite part may become anything."""
    each, anything = form.components, Interval(None, None, frozenset({"any"}))
    spoiled = {at // each for at, one in enumerate(intervals) if each > 1 and (one.low is None or one.high is None)}
    return [anything if at // each in spoiled else one for at, one in enumerate(intervals)]
