"""Faults about max_norm and norm_type."""

from __future__ import annotations

import math

from embedding_reference.fault_models.fault_model import OUTPUT, WEIGHT, FaultModel
from embedding_reference.model import Embedding
from embedding_reference.permitted import Exactly, Permitted, Within
from embedding_reference.tensor import Tensor


class _RescalesAsIf(FaultModel):
    """Rows are rescaled as an embedding with other arguments rescales them."""

    about = (OUTPUT, WEIGHT)

    def other(self) -> Embedding:
        """The embedding that rescales so."""
        raise NotImplementedError

    def output(self, weight: Tensor, index: Tensor) -> Permitted:
        """The output of the other embedding."""
        return super().output(weight, index) if self.max_norm is None else self.other().output(weight, index)

    def weight_after(self, weight: Tensor, index: Tensor, *, wide: bool = False) -> Permitted:
        """The weight after a lookup of the other embedding."""
        other = self.right() if self.max_norm is None else self.other()
        return other.weight_after(weight, index, wide=wide)


class IgnoresMaxNorm(_RescalesAsIf):
    """max_norm is ignored."""

    def other(self) -> Embedding:  # noqa: D102
        return self.right(max_norm=None)


class TakesZeroForNoLimit(_RescalesAsIf):
    """max_norm=0 is taken for no limit."""

    def other(self) -> Embedding:  # noqa: D102
        return self.right(max_norm=self.max_norm or None)


class TakesOneForTheLimit(_RescalesAsIf):
    """Whatever max_norm is, the limit is 1."""

    def other(self) -> Embedding:  # noqa: D102
        return self.right(max_norm=1.0)


class DoublesTheLimit(_RescalesAsIf):
    """The limit is twice max_norm."""

    def other(self) -> Embedding:  # noqa: D102
        return self.right(max_norm=2 * (self.max_norm or 0.0))


class HalvesTheLimit(_RescalesAsIf):
    """The limit is half of max_norm."""

    def other(self) -> Embedding:  # noqa: D102
        return self.right(max_norm=(self.max_norm or 0.0) / 2)


class CutsTheLimitToAWholeNumber(_RescalesAsIf):
    """max_norm is cut to a whole number."""

    def other(self) -> Embedding:  # noqa: D102
        limit = self.max_norm or 0.0
        return self.right(max_norm=float(int(limit)) if math.isfinite(limit) else limit)


class IgnoresNormType(_RescalesAsIf):
    """norm_type is ignored: the norm is the 2-norm."""

    def other(self) -> Embedding:  # noqa: D102
        return self.right(norm_type=2.0)


class AlwaysTakesTheOneNorm(_RescalesAsIf):
    """The norm is the 1-norm, whatever norm_type is."""

    def other(self) -> Embedding:  # noqa: D102
        return self.right(norm_type=1.0)


class AlwaysTakesTheLargest(_RescalesAsIf):
    """The norm is the largest magnitude, whatever norm_type is."""

    def other(self) -> Embedding:  # noqa: D102
        return self.right(norm_type=math.inf)


class TakesInfinityForTwo(_RescalesAsIf):
    """norm_type=inf is taken for 2."""

    def other(self) -> Embedding:  # noqa: D102
        return self.right(norm_type=2.0 if math.isinf(self.norm_type) else self.norm_type)


class CutsTheOrderToAWholeNumber(_RescalesAsIf):
    """A fractional norm_type is cut to a whole number, at least 1."""

    def other(self) -> Embedding:  # noqa: D102
        whole = math.isinf(self.norm_type) or math.isnan(self.norm_type)
        return self.right(norm_type=self.norm_type if whole else max(float(int(self.norm_type)), 1.0))


class TakesTheReciprocalOrder(_RescalesAsIf):
    """The norm is that of order 1 / norm_type."""

    def other(self) -> Embedding:  # noqa: D102
        order = self.norm_type
        return self.right(norm_type=order if math.isinf(order) or not order > 0 else 1 / order)


class RescalesTheOutputAlone(FaultModel):
    """The output is rescaled, and the weight is not."""

    about = (WEIGHT,)

    def weight_after(self, weight: Tensor, index: Tensor, *, wide: bool = False) -> Permitted:  # noqa: ARG002, D102
        return Exactly(weight)


class RescalesTheWeightAlone(FaultModel):
    """The weight is rescaled, and the output holds the rows as they were."""

    about = (OUTPUT,)

    def output(self, weight: Tensor, index: Tensor) -> Permitted:  # noqa: D102
        return self.right(max_norm=None).output(weight, index)


class RescalesTheWholeTable(FaultModel):
    """Rows that are not looked up are rescaled, too."""

    about = (WEIGHT,)

    def weight_after(self, weight: Tensor, index: Tensor, *, wide: bool = False) -> Permitted:  # noqa: D102
        if self._refuses(index) is not None:
            return super().weight_after(weight, index, wide=wide)
        every = Tensor.of("int64", (self.num_embeddings,), range(self.num_embeddings))
        return super().weight_after(weight, every, wide=wide)


class RescalesTheNextRowToo(FaultModel):
    """The row after one that is looked up is rescaled, too."""

    about = (WEIGHT,)

    def weight_after(self, weight: Tensor, index: Tensor, *, wide: bool = False) -> Permitted:  # noqa: D102
        if self._refuses(index) is not None:
            return super().weight_after(weight, index, wide=wide)
        rows = {int(i) for i in index.components()}
        both = sorted(rows | {min(row + 1, self.num_embeddings - 1) for row in rows})
        return super().weight_after(weight, Tensor.of("int64", (len(both),), both), wide=wide)


class _RescalesSomeRows(FaultModel):
    """Of the rows that are looked up only some are rescaled."""

    about = (OUTPUT, WEIGHT)

    def are_rescaled(self, rows: set[int]) -> set[int]:
        """The rows that are, of those looked up."""
        raise NotImplementedError

    def _renormalised(self, weight: Tensor, rows: set[int], *, wide: bool = False) -> dict[int, Permitted]:
        kept = {row: Exactly(weight.entry(row)) for row in rows}
        return {**kept, **super()._renormalised(weight, self.are_rescaled(rows), wide=wide)}


class RescalesOnlyTheFirstRow(_RescalesSomeRows):
    """Of the rows that are looked up only the one with the lowest number is rescaled."""

    def are_rescaled(self, rows: set[int]) -> set[int]:  # noqa: D102
        return {min(rows)} if rows else set()


class LeavesTheLastRow(_RescalesSomeRows):
    """Of the rows that are looked up the one with the highest number is not rescaled."""

    def are_rescaled(self, rows: set[int]) -> set[int]:  # noqa: D102
        return rows - {max(rows)} if rows else rows


class LeavesRowZero(_RescalesSomeRows):
    """Row 0 is never rescaled."""

    def are_rescaled(self, rows: set[int]) -> set[int]:  # noqa: D102
        return rows - {0}


class Rescales16Rows(_RescalesSomeRows):
    """Of the rows of a call only sixteen are rescaled."""

    def are_rescaled(self, rows: set[int]) -> set[int]:  # noqa: D102
        return set(sorted(rows)[:16])


class _RescalesRowsOtherwise(FaultModel):
    """A row whose norm exceeds the limit ends as something else."""

    about = (OUTPUT, WEIGHT)

    def instead(self, row: Tensor) -> Tensor:
        """What such a row becomes."""
        raise NotImplementedError

    def _renormalised_row(self, row: int, values: Tensor, *, wide: bool) -> Permitted:
        permitted = super()._renormalised_row(row, values, wide=wide)
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
