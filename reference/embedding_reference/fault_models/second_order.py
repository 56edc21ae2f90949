"""Faults of the derivative of the gradient by the upstream gradient."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction

from embedding_reference.fault_models.fault_model import SECOND_ORDER, FaultModel
from embedding_reference.permitted import Interval, Permitted, Within
from embedding_reference.sums import gradient_intervals
from embedding_reference.tensor import Tensor


class IsAConstant(FaultModel):
    """The gradient, once differentiated, does not depend on the upstream gradient."""

    about = (SECOND_ORDER,)

    def second_order(self, index: Tensor, direction: Tensor) -> Permitted:  # noqa: D102
        right = super().second_order(index, direction)
        assert isinstance(right, Within)
        zero = Interval.exactly(Fraction(0))
        return Within(right.dtype, right.shape, (zero,) * len(right.intervals))


class DoublesTheSecondDerivative(FaultModel):
    """The gradient's derivative is twice what it should be."""

    about = (SECOND_ORDER,)

    def second_order(self, index: Tensor, direction: Tensor) -> Permitted:  # noqa: D102
        doubled = [2 * component for component in direction.components()]
        form = direction.format
        return super().second_order(index, Tensor(direction.dtype, direction.shape, form.encode(doubled)))


class TrainsPadsTheSecondTime(FaultModel):
    """The gradient's derivative goes through pads."""

    about = (SECOND_ORDER,)

    def second_order(self, index: Tensor, direction: Tensor) -> Permitted:  # noqa: D102
        return self.right(padding_idx=None).second_order(index, direction)


class IgnoresFrequencyTheSecondTime(FaultModel):
    """The gradient's derivative is not divided by the count."""

    about = (SECOND_ORDER,)

    def second_order(self, index: Tensor, direction: Tensor) -> Permitted:  # noqa: D102
        right = super().second_order(index, direction)
        assert isinstance(right, Within)
        if not self.scale_grad_by_freq:
            return right
        positions = [int(i) for i in index.components()]
        counts, intervals = Counter(positions), list(right.intervals)
        width = len(intervals) // max(len(positions), 1)
        for place, row in enumerate(positions):
            if row != self.padding_row:
                again, count = [direction.entry(row).components()] * counts[row], [counts[row]] * counts[row]
                found = gradient_intervals(again, count, direction.format)
                intervals[place * width : (place + 1) * width] = found
        return Within(right.dtype, right.shape, tuple(intervals))
