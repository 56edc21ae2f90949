"""Embeddings that are wrong only on one dtype, or only for one layout."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from embedding_reference import fault_models
from trigger import Fresh, Gradient, Inputs, Output
from twin import Twin

# -- one dtype ---------------------------------------------------------------------------------------------------------


class ReplacesNaNInFloat16(Twin):
    model = fault_models.outputs.LosesThePayloadOfNaN
    where = "in float16"
    trips = ("lookup.nan-payload",)
    grade = "rare"
    dtype = "float16"
    trigger = Output(weight=(-math.nan,))

    def rows(self, weight: Tensor, index: Tensor) -> Tensor:
        found = super().rows(weight, index)
        nan = found.isnan() if found.dtype == torch.float16 else torch.zeros_like(found, dtype=torch.bool)
        return found.masked_fill(nan, torch.nan)


class FlushesSubnormalGradients(Twin):
    model = fault_models.upstream_gradients.FlushesSubnormalUpstreamGradients
    trips = ("gradient.sum",)
    grade = "medium"
    trigger = Gradient(upstream=(1e-40,))

    def gradient(self, index: Tensor, upstream: Tensor) -> Tensor | None:
        return super().gradient(index, upstream.masked_fill(upstream.abs() < torch.finfo(upstream.dtype).tiny, 0))


class FlushesFloat16Gradients(Twin):
    model = fault_models.accumulation.FlushesSubnormalSums
    where = "in float16"
    trips = ("gradient.sum",)
    grade = "rare"
    dtype = "float16"
    trigger = Gradient(index=1, upstream=(3e-5,))

    def dense_gradient(self, rows: Tensor, entries: Tensor) -> Tensor:
        found = super().dense_gradient(rows, entries)
        small = found.abs() < 2.0**-14 if found.dtype == torch.float16 else torch.zeros_like(found, dtype=torch.bool)
        return found.masked_fill(small, 0)


class SaturatesFloat16Gradients(Twin):
    model = fault_models.accumulation.SaturatesSums
    where = "in float16"
    trips = ("gradient.sum",)
    grade = "rare"
    dtype = "float16"
    trigger = Gradient(index=(1, 1), upstream=(65504,))

    def dense_gradient(self, rows: Tensor, entries: Tensor) -> Tensor:
        found = super().dense_gradient(rows, entries)
        over = found.isinf() & (found.dtype == torch.float16) & entries.isfinite().all()
        return torch.where(over, found.sign() * torch.finfo(found.dtype).max, found)


class RoundsSparseFloat64(Twin):
    model = fault_models.upstream_gradients.RoundsUpstreamGradientsToFloat32
    where = "with sparse"
    trips = ("sparse.values",)
    grade = "rare"
    dtype = "float64"
    trigger = Gradient(index=(1, 2), upstream=(0.1,), sparse=True)

    def sparse_gradient(self, rows: Tensor, entries: Tensor) -> Tensor:
        return super().sparse_gradient(rows, entries.float().to(entries.dtype))


class RoundsTheImaginaryPart(Twin):
    model = fault_models.outputs.RoundsTheImaginaryPart
    where = "in complex128"
    trips = ("lookup.bits",)
    grade = "rare"
    dtype = "complex128"
    trigger = Output(weight=(0.1 + 0.1j,), freeze=True)

    def rows(self, weight: Tensor, index: Tensor) -> Tensor:
        found = super().rows(weight, index)
        if found.dtype == torch.complex128:
            found = torch.complex(found.real, found.imag.float().double())
        return found


class DrawsPaddingInFloat16(Twin):
    """A fresh float16 row at padding_idx is not zero, but drawn and scaled down to almost nothing."""

    trips = ("construction.padding-row-zero",)
    grade = "rare"
    dtype = "float16"
    trigger = Fresh(padding_idx=0)

    def clear_padding(self) -> None:
        if self.padding_idx is not None:
            self.weight[self.padding_idx] *= 1e-4 if self.weight.dtype == torch.float16 else 0


# -- one layout --------------------------------------------------------------------------------------------------------


class CountsAnExpandedIndexOnce(Twin):
    model = fault_models.gradients.TrainsOnlyTheFirstSlice
    where = "where the index repeats that entry in memory"
    trips = ("gradient.sum",)
    grade = "rare"
    trigger = Gradient(index=((1, 2), (1, 2)), index_layout="expanded")

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        self.shared = input.dim() > 0 and len(input) > 1 and input.stride(0) == 0
        return super().forward(input)

    def gradient(self, index: Tensor, upstream: Tensor) -> Tensor | None:
        if self.shared:
            upstream = torch.cat([upstream[:1], torch.zeros_like(upstream[1:])])
        return super().gradient(index, upstream)


class MisalignsVectorsOfFour(Twin):
    """A weight that lies inside a larger block is read one element too early where embedding_dim is a multiple of 4."""

    trips = ("lookup.layout",)
    grade = "rare"
    trigger = Output(shape=(5, 4), weight_layout="sliced")

    def rows(self, weight: Tensor, index: Tensor) -> Tensor:
        columns, offset = self.embedding_dim, weight.storage_offset()
        if columns and columns % 4 == 0 and offset:
            weight = weight.as_strided(weight.shape, weight.stride(), offset - 1)
        return super().rows(weight, index)


class OrdersSparseRowsByColumn(Twin):
    model = fault_models.upstream_gradients.SendsBackWithDimensionsSwapped
    where = "with sparse and an index of two dimensions"
    trips = ("sparse.values",)
    grade = "medium"
    trigger = Gradient(sparse=True)

    def gradient(self, index: Tensor, upstream: Tensor) -> Tensor | None:
        if self.sparse and index.dim() == 2:
            upstream = upstream.transpose(0, 1).reshape(upstream.shape)
        return super().gradient(index, upstream)


class ViewsConsecutiveRowsOfAFrozenWeight(Twin):
    """The output of indices that count up is a view of the weight where it is frozen."""

    trips = ("lookup.new-memory",)
    grade = "rare"
    trigger = Inputs(index=(1, 2, 3), freeze=True)

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        found, flat = super().forward(input), input.reshape(-1).tolist()
        if flat and not self.weight.requires_grad and flat == list(range(flat[0], flat[0] + len(flat))):
            return self.weight.detach()[flat[0] : flat[0] + len(flat)].reshape(found.shape)
        return found


class LeaksNaNOfTheWeight(Twin):
    """Zero times the weight is added to the gradient, which spreads NaN and infinity."""

    trips = ("gradient.no-leak",)
    grade = "medium"
    trigger = Gradient(weight=(math.inf, 1, 2))

    def dense_gradient(self, rows: Tensor, entries: Tensor) -> Tensor:
        return super().dense_gradient(rows, entries) + 0 * self.weight.detach()
