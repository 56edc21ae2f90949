"""Embeddings that rescale wrong near max_norm, or only together with something else."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from embedding_reference import fault_models
from trigger import LONG, Gradient, Inputs, Output
from twin import Twin


class RescalesACopyOfAStridedWeight(Twin):
    model = fault_models.max_norm.IgnoresMaxNorm
    where = "where the weight is not contiguous"
    trips = ("max_norm.renormalises",)
    grade = "medium"
    trigger = Inputs(**LONG, index=1, weight_layout="strided")

    def renormalise(self, index: Tensor) -> None:
        if self.weight.is_contiguous():
            super().renormalise(index)


class RescalesTheFirstOfInt32(Twin):
    model = fault_models.max_norm.RescalesTheFirstIndex
    where = "for int32 indices"
    trips = ("max_norm.renormalises",)
    grade = "rare"
    trigger = Inputs(**LONG, index=(1, 2), index_dtype=torch.int32)

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        self.narrow = input.dtype == torch.int32
        return super().forward(input)

    def renormalise(self, index: Tensor) -> None:
        super().renormalise(index.reshape(-1)[:1] if self.narrow else index)


class RescalesAlmostLongRows(Twin):
    model = fault_models.rescaled_rows.StartsJustBelow
    trips = ("max_norm.below",)
    grade = "rare"
    trigger = Inputs(shape=(2, 1), weight=(1023, 1), index=0, max_norm=1024.0)

    def exceeds(self, norm: float, scale: float) -> bool:
        return super().exceeds(norm / 0.999, scale)


class SparesSlightlyLongRows(Twin):
    model = fault_models.rescaled_rows.StartsJustAbove
    trips = ("max_norm.renormalises",)
    grade = "rare"
    trigger = Inputs(shape=(2, 1), weight=(1024.5, 1), index=0, max_norm=1024.0)

    def exceeds(self, norm: float, scale: float) -> bool:
        return super().exceeds(norm / 1.001, scale)


class EndsSlightlyBelow(Twin):
    model = fault_models.rescaled_rows.EndsSlightlyBelow
    trips = ("max_norm.renormalises",)
    grade = "medium"
    trigger = Inputs(**LONG, index=1)

    def factor(self, norm: float, scale: float) -> float:
        return super().factor(norm, scale) * 0.9999


class RescalesInFloat32(Twin):
    model = fault_models.rescaled_rows.RoundsTheFactorToFloat32
    where = "in float64"
    trips = ("max_norm.renormalises",)
    grade = "rare"
    dtype = "float64"
    trigger = Inputs(shape=(2, 1), weight=(100.0,), index=0, max_norm=70.0, alike=False)

    def factor(self, norm: float, scale: float) -> float:
        factor = super().factor(norm, scale)
        wide = self.weight.dtype != torch.float64
        return factor if wide else float(torch.tensor(factor, dtype=torch.float32))


class TakesTheLargestElement(Twin):
    model = fault_models.norm_type.TakesTheLargestElement
    where = "where norm_type is infinite"
    trips = ("norm_type.order",)
    grade = "medium"
    trigger = Inputs(shape=(2, 2), weight=(-8, 1), index=0, max_norm=4.0, norm_type=math.inf)

    def renormalise_row(self, row: int) -> None:
        values = self.weight[row]
        if not math.isinf(self.norm_type) or values.is_complex():
            super().renormalise_row(row)
        elif values.numel() and values.max() > self.max_norm:
            values *= self.max_norm / values.max()


class TakesTheRealPart(Twin):
    model = fault_models.norm_type.TakesTheRealPart
    trips = ("max_norm.frozen",)
    grade = "rare"
    dtype = "complex64"
    trigger = Inputs(shape=(2, 1), weight=(3 + 4j,), index=0, max_norm=2.5, freeze=True)

    def renormalise_row(self, row: int) -> None:
        norm = float(self.weight[row].real.norm(self.norm_type)) if self.weight.is_complex() else 0.0
        if not self.weight.is_complex():
            super().renormalise_row(row)
        elif norm > self.max_norm:
            self.weight[row] *= self.max_norm / norm


class HalvesFrozenRows(Twin):
    model = fault_models.rescaled_rows.EndsAtHalf
    where = "where the weight is frozen"
    trips = ("max_norm.frozen",)
    grade = "medium"
    trigger = Inputs(**LONG, index=1, freeze=True)

    def factor(self, norm: float, scale: float) -> float:
        return super().factor(norm, scale) * (1.0 if self.weight.requires_grad else 0.5)


class LosesTheSignOfZeroBelow(Twin):
    model = fault_models.rescaled_rows.TidiesRowsThatAreLookedUp
    trips = ("lookup.no-leak",)
    grade = "rare"
    trigger = Inputs(shape=(2, 2), weight=(-0.0, 1), index=0, max_norm=4.0)

    def renormalise_row(self, row: int) -> None:
        super().renormalise_row(row)
        self.weight[row] += 0.0


class ScalesSparseGradients(Twin):
    model = fault_models.upstream_gradients.MultipliesByMaxNorm
    where = "where it is sparse"
    trips = ("max_norm.gradient",)
    grade = "medium"
    trigger = Gradient(sparse=True, max_norm=1024.0)

    def sparse_gradient(self, rows: Tensor, entries: Tensor) -> Tensor:
        return super().sparse_gradient(rows, entries if self.max_norm is None else entries * self.max_norm)


class TakesLargeOrdersForInfinity(Twin):
    """A norm_type above 8 is taken for infinity."""

    trips = ("norm_type.order",)
    grade = "rare"
    trigger = Inputs(shape=(5, 2), weight=(4, 4), max_norm=4.0, norm_type=10.0, alike=False)

    def norm(self, magnitudes: Sequence[float]) -> float:
        return max(magnitudes, default=0.0) if self.norm_type > 8 else super().norm(magnitudes)


class IgnoresSmallLimits(Twin):
    model = fault_models.max_norm.IgnoresMaxNorm
    where = "where it is below 0.001"
    trips = ("max_norm.renormalises",)
    grade = "rare"
    trigger = Inputs(shape=(5, 2), weight=(1, 1), max_norm=1e-4, alike=False)

    def exceeds(self, norm: float, scale: float) -> bool:
        return self.max_norm >= 1e-3 and super().exceeds(norm, scale)


class LimitsTheNormByItsOrderAlone(Twin):
    """Without max_norm, a norm_type other than 2 limits norms to 1."""

    trips = ("norm_type.alone",)
    grade = "medium"
    trigger = Output(shape=(5, 2), weight=(6, 8), norm_type=1.0)

    def rows(self, weight: Tensor, index: Tensor) -> Tensor:
        found = super().rows(weight, index)
        if self.max_norm is not None or self.norm_type == 2:
            return found
        norms = torch.linalg.vector_norm(found, self.norm_type, dim=-1, keepdim=True)
        return torch.where(norms > 1, found / norms, found)
