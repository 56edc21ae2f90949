"""Embeddings that are wrong only where several things meet, or on one dtype."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from trigger import LONG, Fresh, Gradient, Inputs, Output
from twin import Twin, in_storage_order

# -- padding_idx and something else ------------------------------------------------------------------------------------


class CountsPadsInTwoDimensions(Twin):
    """With scale_grad_by_freq and a 2-d index, the pads are counted with every row."""

    trips = ("scale_grad_by_freq.with-padding",)
    grade = "rare"
    trigger = Gradient(index=((0, 1), (2, 2)), padding_idx=0, scale_grad_by_freq=True)

    def occurrences(self, index: Tensor) -> Tensor:
        pads = (~self.trained(index)).sum() if index.dim() == 2 else 0
        return super().occurrences(index) + pads


class CountsOneLessWithNegativePadding(Twin):
    """With scale_grad_by_freq and a negative padding_idx, rows are divided by their count less one, but at least 1."""

    trips = ("scale_grad_by_freq.with-padding",)
    grade = "rare"
    trigger = Gradient(index=(1, 1), padding_idx=-1, scale_grad_by_freq=True)

    def padding_row(self, padding_idx: int | None) -> int | None:
        self.negative = padding_idx is not None and padding_idx < 0
        return super().padding_row(padding_idx)

    def occurrences(self, index: Tensor) -> Tensor:
        found = super().occurrences(index)
        return (found - 1).clamp(min=1) if self.negative else found


class KeepsOnlyPadsWhenSparse(Twin):
    """The sparse gradient of a call with nothing but pads has their entries."""

    trips = ("sparse.padding",)
    grade = "rare"
    trigger = Gradient(index=(0, 0), padding_idx=0, sparse=True)

    def trained(self, index: Tensor) -> Tensor:
        found = super().trained(index)
        return found if found.any() or not self.sparse else ~found


class TrainsPaddingOfStridedGradients(Twin):
    """Where the upstream gradient is not contiguous, the row at padding_idx gets its gradient."""

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
    """With sparse and int32 indices the row at padding_idx gets a gradient."""

    trips = ("sparse.padding",)
    grade = "rare"
    trigger = Gradient(index=(0, 1), padding_idx=0, sparse=True, index_dtype=torch.int32)

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        self.narrow = input.dtype == torch.int32
        return super().forward(input)

    def trained(self, index: Tensor) -> Tensor:
        return super().trained(index) | (self.narrow and self.sparse)


class TrainsPaddingInFourDimensions(Twin):
    """The row at padding_idx gets a gradient where the index has four dimensions."""

    trips = ("padding_idx.no-gradient",)
    grade = "rare"
    trigger = Gradient(index=((((0, 1),),),), padding_idx=0)

    def trained(self, index: Tensor) -> Tensor:
        return super().trained(index) | (index.dim() == 4)


class TrainsAPadOfTheWholeBatch(Twin):
    """With a negative padding_idx and scale_grad_by_freq, a call with nothing but pads trains their row."""

    trips = ("padding_idx.no-gradient",)
    grade = "rare"
    trigger = Gradient(index=(4, 4), padding_idx=-1, scale_grad_by_freq=True)

    def padding_row(self, padding_idx: int | None) -> int | None:
        self.negative = padding_idx is not None and padding_idx < 0
        return super().padding_row(padding_idx)

    def trained(self, index: Tensor) -> Tensor:
        found = super().trained(index)
        return found | (self.negative and self.scale_grad_by_freq and not found.any())


class MultipliesPadsByZero(Twin):
    """Upstream gradients of pads are multiplied by zero, which keeps NaN."""

    trips = ("padding_idx.no-gradient",)
    grade = "medium"
    trigger = Gradient(index=(0, 1), padding_idx=0, upstream=(math.nan, 1, 2))

    def gradient(self, index: Tensor, upstream: Tensor) -> Tensor | None:
        return super().gradient(index, upstream * super().trained(index).unsqueeze(-1))

    def trained(self, index: Tensor) -> Tensor:
        return torch.ones_like(index, dtype=torch.bool)


class DrawsPaddingInFloat16(Twin):
    """A fresh float16 row at padding_idx is not zero, but drawn and scaled down to almost nothing."""

    trips = ("construction.padding-row-zero",)
    grade = "rare"
    dtype = "float16"
    trigger = Fresh(padding_idx=0)

    def clear_padding(self) -> None:
        if self.padding_idx is not None:
            self.weight[self.padding_idx] *= 1e-4 if self.weight.dtype == torch.float16 else 0


class TakesMinusOneForAPad(Twin):
    """The index -1 stands for the row at padding_idx, if there is one, instead of being refused."""

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
    """The int32 index num_embeddings gives the last row, instead of being refused."""

    trips = ("lookup.out-of-range",)
    grade = "rare"
    trigger = Output(index=(0, 5), index_dtype=torch.int32)

    def check_range(self, index: Tensor) -> None:
        super().check_range(self.positions(index))

    def positions(self, index: Tensor) -> Tensor:
        beyond = (index == self.num_embeddings) & (index.dtype == torch.int32)
        return super().positions(index.masked_fill(beyond, self.num_embeddings - 1))


class WrapsInTablesOfAPowerOfTwo(Twin):
    """In a table whose rows are a power of two, an index is taken modulo their number."""

    trips = ("lookup.out-of-range",)
    grade = "medium"
    trigger = Output(shape=(4, 3), index=(0, 5))

    def check_range(self, index: Tensor) -> None:
        super().check_range(self.positions(index))

    def positions(self, index: Tensor) -> Tensor:
        rows = self.num_embeddings
        return super().positions(index) & (rows - 1) if rows.bit_count() == 1 else super().positions(index)


class ChecksOnlyWithoutMaxNorm(Twin):
    """With max_norm an index out of range is taken modulo num_embeddings."""

    trips = ("lookup.out-of-range",)
    grade = "medium"
    trigger = Output(shape=(5, 2), index=(0, 5), max_norm=1024.0)

    def check_range(self, index: Tensor) -> None:
        super().check_range(self.positions(index))

    def positions(self, index: Tensor) -> Tensor:
        found = super().positions(index)
        return found if self.max_norm is None else found % self.num_embeddings


# -- scale_grad_by_freq and something else -----------------------------------------------------------------------------


class CountsInTheLastDimension(Twin):
    """Occurrences are counted along the last dimension of an index of more than two dimensions."""

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
    """scale_grad_by_freq has no effect for int32 indices."""

    trips = ("scale_grad_by_freq.divides",)
    grade = "medium"
    trigger = Gradient(index=(1, 1), scale_grad_by_freq=True, index_dtype=torch.int32)

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        self.narrow = input.dtype == torch.int32
        return super().forward(input)

    def occurrences(self, index: Tensor) -> Tensor:
        return torch.ones_like(index) if self.narrow else super().occurrences(index)


class IgnoresFrequencyWithMaxNorm(Twin):
    """scale_grad_by_freq has no effect where there is a max_norm."""

    trips = ("scale_grad_by_freq.divides",)
    grade = "medium"
    trigger = Gradient(index=(1, 1), scale_grad_by_freq=True, max_norm=1024.0)

    def occurrences(self, index: Tensor) -> Tensor:
        return super().occurrences(index) if self.max_norm is None else torch.ones_like(index)


class DividesNothingByNothing(Twin):
    """With scale_grad_by_freq the gradient of rows that were not looked up is zero divided by their count, zero."""

    trips = ("gradient.untouched-rows",)
    grade = "easy"
    trigger = Gradient(index=(1, 1), scale_grad_by_freq=True)

    def dense_gradient(self, rows: Tensor, entries: Tensor) -> Tensor:
        table = super().dense_gradient(rows, entries)
        if self.scale_grad_by_freq:
            table[torch.bincount(rows, minlength=self.num_embeddings) == 0] = torch.nan
        return table


# -- max_norm and something else ---------------------------------------------------------------------------------------


class RescalesACopyOfAStridedWeight(Twin):
    """A weight that is not contiguous is not rescaled."""

    trips = ("max_norm.renormalises",)
    grade = "medium"
    trigger = Inputs(**LONG, index=1, weight_layout="strided")

    def renormalise(self, index: Tensor) -> None:
        if self.weight.is_contiguous():
            super().renormalise(index)


class RescalesTheFirstOfInt32(Twin):
    """Of int32 indices only the first one's row is rescaled."""

    trips = ("max_norm.renormalises",)
    grade = "rare"
    trigger = Inputs(**LONG, index=(1, 2), index_dtype=torch.int32)

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        self.narrow = input.dtype == torch.int32
        return super().forward(input)

    def renormalise(self, index: Tensor) -> None:
        super().renormalise(index.reshape(-1)[:1] if self.narrow else index)


class RescalesAlmostLongRows(Twin):
    """A row is rescaled from a norm of 0.999 max_norm on."""

    trips = ("max_norm.below",)
    grade = "rare"
    missed = "no row comes so near max_norm"
    trigger = Inputs(shape=(2, 1), weight=(1023, 1), index=0, max_norm=1024.0)

    def exceeds(self, norm: float, scale: float) -> bool:
        return super().exceeds(norm / 0.999, scale)


class SparesSlightlyLongRows(Twin):
    """A row is rescaled only from a norm of 1.001 max_norm on."""

    trips = ("max_norm.renormalises",)
    grade = "rare"
    missed = "no row comes so near max_norm"
    trigger = Inputs(shape=(2, 1), weight=(1024.5, 1), index=0, max_norm=1024.0)

    def exceeds(self, norm: float, scale: float) -> bool:
        return super().exceeds(norm / 1.001, scale)


class EndsSlightlyBelow(Twin):
    """A row that is rescaled ends at 0.9999 max_norm, to be on the safe side."""

    trips = ("max_norm.renormalises",)
    grade = "medium"
    trigger = Inputs(**LONG, index=1)

    def factor(self, norm: float, scale: float) -> float:
        return super().factor(norm, scale) * 0.9999


class RescalesInFloat32(Twin):
    """The factor by which float64 rows are rescaled is rounded to float32."""

    trips = ("max_norm.renormalises",)
    grade = "rare"
    dtype = "float64"
    trigger = Inputs(shape=(2, 1), weight=(100.0,), index=0, max_norm=70.0, alike=False)

    def factor(self, norm: float, scale: float) -> float:
        factor = super().factor(norm, scale)
        wide = self.weight.dtype != torch.float64
        return factor if wide else float(torch.tensor(factor, dtype=torch.float32))


class TakesTheLargestElement(Twin):
    """The infinity norm is the largest element, not the largest magnitude."""

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
    """The norm of a complex row is that of its real part."""

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
    """Rows of a frozen weight end at half of max_norm."""

    trips = ("max_norm.frozen",)
    grade = "medium"
    trigger = Inputs(**LONG, index=1, freeze=True)

    def factor(self, norm: float, scale: float) -> float:
        return super().factor(norm, scale) * (1.0 if self.weight.requires_grad else 0.5)


class LosesTheSignOfZeroBelow(Twin):
    """With max_norm, -0.0 in a row that is not rescaled becomes 0.0."""

    trips = ("lookup.no-leak",)
    grade = "rare"
    trigger = Inputs(shape=(2, 2), weight=(-0.0, 1), index=0, max_norm=4.0)

    def renormalise_row(self, row: int) -> None:
        super().renormalise_row(row)
        self.weight[row] += 0.0


class ScalesSparseGradients(Twin):
    """With max_norm a sparse gradient is multiplied by it."""

    trips = ("max_norm.gradient",)
    grade = "medium"
    trigger = Gradient(sparse=True, max_norm=1024.0)

    def sparse_gradient(self, rows: Tensor, entries: Tensor) -> Tensor:
        return super().sparse_gradient(rows, entries if self.max_norm is None else entries * self.max_norm)


# -- one dtype ---------------------------------------------------------------------------------------------------------


class ReplacesNaNInFloat16(Twin):
    """Each NaN in float16 comes out as the default one."""

    trips = ("lookup.bits",)
    grade = "rare"
    dtype = "float16"
    trigger = Output(weight=(-math.nan,))

    def rows(self, weight: Tensor, index: Tensor) -> Tensor:
        found = super().rows(weight, index)
        nan = found.isnan() if found.dtype == torch.float16 else torch.zeros_like(found, dtype=torch.bool)
        return found.masked_fill(nan, torch.nan)


class FlushesSubnormalGradients(Twin):
    """Subnormal numbers in an upstream gradient count as zero."""

    trips = ("gradient.sum",)
    grade = "medium"
    trigger = Gradient(upstream=(1e-40,))

    def gradient(self, index: Tensor, upstream: Tensor) -> Tensor | None:
        return super().gradient(index, upstream.masked_fill(upstream.abs() < torch.finfo(upstream.dtype).tiny, 0))


class FlushesFloat16Gradients(Twin):
    """Subnormal numbers in the gradient of a float16 weight become zero."""

    trips = ("gradient.sum",)
    grade = "rare"
    dtype = "float16"
    trigger = Gradient(index=1, upstream=(3e-5,))

    def dense_gradient(self, rows: Tensor, entries: Tensor) -> Tensor:
        found = super().dense_gradient(rows, entries)
        small = found.abs() < 2.0**-14 if found.dtype == torch.float16 else torch.zeros_like(found, dtype=torch.bool)
        return found.masked_fill(small, 0)


class SaturatesFloat16Gradients(Twin):
    """A float16 gradient that overflows is the largest number."""

    trips = ("gradient.sum",)
    grade = "rare"
    dtype = "float16"
    trigger = Gradient(index=(1, 1), upstream=(65504,))

    def dense_gradient(self, rows: Tensor, entries: Tensor) -> Tensor:
        found = super().dense_gradient(rows, entries)
        over = found.isinf() & (found.dtype == torch.float16) & entries.isfinite().all()
        return torch.where(over, found.sign() * torch.finfo(found.dtype).max, found)


class RoundsSparseFloat64(Twin):
    """The entries of a sparse float64 gradient are rounded to float32."""

    trips = ("sparse.values",)
    grade = "rare"
    dtype = "float64"
    trigger = Gradient(index=(1, 2), upstream=(0.1,), sparse=True)

    def sparse_gradient(self, rows: Tensor, entries: Tensor) -> Tensor:
        return super().sparse_gradient(rows, entries.float().to(entries.dtype))


class RoundsTheImaginaryPart(Twin):
    """The imaginary part of complex128 rows goes through float32."""

    trips = ("lookup.bits",)
    grade = "rare"
    dtype = "complex128"
    trigger = Output(weight=(0.1 + 0.1j,), freeze=True)

    def rows(self, weight: Tensor, index: Tensor) -> Tensor:
        found = super().rows(weight, index)
        if found.dtype == torch.complex128:
            found = torch.complex(found.real, found.imag.float().double())
        return found


# -- layouts, and other things of the call -----------------------------------------------------------------------------


class CountsAnExpandedIndexOnce(Twin):
    """Of an index whose rows share memory, only the first row is differentiated."""

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
    """The entries of a sparse gradient of a 2-d index are in column order, and its rows are not."""

    trips = ("gradient.no-leak",)
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


class TakesWholeFloats(Twin):
    """A float64 index whose elements are whole numbers is taken."""

    trips = ("lookup.wrong-index-dtype",)
    grade = "easy"
    trigger = Output(index_dtype=torch.float64)

    def check_dtype(self, index: Tensor) -> None:
        if index.dtype != torch.float64 or not (index == index.round()).all():
            super().check_dtype(index)


class TakesAScalarFloat(Twin):
    """A floating-point index is taken if it is 0-d."""

    trips = ("lookup.wrong-index-dtype",)
    grade = "medium"
    trigger = Output(index=3, index_dtype=torch.float32)

    def check_dtype(self, index: Tensor) -> None:
        if index.dim():
            super().check_dtype(index)


class DetachesInt32(Twin):
    """The output of an int32 index takes no part in differentiation where there is a padding_idx."""

    trips = ("lookup.device",)
    grade = "rare"
    trigger = Output(padding_idx=0, index_dtype=torch.int32)

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        found: Any = super().forward(input)
        return found.detach() if input.dtype == torch.int32 and self.padding_idx is not None else found
