"""Faults about norm_type: how the norm of a row is taken."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

from embedding_reference import norms
from embedding_reference.fault_models.bases import RescalesAsIf
from embedding_reference.fault_models.fault_model import OUTPUT, WEIGHT, FaultModel
from embedding_reference.formats import FORMATS
from embedding_reference.model import Embedding
from embedding_reference.tensor import Tensor


class IgnoresNormType(RescalesAsIf):
    """norm_type is ignored: the norm is the 2-norm."""

    def other(self) -> Embedding:  # noqa: D102
        return self.right(norm_type=2.0)


class AlwaysTakesTheOneNorm(RescalesAsIf):
    """The norm is the 1-norm, whatever norm_type is."""

    def other(self) -> Embedding:  # noqa: D102
        return self.right(norm_type=1.0)


class AlwaysTakesTheLargest(RescalesAsIf):
    """The norm is the largest magnitude, whatever norm_type is."""

    def other(self) -> Embedding:  # noqa: D102
        return self.right(norm_type=math.inf)


class CutsTheOrderToAWholeNumber(RescalesAsIf):
    """A fractional norm_type is cut to a whole number, at least 1."""

    def other(self) -> Embedding:  # noqa: D102
        whole = math.isinf(self.norm_type) or math.isnan(self.norm_type)
        return self.right(norm_type=self.norm_type if whole else max(float(int(self.norm_type)), 1.0))


class RoundsTheOrderUp(RescalesAsIf):
    """A fractional norm_type is rounded up to a whole number."""

    def other(self) -> Embedding:  # noqa: D102
        finite = math.isfinite(self.norm_type)
        return self.right(norm_type=float(math.ceil(self.norm_type)) if finite else self.norm_type)


class TakesTheReciprocalOrder(RescalesAsIf):
    """The norm is that of order 1 / norm_type."""

    def other(self) -> Embedding:  # noqa: D102
        order = self.norm_type
        return self.right(norm_type=order if math.isinf(order) or not order > 0 else 1 / order)


class _TakesTheNormOf(FaultModel):
    """The norm is that of something else than the row."""

    about = (OUTPUT, WEIGHT)

    def measured(self, values: Tensor) -> Tensor:
        """What the norm is taken of."""
        raise NotImplementedError

    def _norm(self, values: Tensor, *, wide: bool) -> norms.Norm:
        return super()._norm(self.measured(values), wide=wide)


class TakesTheNormOf64Columns(_TakesTheNormOf):
    """Columns from the 65th on do not count in a norm, though they are rescaled."""

    def measured(self, values: Tensor) -> Tensor:  # noqa: D102
        return _part(values, 0, 64)


class TakesTheRealPart(_TakesTheNormOf):
    """The norm of a complex row is that of its real part."""

    def measured(self, values: Tensor) -> Tensor:  # noqa: D102
        if values.format.components == 1:
            return values
        real = {"complex64": "float32", "complex128": "float64"}[values.dtype]
        return Tensor.of(real, values.shape, values.components()[::2])


class TakesTheLargestElement(FaultModel):
    """The norm is the largest element, not the largest magnitude."""

    about = (OUTPUT, WEIGHT)

    def _norm(self, values: Tensor, *, wide: bool) -> norms.Norm:
        if values.format.components > 1:
            return super()._norm(values, wide=wide)
        largest = Fraction(max(0.0, *values.components()) if values.numel else 0.0)
        return norms.Norm(largest, largest)


class TakesOneForTheInfinityNorm(FaultModel):
    """With norm_type=inf the norm of every row is 1."""

    about = (OUTPUT, WEIGHT)

    def _norm(self, values: Tensor, *, wide: bool) -> norms.Norm:
        one = Fraction(1)
        return norms.Norm(one, one) if math.isinf(self.norm_type) else super()._norm(values, wide=wide)


class TakesTheLargestNormOfBlocks(FaultModel):
    """The norm of a row is the largest norm of its blocks of 32 elements."""

    about = (OUTPUT, WEIGHT)

    def _norm(self, values: Tensor, *, wide: bool) -> norms.Norm:
        starts = range(0, max(values.numel, 1), 32)
        return _largest(
            [super(TakesTheLargestNormOfBlocks, self)._norm(_part(values, s, s + 32), wide=wide) for s in starts]
        )


class ForgetsTheRoot(FaultModel):
    """The norm is the sum of squares."""

    about = (OUTPUT, WEIGHT)

    def _norm(self, values: Tensor, *, wide: bool) -> norms.Norm:
        norm, form = norms.norm_interval(values.components(), 2.0, values.format, wide=wide), values.format
        low = norm.low**2 * (1 - form.unit_roundoff) - form.quantum
        high = None if norm.high is None else norm.high**2 * (1 + form.unit_roundoff) + form.quantum
        overflows = high is not None and high >= form.largest
        return norms.Norm(max(min(low, form.largest), Fraction(0)), None if overflows else high)


class AveragesPowers(FaultModel):
    """The norm is the root of the mean of powers, not of their sum."""

    about = (OUTPUT, WEIGHT)

    def _norm(self, values: Tensor, *, wide: bool) -> norms.Norm:
        norm = super()._norm(values, wide=wide)
        if math.isinf(self.norm_type):
            return norm
        root = Fraction(max(values.numel, 1) ** (1 / self.norm_type))
        u = FORMATS["float64"].unit_roundoff * 4  # 1 / norm_type, the power and the quotient are rounded
        return norms.Norm(norm.low / root * (1 - u), None if norm.high is None else norm.high / root * (1 + u))


def _part(values: Tensor, start: int, stop: int) -> Tensor:
    """Some elements of a row."""
    size = values.format.itemsize
    data = values.data[start * size : stop * size]
    return Tensor(values.dtype, (len(data) // size,), data)


def _largest(found: Sequence[norms.Norm]) -> norms.Norm:
    highs = [norm.high for norm in found if norm.high is not None]
    return norms.Norm(max(norm.low for norm in found), max(highs) if len(highs) == len(found) else None)
