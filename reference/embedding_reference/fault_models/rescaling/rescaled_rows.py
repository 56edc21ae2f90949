"""Faults about max_norm: what becomes of a row that is rescaled, or need not be."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import ClassVar

from embedding_reference import norms
from embedding_reference.fault_models.fault_model import OUTPUT, WEIGHT, FaultModel
from embedding_reference.fault_models.rules import NAN, mapped, without_bits
from embedding_reference.formats import FORMATS, Format
from embedding_reference.permitted import Exactly, OneOf, Permitted, Within
from embedding_reference.sums import exact_interval
from embedding_reference.tensor import Tensor


class _RescalesRowsOtherwise(FaultModel):
    """A row whose norm exceeds the limit ends as something else."""

    about = (OUTPUT, WEIGHT)

    def instead(self, row: Tensor) -> Tensor:
        """What such a row becomes."""
        raise NotImplementedError

    def _renormalised_row(self, row: int, values: Tensor, *, wide: bool) -> Permitted:
        permitted = super()._renormalised_row(row, values, wide=wide)
        if isinstance(permitted, OneOf):
            return OneOf((Exactly(values), Exactly(self.instead(values))))
        return Exactly(self.instead(values)) if isinstance(permitted, Within) else permitted


class SetsLongRowsToZero(_RescalesRowsOtherwise):
    """A row whose norm exceeds max_norm is set to zeros."""

    def instead(self, row: Tensor) -> Tensor:  # noqa: D102
        return Tensor(row.dtype, row.shape, bytes(len(row.data)))


class ClipsElements(_RescalesRowsOtherwise):
    """Of a row whose norm exceeds max_norm each element is clipped to max_norm."""

    def instead(self, row: Tensor) -> Tensor:  # noqa: D102
        limit = self.max_norm or 0.0
        clipped = [min(max(component, -limit), limit) for component in row.components()]
        return Tensor(row.dtype, row.shape, row.format.encode(clipped))


class LosesTheSign(_RescalesRowsOtherwise):
    """A row whose norm exceeds max_norm becomes one of equal elements of that norm."""

    def instead(self, row: Tensor) -> Tensor:  # noqa: D102
        count, order = max(row.numel, 1), self.norm_type
        each = (self.max_norm or 0.0) / (1.0 if math.isinf(order) else count ** (1 / order))
        return Tensor.of(row.dtype, row.shape, [each] * row.numel)


class RescalesOnly16Elements(FaultModel):
    """Of a row that is rescaled only the first sixteen elements are."""

    about = (OUTPUT, WEIGHT)

    def _renormalised_row(self, row: int, values: Tensor, *, wide: bool) -> Permitted:
        permitted = super()._renormalised_row(row, values, wide=wide)
        kept = list(map(exact_interval, values.components()))[16 * values.format.components :]

        def partly(rule: Permitted) -> Permitted:
            if isinstance(rule, OneOf):
                return OneOf(tuple(map(partly, rule.options)))
            if not isinstance(rule, Within):
                return rule
            return Within(rule.dtype, rule.shape, (*rule.intervals[: len(rule.intervals) - len(kept)], *kept))

        return partly(permitted)


# -- where a rescaled row ends -----------------------------------------------------------------------------------------


class _EndsElsewhere(FaultModel):
    """A row whose norm exceeds max_norm ends at a multiple of max_norm."""

    about = (OUTPUT, WEIGHT)
    times: ClassVar[Fraction]

    def _factors(self, norm: norms.Norm, form: Format, *, wide: bool) -> tuple[Fraction, Fraction]:
        least, greatest = super()._factors(norm, form, wide=wide)
        return least * self.times, greatest * self.times


class EndsAtHalf(_EndsElsewhere):
    """A row whose norm exceeds max_norm ends at half of max_norm."""

    times = Fraction(1, 2)


class EndsSlightlyBelow(_EndsElsewhere):
    """A row whose norm exceeds max_norm ends at 0.9999 max_norm."""

    times = Fraction(9999, 10000)


class EndsAtOne(FaultModel):
    """A row whose norm exceeds max_norm ends with norm 1."""

    about = (OUTPUT, WEIGHT)

    def _factors(self, norm: norms.Norm, form: Format, *, wide: bool) -> tuple[Fraction, Fraction]:
        return norms.rescaling(norm, 1.0, form, wide=wide, start=Fraction(self.max_norm or 0.0))


class _AddsAnEpsilon(FaultModel):
    """Too much is added to the norm before max_norm is divided by it."""

    about = (OUTPUT, WEIGHT)
    epsilon: ClassVar[Fraction]

    def _factors(self, norm: norms.Norm, form: Format, *, wide: bool) -> tuple[Fraction, Fraction]:
        high = None if norm.high is None else norm.high + self.epsilon
        low = max(norm.low, Fraction(self.max_norm or 0.0) / (1 + form.unit_roundoff))
        return super()._factors(norms.Norm(low + self.epsilon, high), form, wide=wide)


class AddsAThousandth(_AddsAnEpsilon):
    """The norm is increased by 0.001 before max_norm is divided by it."""

    epsilon = Fraction(1, 1000)


class AddsAHundredThousandth(_AddsAnEpsilon):
    """The norm is increased by 0.00001 before max_norm is divided by it."""

    epsilon = Fraction(1, 100000)


class SharesOneFactor(FaultModel):
    """All rows of a call are rescaled by the largest of their norms."""

    about = (OUTPUT, WEIGHT)

    def _renormalised(self, weight: Tensor, positions: Sequence[int], *, wide: bool = False) -> dict[int, Permitted]:
        rows = [weight.entry(row) for row in set(positions)]
        if not all(math.isfinite(value) for row in rows for value in row.components()):
            return super()._renormalised(weight, positions, wide=wide)
        found = [self._norm(row, wide=wide) for row in rows]
        highs = [norm.high for norm in found if norm.high is not None]
        high = max(highs, default=Fraction(0)) if len(highs) == len(found) else None
        largest = norms.Norm(max((norm.low for norm in found), default=Fraction(0)), high)

        class OfOneNorm(FaultModel):
            def _factors(self, norm: norms.Norm, form: Format, *, wide: bool) -> tuple[Fraction, Fraction]:  # noqa: ARG002
                return super()._factors(largest, form, wide=wide)

        return OfOneNorm.of(self)._renormalised(weight, positions, wide=wide)  # noqa: SLF001 - a model like this one


class RoundsTheFactorToFloat32(FaultModel):
    """The factor by which a row is rescaled is rounded to the precision of float32."""

    about = (OUTPUT, WEIGHT)

    def _factors(self, norm: norms.Norm, form: Format, *, wide: bool) -> tuple[Fraction, Fraction]:
        least, greatest = super()._factors(norm, form, wide=wide)
        return _to_single_precision(least), _to_single_precision(greatest)


def _to_single_precision(factor: Fraction) -> Fraction:
    """A factor rounded to the precision of float32, whatever its exponent."""
    scale = Fraction(2) ** (factor.numerator.bit_length() - factor.denominator.bit_length())
    return Fraction(FORMATS["float32"].round(factor / scale)) * scale


class _RescalesSeveralTimes(FaultModel):
    """A row is multiplied by its factor more than once."""

    about = (OUTPUT, WEIGHT)

    def times(self, positions: Sequence[int]) -> Mapping[int, int]:
        """How many times each row of a lookup is."""
        raise NotImplementedError

    def _renormalised(self, weight: Tensor, positions: Sequence[int], *, wide: bool = False) -> dict[int, Permitted]:
        found = super()._renormalised(weight, positions, wide=wide)
        for row, times in self.times(positions).items():
            values = weight.entry(row)
            if times > 1 and isinstance(found[row], (Within, OneOf)):
                norm = self._norm(values, wide=wide)
                power = norms.powers(self._factors(norm, values.format, wide=wide), times)
                found[row] = _multiplied(found[row], values, power, times)
        return found


def _multiplied(rule: Permitted, values: Tensor, factors: tuple[Fraction, ...], times: int) -> Permitted:
    """A rule for a row whose multiple takes the place of the right one; each product is rounded."""
    if isinstance(rule, OneOf):
        return OneOf(tuple(_multiplied(option, values, factors, times) for option in rule.options))
    if not isinstance(rule, Within):
        return rule
    form, (least, greatest) = values.format, factors
    # The factor, its power and the products are rounded.
    _, slack = norms.powers((Fraction(1), 1 + form.unit_roundoff), 4 * times)
    lost = form.quantum * times
    intervals = [
        norms.product_interval(value, (least / slack, greatest * slack), form, lost) for value in values.components()
    ]
    return Within(rule.dtype, rule.shape, tuple(intervals))


class RescalesEachDuplicate(_RescalesSeveralTimes):
    """A row that occurs n times is multiplied n times by the same factor."""

    def times(self, positions: Sequence[int]) -> Mapping[int, int]:  # noqa: D102
        return Counter(positions)


class RescalesEachRun(_RescalesSeveralTimes):
    """A row is multiplied by the same factor once for each run of its duplicates."""

    def times(self, positions: Sequence[int]) -> Mapping[int, int]:  # noqa: D102
        return Counter(row for place, row in enumerate(positions) if not place or positions[place - 1] != row)


# -- from which norm on ------------------------------------------------------------------------------------------------


class _StartsElsewhere(FaultModel):
    """A row is rescaled from a multiple of max_norm on."""

    about = (OUTPUT, WEIGHT)
    times: ClassVar[Fraction]

    def _limit(self, max_norm: float) -> Fraction:
        return Fraction(max_norm) * self.times

    def _factors(self, norm: norms.Norm, form: Format, *, wide: bool) -> tuple[Fraction, Fraction]:
        start = self._limit(self.max_norm or 0.0)
        return norms.rescaling(norm, self.max_norm or 0.0, form, wide=wide, start=start)


class RescalesUp(_StartsElsewhere):
    """A row below max_norm is rescaled to it, too."""

    times = Fraction(0)

    def _factors(self, norm: norms.Norm, form: Format, *, wide: bool) -> tuple[Fraction, Fraction]:
        nonzero = norms.Norm(max(norm.low, form.quantum), norm.high)  # no row but one of zeros has a smaller norm
        return super()._factors(nonzero, form, wide=wide)


class StartsAtNineTenths(_StartsElsewhere):
    """A row is rescaled from a norm of 0.9 max_norm on."""

    times = Fraction(9, 10)


class StartsJustBelow(_StartsElsewhere):
    """A row is rescaled from a norm of 0.999 max_norm on."""

    times = Fraction(999, 1000)


class StartsJustAbove(_StartsElsewhere):
    """A row is rescaled only from a norm of 1.001 max_norm on."""

    times = Fraction(1001, 1000)


# -- whether or not it is rescaled -------------------------------------------------------------------------------------


class BreaksRowsOfZeros(FaultModel):
    """With max_norm a row of zeros that is looked up becomes NaN."""

    about = (OUTPUT, WEIGHT)

    def _renormalised_row(self, row: int, values: Tensor, *, wide: bool) -> Permitted:
        components = values.components()
        if any(components) or not components:
            return super()._renormalised_row(row, values, wide=wide)
        each = values.format.components
        return Within(
            values.dtype,
            values.shape,
            tuple(exact_interval(0.0) if at % each else NAN for at in range(len(components))),
        )


class RewritesRowsBelow(FaultModel):
    """A row that need not be rescaled is multiplied by 0.999999."""

    about = (OUTPUT, WEIGHT)

    def _renormalised_row(self, row: int, values: Tensor, *, wide: bool) -> Permitted:
        def rewritten(rule: Permitted) -> Permitted:
            if isinstance(rule, OneOf):
                return OneOf(tuple(map(rewritten, rule.options)))
            if not isinstance(rule, Exactly):
                return rule
            factor = Fraction(1 - 1e-6)
            intervals = [norms.product_interval(c, (factor, factor), values.format) for c in values.components()]
            return Within(values.dtype, values.shape, tuple(intervals))

        return rewritten(super()._renormalised_row(row, values, wide=wide))


class TidiesRowsThatAreLookedUp(FaultModel):
    """With max_norm -0.0 becomes 0.0 in a row that is looked up."""

    about = (OUTPUT, WEIGHT)

    def _renormalised_row(self, row: int, values: Tensor, *, wide: bool) -> Permitted:
        permitted = super()._renormalised_row(row, values, wide=wide)
        return mapped(permitted, values.format, lambda component, _: component or 0.0)


class SpreadsNaNOverTheCall(FaultModel):
    """With max_norm a row with NaN or infinity turns all rows of the call into NaN."""

    about = (OUTPUT, WEIGHT)

    def _renormalised(self, weight: Tensor, positions: Sequence[int], *, wide: bool = False) -> dict[int, Permitted]:
        right = super()._renormalised(weight, positions, wide=wide)
        if all(math.isfinite(value) for row in right for value in weight.entry(row).components()):
            return {row: without_bits(rule) for row, rule in right.items()}
        count = self.embedding_dim * weight.format.components
        return {row: Within(weight.dtype, (self.embedding_dim,), (NAN,) * count) for row in right}
