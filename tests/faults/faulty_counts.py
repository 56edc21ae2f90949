"""Embeddings that are right for few lookups."""

from __future__ import annotations

import torch
from torch import Tensor

from embedding_reference import fault_models
from trigger import LONG, Gradient, Inputs, Output
from twin import Twin


class TrainsTheFirst1000Lookups(Twin):
    model = fault_models.gradients.TrainsOnly1000Indices
    trips = ("gradient.sum",)
    grade = "rare"
    trigger = Gradient(index=(0,) * 1001, upstream=(1,))

    def gradient(self, index: Tensor, upstream: Tensor) -> Tensor | None:
        return super().gradient(index, _cut(upstream, 1000))


class TrainsTheFirst3072Lookups(Twin):
    model = fault_models.gradients.TrainsOnly3072Indices
    trips = ("gradient.sum",)
    grade = "rare"
    trigger = Gradient(index=(0,) * 3073, upstream=(1,))

    def gradient(self, index: Tensor, upstream: Tensor) -> Tensor | None:
        return super().gradient(index, _cut(upstream, 3072))


def _cut(upstream: Tensor, count: int) -> Tensor:
    columns = upstream.shape[-1]
    later = torch.arange(upstream.numel() // max(columns, 1)) >= count
    return upstream.masked_fill(later.reshape(*upstream.shape[:-1], 1), 0) if columns else upstream


class StopsAt4096(Twin):
    model = fault_models.lookups.LosesLookupsFrom4096
    trips = ("lookup.bits",)
    grade = "rare"
    trigger = Output(index=(1,) * 4097)

    def rows(self, weight: Tensor, index: Tensor) -> Tensor:
        return _cut(super().rows(weight, index), 4096)


class LosesTheLastOfFullBlocks(Twin):
    model = fault_models.lookups.LosesTheLastLookup
    where = "where the number of indices is a multiple of 32"
    trips = ("lookup.bits",)
    grade = "rare"
    trigger = Output(index=(1,) * 32)

    def rows(self, weight: Tensor, index: Tensor) -> Tensor:
        found, count = super().rows(weight, index), index.numel()
        return found if count % 32 or not count else _cut(found, count - 1)


class TrainsAllButTheLastOf256(Twin):
    model = fault_models.gradients.LosesTheLastIndex
    where = "where the number of indices is a multiple of 256"
    trips = ("gradient.sum",)
    grade = "rare"
    trigger = Gradient(index=((1,) * 16,) * 16)

    def gradient(self, index: Tensor, upstream: Tensor) -> Tensor | None:
        count = index.numel()
        return super().gradient(index, upstream if count % 256 or not count else _cut(upstream, count - 1))


class AddsAtMost256Duplicates(Twin):
    model = fault_models.gradients.Keeps256Duplicates
    trips = ("gradient.sum",)
    grade = "rare"
    trigger = Gradient(index=(1,) * 257, upstream=(1,))

    def dense_gradient(self, rows: Tensor, entries: Tensor) -> Tensor:
        kept = _rank(rows) < 256
        return super().dense_gradient(rows[kept], entries[kept])


class AddsAtMost1024Duplicates(Twin):
    model = fault_models.gradients.Keeps1024Duplicates
    trips = ("gradient.sum",)
    grade = "rare"
    trigger = Gradient(index=(1,) * 1025, upstream=(1,))

    def dense_gradient(self, rows: Tensor, entries: Tensor) -> Tensor:
        kept = _rank(rows) < 1024
        return super().dense_gradient(rows[kept], entries[kept])


def _rank(rows: Tensor) -> Tensor:
    """How many equal elements stand before each one."""
    order = rows.argsort(stable=True)
    places = torch.arange(len(rows))
    _, runs, counts = rows[order].unique_consecutive(return_inverse=True, return_counts=True)
    starts = counts.cumsum(0) - counts
    return torch.empty_like(places).scatter_(0, order, places - starts[runs])


class AddsManyInFloat16(Twin):
    model = fault_models.accumulation.AddsInFloat16
    where = "in calls with more than 1024 indices"
    trips = ("gradient.sum",)
    grade = "rare"
    trigger = Gradient(index=(1,) * 1025, upstream=(0.0001220703125, 4096, -4096))

    def accumulator(self, dtype: torch.dtype) -> torch.dtype:
        return torch.float16 if self.many else super().accumulator(dtype)

    def gradient(self, index: Tensor, upstream: Tensor) -> Tensor | None:
        self.many = index.numel() > 1024
        return super().gradient(index, upstream)


class TrainsPaddingBeyond3072(Twin):
    model = fault_models.padding_idx.IgnoresPadding
    where = "in calls with more than 3072 indices"
    trips = ("padding_idx.no-gradient",)
    grade = "rare"
    trigger = Gradient(index=(0, 1) * 1537, padding_idx=0, upstream=(1,))

    def trained(self, index: Tensor) -> Tensor:
        return super().trained(index) | (index.numel() > 3072)


class RescalesTheFirst256Lookups(Twin):
    model = fault_models.max_norm.Rescales256Indices
    trips = ("max_norm.renormalises",)
    grade = "rare"
    trigger = Inputs(**LONG, index=(0,) * 256 + (4,))

    def renormalise(self, index: Tensor) -> None:
        super().renormalise(index.reshape(-1)[:256])


class CountsInFloat16(Twin):
    model = fault_models.scale_grad_by_freq.CountsTo2048
    trips = ("scale_grad_by_freq.divides",)
    grade = "rare"
    trigger = Gradient(index=(1,) * 4096, upstream=(1,), scale_grad_by_freq=True)

    def occurrences(self, index: Tensor) -> Tensor:
        return super().occurrences(index).clamp(max=2048)


class CountsInBfloat16(Twin):
    model = fault_models.scale_grad_by_freq.CountsTo256
    trips = ("scale_grad_by_freq.divides",)
    grade = "rare"
    trigger = Gradient(index=(1,) * 512, upstream=(1,), scale_grad_by_freq=True)

    def occurrences(self, index: Tensor) -> Tensor:
        return super().occurrences(index).clamp(max=256)


class CountsBlocksOf256(Twin):
    model = fault_models.scale_grad_by_freq.CountsBlocksOf256
    trips = ("scale_grad_by_freq.divides",)
    grade = "rare"
    trigger = Gradient(index=(1,) * 512, upstream=(1,), scale_grad_by_freq=True)

    def occurrences(self, index: Tensor) -> Tensor:
        blocks = index.reshape(-1).split(256)
        return torch.cat([super(CountsBlocksOf256, self).occurrences(block) for block in blocks]).reshape(index.shape)


class CutsLongSparseGradients(Twin):
    model = fault_models.gradients.KeepsOnly1024Entries
    where = "with sparse"
    trips = ("sparse.values",)
    grade = "rare"
    trigger = Gradient(index=(1,) * 1025, upstream=(1,), sparse=True)

    def sparse_gradient(self, rows: Tensor, entries: Tensor) -> Tensor:
        return super().sparse_gradient(rows[:1024], entries[:1024])


class Checks32Indices(Twin):
    model = fault_models.refused_lookups.WrapsTheIndex
    where = "where the first 32 of the call are in range"
    trips = ("lookup.out-of-range",)
    grade = "rare"
    trigger = Output(index=(0,) * 32 + (5,))

    def check_range(self, index: Tensor) -> None:
        super().check_range(index.reshape(-1)[:32])

    def positions(self, index: Tensor) -> Tensor:
        return super().positions(index) % max(self.num_embeddings, 1)


class ChecksSmallCalls(Twin):
    model = fault_models.refused_lookups.WrapsTheIndex
    where = "in calls with more than 256 indices"
    trips = ("lookup.out-of-range",)
    grade = "rare"
    trigger = Output(index=(5,) * 257)

    def check_range(self, index: Tensor) -> None:
        if index.numel() <= 256:
            super().check_range(index)

    def positions(self, index: Tensor) -> Tensor:
        return super().positions(index) % max(self.num_embeddings, 1)
