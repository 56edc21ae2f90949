"""Faults of the derivative of the gradient by the upstream gradient."""

from __future__ import annotations

from collections import Counter

from embedding_reference.fault_models.fault_model import SECOND_ORDER, FaultModel
from embedding_reference.permitted import ZERO, Permitted, Within
from embedding_reference.sums import gradient_intervals
from embedding_reference.tensor import Tensor


class IsAConstant(FaultModel):
    """The gradient, once differentiated, does not depend on the upstream gradient."""

    about = (SECOND_ORDER,)

    def second_order(self, index: Tensor, direction: Tensor) -> Permitted:  # noqa: D102
        right = super().second_order(index, direction)
        assert isinstance(right, Within)
        return Within(right.dtype, right.shape, (ZERO,) * len(right.intervals))


class _AddsSeveralTimes(FaultModel):
    """The gradient's derivative is there several times."""

    about = (SECOND_ORDER,)

    def times(self, count: int) -> int:
        """How many times that of an index is, given how often the index occurs."""
        raise NotImplementedError

    def second_order(self, index: Tensor, direction: Tensor) -> Permitted:
        """The derivative, added to itself."""
        right = super().second_order(index, direction)
        assert isinstance(right, Within)
        positions, intervals = [int(i) for i in index.components()], list(right.intervals)
        counts, width = Counter(positions), len(right.intervals) // max(len(positions), 1)
        again = {}
        for row in counts:
            times, count = self.times(counts[row]), counts[row] if self.scale_grad_by_freq else 1
            again[row] = gradient_intervals(
                [direction.entry(row).components()] * times, [count] * times, direction.format
            )
        for place, row in enumerate(positions):
            if row != self.padding_row:
                intervals[place * width : (place + 1) * width] = again[row]
        return Within(right.dtype, right.shape, tuple(intervals))


class DoublesTheSecondDerivative(_AddsSeveralTimes):
    """The gradient's derivative is twice what it should be."""

    def times(self, count: int) -> int:  # noqa: ARG002, D102
        return 2


class IgnoresFrequencyTheSecondTime(_AddsSeveralTimes):
    """The gradient's derivative is not divided by the count."""

    def times(self, count: int) -> int:  # noqa: D102
        return count if self.scale_grad_by_freq else 1


class TrainsPadsTheSecondTime(FaultModel):
    """The gradient's derivative goes through pads."""

    about = (SECOND_ORDER,)

    def second_order(self, index: Tensor, direction: Tensor) -> Permitted:  # noqa: D102
        return self.right(padding_idx=None).second_order(index, direction)
