"""Embeddings that are wrong where there is one of something, or none, or where a number is of another kind."""

from __future__ import annotations

import torch
from torch import Tensor

from embedding_reference import fault_models
from trigger import Gradient, Inputs, Output
from twin import Twin


class TransposesASingleColumn(Twin):
    model = fault_models.lookups.SwapsDimensionsOfTheOutput
    where = "for an index of two dimensions and a table of one column"
    trips = ("lookup.bits",)
    grade = "medium"
    trigger = Output(shape=(5, 1))

    def rows(self, weight: Tensor, index: Tensor) -> Tensor:
        found = super().rows(weight, index)
        if self.embedding_dim == 1 and index.dim() == 2:
            return found.transpose(0, 1).reshape(found.shape)
        return found


class FailsWithoutColumns(Twin):
    """The backward of rows without elements fails."""

    trips = ("gradient.form",)
    grade = "medium"
    trigger = Gradient(shape=(5, 0))

    def dense_gradient(self, rows: Tensor, entries: Tensor) -> Tensor:
        return super().dense_gradient(rows, entries.reshape(-1, self.embedding_dim))


class LooksUpInAnEmptyTable(Twin):
    model = fault_models.refused_lookups.GivesZerosOutOfRange
    where = "in a table without rows"
    trips = ("lookup.no-rows",)
    grade = "rare"
    trigger = Output(shape=(0, 3), index=(0, 1))

    def check_range(self, index: Tensor) -> None:
        if self.num_embeddings:
            super().check_range(index)

    def rows(self, weight: Tensor, index: Tensor) -> Tensor:
        if self.num_embeddings:
            return super().rows(weight, index)
        return weight.new_zeros(*index.shape, self.embedding_dim)


class LosesAScalarOfASparseTable(Twin):
    model = fault_models.gradients.GivesNoGradient
    where = "with sparse and a 0-d index"
    trips = ("padding_idx.none",)
    grade = "medium"
    trigger = Gradient(index=3, sparse=True)

    def trained(self, index: Tensor) -> Tensor:
        return super().trained(index) & (not self.sparse or index.dim() > 0)


class SendsNothingBackForZeros(Twin):
    model = fault_models.forms.GivesNone
    where = "where the upstream gradient is zero"
    trips = ("gradient.form",)
    grade = "rare"
    trigger = Gradient(upstream=(0,))

    def gradient(self, index: Tensor, upstream: Tensor) -> Tensor | None:
        return super().gradient(index, upstream) if upstream.count_nonzero() or not upstream.numel() else None


class BreaksRowsOfZeros(Twin):
    model = fault_models.rescaled_rows.BreaksRowsOfZeros
    trips = ("max_norm.below",)
    grade = "rare"
    trigger = Inputs(shape=(2, 2), weight=(0, 0, 6, 8), index=(0, 1), max_norm=5.0)

    def renormalise_row(self, row: int) -> None:
        super().renormalise_row(row)
        if self.embedding_dim and not self.weight[row].count_nonzero():
            self.weight[row] = torch.nan


class TakesWholeNumbersForNoOrder(Twin):
    model = fault_models.norm_type.IgnoresNormType
    where = "where norm_type is an int"
    trips = ("max_norm.whole-number",)
    grade = "rare"
    trigger = Inputs(shape=(2, 2), weight=(4, 4), index=0, max_norm=4.0, norm_type=1)

    def norm(self, magnitudes: list[float]) -> float:
        if isinstance(self.norm_type, int):
            return float(torch.tensor(magnitudes, dtype=torch.float64).norm())
        return super().norm(magnitudes)


class TakesHalfPrecisionIndices(Twin):
    model = fault_models.refused_lookups.TruncatesAFloatingPointIndex
    where = "where it is float16"
    trips = ("lookup.wrong-index-dtype",)
    grade = "rare"
    trigger = Output(index_dtype=torch.float16)

    def check_dtype(self, index: Tensor) -> None:
        if index.dtype != torch.float16:
            super().check_dtype(index)


class TakesWholeFloats(Twin):
    model = fault_models.refused_lookups.TruncatesAFloatingPointIndex
    where = "where it is float64 and its elements are whole numbers"
    trips = ("lookup.wrong-index-dtype",)
    grade = "easy"
    trigger = Output(index_dtype=torch.float64)

    def check_dtype(self, index: Tensor) -> None:
        if index.dtype != torch.float64 or not (index == index.round()).all():
            super().check_dtype(index)


class TakesAScalarFloat(Twin):
    model = fault_models.refused_lookups.TruncatesAFloatingPointIndex
    where = "where it is 0-d"
    trips = ("lookup.wrong-index-dtype",)
    grade = "medium"
    trigger = Output(index=3, index_dtype=torch.float32)

    def check_dtype(self, index: Tensor) -> None:
        if index.dim() or not index.is_floating_point():
            super().check_dtype(index)
