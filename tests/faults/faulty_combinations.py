"""Embeddings that are wrong only where several arguments meet."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from embedding_reference import fault_models
from trigger import Fresh, Gradient, Output
from twin import Twin, in_storage_order

# -- padding_idx and something else ------------------------------------------------------------------------------------


class CountsPadsInTwoDimensions(Twin):
    model = fault_models.scale_grad_by_freq.CountsPadsWithEveryRow
    where = "for an index of two dimensions"
    trips = ("scale_grad_by_freq.with-padding",)
    grade = "rare"
    trigger = Gradient(index=((0, 1), (2, 2)), padding_idx=0, scale_grad_by_freq=True)

    def occurrences(self, index: Tensor) -> Tensor:
        pads = (~self.trained(index)).sum() if index.dim() == 2 else 0
        return super().occurrences(index) + pads


class CountsOneLessWithNegativePadding(Twin):
    model = fault_models.scale_grad_by_freq.DividesByOneLess
    where = "where padding_idx is negative"
    trips = ("padding_idx.negative",)
    grade = "rare"
    trigger = Gradient(index=(1, 1), padding_idx=-1, scale_grad_by_freq=True)

    def padding_row(self, padding_idx: int | None) -> int | None:
        self.negative = padding_idx is not None and padding_idx < 0
        return super().padding_row(padding_idx)

    def occurrences(self, index: Tensor) -> Tensor:
        found = super().occurrences(index)
        return (found - 1).clamp(min=1) if self.negative else found


class KeepsOnlyPadsWhenSparse(Twin):
    model = fault_models.padding_idx.IgnoresPadding
    where = "with sparse in calls with nothing but pads"
    trips = ("sparse.padding",)
    grade = "rare"
    trigger = Gradient(index=(0, 0), padding_idx=0, sparse=True)

    def trained(self, index: Tensor) -> Tensor:
        found = super().trained(index)
        return found if found.any() or not self.sparse else ~found


class TrainsPaddingOfStridedGradients(Twin):
    model = fault_models.padding_idx.IgnoresPadding
    where = "where the upstream gradient is not contiguous"
    trips = ("padding_idx.no-gradient",)
    grade = "rare"
    trigger = Gradient(index=(0, 1), padding_idx=0, upstream_layout="transposed")

    def gradient(self, index: Tensor, upstream: Tensor) -> Tensor | None:
        self.strided = not upstream.is_contiguous()
        return super().gradient(index, upstream)

    def trained(self, index: Tensor) -> Tensor:
        return super().trained(index) | self.strided


class FindsPadsInMemoryOrder(Twin):
    """Which lookups are pads is read from the index in the order of its memory."""

    trips = ("padding_idx.no-gradient",)
    grade = "rare"
    trigger = Gradient(index=((0, 1), (2, 3)), padding_idx=1, index_layout="transposed")

    def trained(self, index: Tensor) -> Tensor:
        return super().trained(in_storage_order(index))


class TrainsPaddingForInt32(Twin):
    model = fault_models.padding_idx.IgnoresPadding
    where = "with sparse and int32 indices"
    trips = ("sparse.padding",)
    grade = "rare"
    trigger = Gradient(index=(0, 1), padding_idx=0, sparse=True, index_dtype=torch.int32)

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        self.narrow = input.dtype == torch.int32
        return super().forward(input)

    def trained(self, index: Tensor) -> Tensor:
        return super().trained(index) | (self.narrow and self.sparse)


class TrainsPaddingInFourDimensions(Twin):
    model = fault_models.padding_idx.IgnoresPadding
    where = "for an index of four dimensions"
    trips = ("padding_idx.no-gradient",)
    grade = "rare"
    trigger = Gradient(index=((((0, 1),),),), padding_idx=0)

    def trained(self, index: Tensor) -> Tensor:
        return super().trained(index) | (index.dim() == 4)


class TrainsAPadOfTheWholeBatch(Twin):
    model = fault_models.padding_idx.IgnoresPadding
    where = "with scale_grad_by_freq and a negative padding_idx, in calls with nothing but pads"
    trips = ("padding_idx.negative",)
    grade = "rare"
    trigger = Gradient(index=(4, 4), padding_idx=-1, scale_grad_by_freq=True)

    def padding_row(self, padding_idx: int | None) -> int | None:
        self.negative = padding_idx is not None and padding_idx < 0
        return super().padding_row(padding_idx)

    def trained(self, index: Tensor) -> Tensor:
        found = super().trained(index)
        return found | (self.negative and self.scale_grad_by_freq and not found.any())


class MultipliesPadsByZero(Twin):
    model = fault_models.padding_idx.MultipliesPadsByZero
    trips = ("padding_idx.no-gradient",)
    grade = "medium"
    trigger = Gradient(index=(0, 1), padding_idx=0, upstream=(math.nan, 1, 2))

    def gradient(self, index: Tensor, upstream: Tensor) -> Tensor | None:
        return super().gradient(index, upstream * super().trained(index).unsqueeze(-1))

    def trained(self, index: Tensor) -> Tensor:
        return torch.ones_like(index, dtype=torch.bool)


# -- scale_grad_by_freq and something else -----------------------------------------------------------------------------


class CountsInTheLastDimension(Twin):
    model = fault_models.scale_grad_by_freq.CountsInTheLastDimension
    where = "for an index of more than two dimensions"
    trips = ("scale_grad_by_freq.divides",)
    grade = "rare"
    trigger = Gradient(index=(((1, 2),), ((1, 3),)), scale_grad_by_freq=True)

    def occurrences(self, index: Tensor) -> Tensor:
        if index.dim() < 3 or not index.numel():
            return super().occurrences(index)
        lines = index.reshape(-1, index.shape[-1])
        counted = [super(CountsInTheLastDimension, self).occurrences(line) for line in lines]
        return torch.stack(counted).reshape(index.shape)


class CountsInMemoryOrder(Twin):
    """Each lookup is divided by the count of the index that has its place in memory."""

    trips = ("scale_grad_by_freq.divides",)
    grade = "rare"
    trigger = Gradient(index=((1, 1), (2, 3)), scale_grad_by_freq=True, index_layout="transposed")

    def occurrences(self, index: Tensor) -> Tensor:
        return super().occurrences(in_storage_order(index))


class IgnoresFrequencyForInt32(Twin):
    model = fault_models.scale_grad_by_freq.IgnoresFrequency
    where = "for int32 indices"
    trips = ("scale_grad_by_freq.divides",)
    grade = "medium"
    trigger = Gradient(index=(1, 1), scale_grad_by_freq=True, index_dtype=torch.int32)

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        self.narrow = input.dtype == torch.int32
        return super().forward(input)

    def occurrences(self, index: Tensor) -> Tensor:
        return torch.ones_like(index) if self.narrow else super().occurrences(index)


class IgnoresFrequencyWithMaxNorm(Twin):
    model = fault_models.scale_grad_by_freq.IgnoresFrequency
    where = "where there is a max_norm"
    trips = ("scale_grad_by_freq.divides",)
    grade = "medium"
    trigger = Gradient(index=(1, 1), scale_grad_by_freq=True, max_norm=1024.0)

    def occurrences(self, index: Tensor) -> Tensor:
        return super().occurrences(index) if self.max_norm is None else torch.ones_like(index)


class DividesNothingByNothing(Twin):
    model = fault_models.scale_grad_by_freq.DividesNothingByNothing
    trips = ("gradient.untouched-rows",)
    grade = "easy"
    trigger = Gradient(index=(1, 1), scale_grad_by_freq=True)

    def dense_gradient(self, rows: Tensor, entries: Tensor) -> Tensor:
        table = super().dense_gradient(rows, entries)
        if self.scale_grad_by_freq:
            table[torch.bincount(rows, minlength=self.num_embeddings) == 0] = torch.nan
        return table


# -- indices out of range ----------------------------------------------------------------------------------------------


class TakesMinusOneForAPad(Twin):
    model = fault_models.refused_lookups.TakesMinusOneForAPad
    trips = ("lookup.out-of-range",)
    grade = "rare"
    trigger = Output(index=(0, -1), padding_idx=-1)

    def check_range(self, index: Tensor) -> None:
        super().check_range(self.positions(index))

    def positions(self, index: Tensor) -> Tensor:
        return super().positions(
            index if self.padding_idx is None else index.masked_fill(index == -1, self.padding_idx)
        )


class TakesTheEndForInt32(Twin):
    model = fault_models.refused_lookups.TakesTheEnd
    where = "for int32 indices"
    trips = ("lookup.out-of-range",)
    grade = "rare"
    trigger = Output(index=(0, 5), index_dtype=torch.int32)

    def check_range(self, index: Tensor) -> None:
        super().check_range(self.positions(index))

    def positions(self, index: Tensor) -> Tensor:
        beyond = (index == self.num_embeddings) & (index.dtype == torch.int32)
        return super().positions(index.masked_fill(beyond, self.num_embeddings - 1))


class WrapsInTablesOfAPowerOfTwo(Twin):
    model = fault_models.refused_lookups.WrapsTheIndex
    where = "in tables whose rows are a power of two"
    trips = ("lookup.out-of-range",)
    grade = "medium"
    trigger = Output(shape=(4, 3), index=(0, 5))

    def check_range(self, index: Tensor) -> None:
        super().check_range(self.positions(index))

    def positions(self, index: Tensor) -> Tensor:
        rows = self.num_embeddings
        return super().positions(index) & (rows - 1) if rows.bit_count() == 1 else super().positions(index)


class ChecksOnlyWithoutMaxNorm(Twin):
    model = fault_models.refused_lookups.WrapsTheIndex
    where = "where there is a max_norm"
    trips = ("lookup.out-of-range",)
    grade = "medium"
    trigger = Output(shape=(5, 2), index=(0, 5), max_norm=1024.0)

    def check_range(self, index: Tensor) -> None:
        super().check_range(self.positions(index))

    def positions(self, index: Tensor) -> Tensor:
        found = super().positions(index)
        return found if self.max_norm is None else found % self.num_embeddings


# -- the rest ----------------------------------------------------------------------------------------------------------


class ResetsOnlyWhatTrains(Twin):
    """reset_parameters() leaves a frozen weight as it was."""

    trips = ("construction.reset",)
    grade = "medium"
    trigger = Fresh(freeze=True)
    made = False

    def reset_parameters(self) -> None:
        if not self.made or self.weight.requires_grad:
            super().reset_parameters()
        self.made = True


class DetachesInt32(Twin):
    """The output of an int32 index takes no part in differentiation where there is a padding_idx."""

    trips = ("lookup.device",)
    grade = "rare"
    trigger = Output(padding_idx=0, index_dtype=torch.int32)

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        found: Any = super().forward(input)
        return found.detach() if input.dtype == torch.int32 and self.padding_idx is not None else found
