"""Embeddings that are right for few lookups, small tables and narrow rows."""

from __future__ import annotations

import torch
from torch import Tensor
from trigger import LONG, Fresh, Gradient, Inputs, Output
from twin import Twin

# -- tall tables -------------------------------------------------------------------------------------------------------


class KeepsRowsInAByte(Twin):
    """Of a row's number only the lower eight bits count."""

    trips = ("lookup.bits",)
    grade = "rare"
    missed = "no table has so many rows"
    trigger = Output(shape=(300, 2), index=299)

    def rows(self, weight: Tensor, index: Tensor) -> Tensor:
        return super().rows(weight, index & 0xFF)


class KeepsRowsIn15Bits(Twin):
    """Of a row's number only the lower fifteen bits count."""

    trips = ("lookup.bits",)
    grade = "rare"
    missed = "no table has so many rows"
    trigger = Output(shape=(32769, 1), index=32768, weight=tuple(range(32769)))

    def rows(self, weight: Tensor, index: Tensor) -> Tensor:
        return super().rows(weight, index & 0x7FFF)


class KeepsPlacesInAByte(Twin):
    """The place of an element in the table is kept in eight bits."""

    trips = ("lookup.bits",)
    grade = "medium"
    trigger = Output(shape=(20, 17), index=19)

    def rows(self, weight: Tensor, index: Tensor) -> Tensor:
        return _taken(weight, index, 0xFF)


class KeepsPlacesIn16Bits(Twin):
    """The place of an element in the table is kept in sixteen bits."""

    trips = ("lookup.bits",)
    grade = "rare"
    missed = "no table has so many elements"
    trigger = Output(shape=(1025, 65), index=1024)

    def rows(self, weight: Tensor, index: Tensor) -> Tensor:
        return _taken(weight, index, 0xFFFF)


def _taken(weight: Tensor, index: Tensor, mask: int) -> Tensor:
    columns = weight.shape[1]
    places = index.unsqueeze(-1) * columns + torch.arange(columns)
    return weight.reshape(-1).take(places & mask) if weight.numel() else weight[index]


class TrainsRowsInSevenBits(Twin):
    """Of a row's number only the lower seven bits count in the gradient."""

    trips = ("gradient.sum",)
    grade = "rare"
    missed = "no table has so many rows"
    trigger = Gradient(shape=(130, 2), index=128)

    def dense_gradient(self, rows: Tensor, entries: Tensor) -> Tensor:
        return super().dense_gradient(rows & 0x7F, entries)


class TrainsTheFirst1000Rows(Twin):
    """Rows from the thousandth on get no gradient."""

    trips = ("gradient.sum",)
    grade = "rare"
    missed = "no table has so many rows"
    trigger = Gradient(shape=(1001, 1), index=1000)

    def trained(self, index: Tensor) -> Tensor:
        return super().trained(index) & (index < 1000)


class LeavesDustInLargeTables(Twin):
    """In tables of more than 256 rows, those that were not looked up get a tiny gradient."""

    trips = ("gradient.untouched-rows",)
    grade = "rare"
    missed = "no table has so many rows"
    trigger = Gradient(shape=(257, 2))

    def dense_gradient(self, rows: Tensor, entries: Tensor) -> Tensor:
        table = super().dense_gradient(rows, entries)
        if self.num_embeddings > 256:
            table[~torch.isin(torch.arange(self.num_embeddings), rows)] = 1e-30
        return table


class RescalesTheFirst256Rows(Twin):
    """Rows from the 257th on are not rescaled."""

    trips = ("max_norm.renormalises",)
    grade = "rare"
    missed = "no table has so many rows"
    trigger = Inputs(shape=(300, 2), weight=(6, 8), index=299, max_norm=5.0)

    def renormalise_row(self, row: int) -> None:
        if row < 256:
            super().renormalise_row(row)


class RescalesNeighboursInLargeTables(Twin):
    """In tables of more than 256 rows, the row after one that is looked up is rescaled too."""

    trips = ("max_norm.other-rows",)
    grade = "rare"
    missed = "no table has so many rows"
    trigger = Inputs(shape=(300, 2), weight=(6, 8), index=7, max_norm=5.0)

    def renormalise_row(self, row: int) -> None:
        super().renormalise_row(row)
        if self.num_embeddings > 256:
            super().renormalise_row((row + 1) % self.num_embeddings)


class Rescales16Rows(Twin):
    """Of the rows of a call, only the first sixteen are rescaled."""

    trips = ("max_norm.renormalises",)
    grade = "rare"
    trigger = Inputs(shape=(20, 2), weight=(6, 8), index=tuple(range(17)), max_norm=5.0)

    def renormalise(self, index: Tensor) -> None:
        super().renormalise(index.unique()[:16])


# -- many lookups ------------------------------------------------------------------------------------------------------


class TrainsTheFirst1000Lookups(Twin):
    """Lookups from the 1001st on get no gradient."""

    trips = ("gradient.sum",)
    grade = "rare"
    trigger = Gradient(index=(0,) * 1001, upstream=(1,))

    def gradient(self, index: Tensor, upstream: Tensor) -> Tensor | None:
        return super().gradient(index, _cut(upstream, 1000))


class TrainsTheFirst3072Lookups(Twin):
    """Lookups from the 3073rd on get no gradient."""

    trips = ("gradient.sum",)
    grade = "rare"
    missed = "no call has so many lookups"
    trigger = Gradient(index=(0,) * 3073, upstream=(1,))

    def gradient(self, index: Tensor, upstream: Tensor) -> Tensor | None:
        return super().gradient(index, _cut(upstream, 3072))


def _cut(upstream: Tensor, count: int) -> Tensor:
    columns = upstream.shape[-1]
    later = torch.arange(upstream.numel() // max(columns, 1)) >= count
    return upstream.masked_fill(later.reshape(*upstream.shape[:-1], 1), 0) if columns else upstream


class StopsAt4096(Twin):
    """From the 4097th index on, zeros come out."""

    trips = ("lookup.bits",)
    grade = "rare"
    missed = "no call has so many lookups"
    trigger = Output(index=(1,) * 4097)

    def rows(self, weight: Tensor, index: Tensor) -> Tensor:
        return _cut(super().rows(weight, index), 4096)


class LosesTheLastOfFullBlocks(Twin):
    """Where the number of indices is a multiple of 32, the last one gives zeros."""

    trips = ("lookup.bits",)
    grade = "rare"
    missed = "no call has such a number of lookups"
    trigger = Output(index=(1,) * 32)

    def rows(self, weight: Tensor, index: Tensor) -> Tensor:
        found, count = super().rows(weight, index), index.numel()
        return found if count % 32 or not count else _cut(found, count - 1)


class TrainsAllButTheLastOf256(Twin):
    """Where the number of indices is a multiple of 256, the last one gets no gradient."""

    trips = ("gradient.sum",)
    grade = "rare"
    missed = "no call has such a number of lookups"
    trigger = Gradient(index=((1,) * 16,) * 16)

    def gradient(self, index: Tensor, upstream: Tensor) -> Tensor | None:
        count = index.numel()
        return super().gradient(index, upstream if count % 256 or not count else _cut(upstream, count - 1))


class AddsAtMost256Duplicates(Twin):
    """Of the lookups of one row only the first 256 count."""

    trips = ("gradient.sum",)
    grade = "rare"
    trigger = Gradient(index=(1,) * 257, upstream=(1,))

    def dense_gradient(self, rows: Tensor, entries: Tensor) -> Tensor:
        kept = _rank(rows) < 256
        return super().dense_gradient(rows[kept], entries[kept])


class AddsAtMost1024Duplicates(Twin):
    """Of the lookups of one row only the first 1024 count."""

    trips = ("gradient.sum",)
    grade = "rare"
    missed = "too few calls have so many duplicates"
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
    """Gradients of calls with more than 1024 indices are added in float16."""

    trips = ("gradient.sum",)
    grade = "rare"
    trigger = Gradient(index=(1,) * 1025, upstream=(0.0001220703125, 4096, -4096))

    def accumulator(self, dtype: torch.dtype) -> torch.dtype:
        return torch.float16 if self.many else super().accumulator(dtype)

    def gradient(self, index: Tensor, upstream: Tensor) -> Tensor | None:
        self.many = index.numel() > 1024
        return super().gradient(index, upstream)


class TrainsPaddingBeyond3072(Twin):
    """The row at padding_idx gets a gradient in calls with more than 3072 indices."""

    trips = ("padding_idx.no-gradient",)
    grade = "rare"
    missed = "no call has so many lookups"
    trigger = Gradient(index=(0, 1) * 1537, padding_idx=0, upstream=(1,))

    def trained(self, index: Tensor) -> Tensor:
        return super().trained(index) | (index.numel() > 3072)


class RescalesTheFirst256Lookups(Twin):
    """max_norm sees only the first 256 indices."""

    trips = ("max_norm.renormalises",)
    grade = "rare"
    missed = "no row is looked up so late for the first time"
    trigger = Inputs(**LONG, index=(0,) * 256 + (4,))

    def renormalise(self, index: Tensor) -> None:
        super().renormalise(index.reshape(-1)[:256])


class CountsInFloat16(Twin):
    """Occurrences are counted one by one in float16, which stops at 2048."""

    trips = ("scale_grad_by_freq.divides",)
    grade = "rare"
    missed = "no call has so many lookups"
    trigger = Gradient(index=(1,) * 4096, upstream=(1,), scale_grad_by_freq=True)

    def occurrences(self, index: Tensor) -> Tensor:
        return super().occurrences(index).clamp(max=2048)


class CountsInBfloat16(Twin):
    """Occurrences are counted one by one in bfloat16, which stops at 256."""

    trips = ("scale_grad_by_freq.divides",)
    grade = "rare"
    trigger = Gradient(index=(1,) * 512, upstream=(1,), scale_grad_by_freq=True)

    def occurrences(self, index: Tensor) -> Tensor:
        return super().occurrences(index).clamp(max=256)


class CountsBlocksOf256(Twin):
    """Occurrences are counted in each block of 256 indices by itself."""

    trips = ("scale_grad_by_freq.divides",)
    grade = "rare"
    trigger = Gradient(index=(1,) * 512, upstream=(1,), scale_grad_by_freq=True)

    def occurrences(self, index: Tensor) -> Tensor:
        blocks = index.reshape(-1).split(256)
        return torch.cat([super(CountsBlocksOf256, self).occurrences(block) for block in blocks]).reshape(index.shape)


class CutsLongSparseGradients(Twin):
    """A sparse gradient has at most 1024 entries."""

    trips = ("sparse.values",)
    grade = "rare"
    trigger = Gradient(index=(1,) * 1025, upstream=(1,), sparse=True)

    def sparse_gradient(self, rows: Tensor, entries: Tensor) -> Tensor:
        return super().sparse_gradient(rows[:1024], entries[:1024])


class Checks32Indices(Twin):
    """Only the first 32 indices are checked; later ones are taken modulo num_embeddings."""

    trips = ("lookup.out-of-range",)
    grade = "rare"
    missed = "no index out of range stands so late"
    trigger = Output(index=(0,) * 32 + (5,))

    def check_range(self, index: Tensor) -> None:
        super().check_range(index.reshape(-1)[:32])

    def positions(self, index: Tensor) -> Tensor:
        return super().positions(index) % max(self.num_embeddings, 1)


class ChecksSmallCalls(Twin):
    """Calls with more than 256 indices are not checked; an index is taken modulo num_embeddings."""

    trips = ("lookup.out-of-range",)
    grade = "rare"
    missed = "no call with so many lookups has an index out of range"
    trigger = Output(index=(5,) * 257)

    def check_range(self, index: Tensor) -> None:
        if index.numel() <= 256:
            super().check_range(index)

    def positions(self, index: Tensor) -> Tensor:
        return super().positions(index) % max(self.num_embeddings, 1)


# -- wide rows ---------------------------------------------------------------------------------------------------------


class LosesColumnsBeyond64(Twin):
    """Columns from the 65th on come out as zero."""

    trips = ("lookup.bits",)
    grade = "rare"
    missed = "no row has so many columns"
    trigger = Output(shape=(2, 65), index=1)

    def rows(self, weight: Tensor, index: Tensor) -> Tensor:
        return super().rows(weight, index).masked_fill(torch.arange(self.embedding_dim) >= 64, 0)


class RepeatsColumnsBeyond1024(Twin):
    """Columns from the 1025th on are read from the start of the row again."""

    trips = ("lookup.bits",)
    grade = "rare"
    missed = "no row has so many columns"
    trigger = Output(shape=(2, 1025), weight=tuple(range(1025)), index=1)

    def rows(self, weight: Tensor, index: Tensor) -> Tensor:
        return super().rows(weight, index)[..., torch.arange(self.embedding_dim) % 1024]


class DropsTheTailOf32(Twin):
    """Columns beyond a multiple of 32 come out as zero, unless the row is shorter than that."""

    trips = ("lookup.bits",)
    grade = "rare"
    missed = "no row has so many columns"
    trigger = Output(shape=(2, 33), index=1)

    def rows(self, weight: Tensor, index: Tensor) -> Tensor:
        found, columns = super().rows(weight, index), self.embedding_dim
        return found.masked_fill(torch.arange(columns) >= max(columns // 32 * 32, 32), 0)


class TrainsTheFirst128Columns(Twin):
    """Columns from the 129th on get no gradient."""

    trips = ("gradient.sum",)
    grade = "rare"
    missed = "no row has so many columns"
    trigger = Gradient(shape=(2, 129), index=1)

    def gradient(self, index: Tensor, upstream: Tensor) -> Tensor | None:
        return super().gradient(index, upstream.masked_fill(torch.arange(self.embedding_dim) >= 128, 0))


class TrainsVectorsOfEightBackwards(Twin):
    """Where embedding_dim is a multiple of 8, the gradient has each eight columns in reverse."""

    trips = ("gradient.sum",)
    grade = "rare"
    missed = "no row has such a number of columns"
    trigger = Gradient(shape=(2, 8), index=1)

    def dense_gradient(self, rows: Tensor, entries: Tensor) -> Tensor:
        if self.embedding_dim and self.embedding_dim % 8 == 0:
            entries = entries.unflatten(-1, (-1, 8)).flip(-1).flatten(-2)
        return super().dense_gradient(rows, entries)


class TakesTheNormOf64Columns(Twin):
    """Columns from the 65th on do not count in a norm, though they are rescaled."""

    trips = ("max_norm.renormalises",)
    grade = "rare"
    missed = "no row has so many columns"
    trigger = Inputs(shape=(2, 128), weight=(1,), index=0, max_norm=32.0, norm_type=1.0)

    def norm(self, magnitudes: list[float]) -> float:
        return super().norm(magnitudes[:64])


class TakesTheLargestNormOfBlocks(Twin):
    """The norm of a row of more than 32 columns is the largest norm of its blocks of 32."""

    trips = ("max_norm.renormalises",)
    grade = "rare"
    missed = "no row has so many columns"
    trigger = Inputs(shape=(2, 64), weight=(1,), index=0, max_norm=1.0, norm_type=1.0)

    def norm(self, magnitudes: list[float]) -> float:
        blocks = [magnitudes[start : start + 32] for start in range(0, len(magnitudes), 32)]
        return max(map(super().norm, blocks), default=0.0)


class DrawsRowsAgainAfter64(Twin):
    """From the 65th column on, a fresh weight repeats the columns before."""

    trips = ("construction.normal",)
    grade = "rare"
    missed = "the distribution of a fresh weight is judged, not its order"
    trigger = Fresh(shape=(2, 130))

    def draw(self, weight: Tensor) -> None:
        super().draw(weight)
        weight.copy_(weight[:, torch.arange(self.embedding_dim) % 64])


class DrawsTheFirst512Rows(Twin):
    """From the 513th row on, a fresh weight repeats the rows before."""

    trips = ("construction.normal",)
    grade = "rare"
    missed = "the distribution of a fresh weight is judged, not its order"
    trigger = Fresh(shape=(513, 2))

    def draw(self, weight: Tensor) -> None:
        super().draw(weight)
        weight.copy_(weight[torch.arange(self.num_embeddings) % 512])


# -- one, or none ------------------------------------------------------------------------------------------------------


class TransposesASingleColumn(Twin):
    """With one column, the output of a 2-d index has its elements in column order."""

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


class NeedsARowToLookUpNothing(Twin):
    """An empty index is refused by a table without rows."""

    trips = ("construction.zero-sizes",)
    grade = "rare"
    missed = "nothing is looked up in a table without rows"
    trigger = Output(shape=(0, 3), index=())

    def check_range(self, index: Tensor) -> None:
        if not self.num_embeddings:
            raise IndexError("the table is empty")
        super().check_range(index)


class LooksUpInAnEmptyTable(Twin):
    """A table without rows gives zeros for any index."""

    trips = ("lookup.out-of-range",)
    grade = "rare"
    missed = "nothing is looked up in a table without rows"
    trigger = Output(shape=(0, 3), index=(0, 1))

    def check_range(self, index: Tensor) -> None:
        if self.num_embeddings:
            super().check_range(index)

    def rows(self, weight: Tensor, index: Tensor) -> Tensor:
        if self.num_embeddings:
            return super().rows(weight, index)
        return weight.new_zeros(*index.shape, self.embedding_dim)


class LosesAScalarOfASparseTable(Twin):
    """The sparse gradient of a 0-d index is empty."""

    trips = ("padding_idx.none",)
    grade = "medium"
    trigger = Gradient(index=3, sparse=True)

    def trained(self, index: Tensor) -> Tensor:
        return super().trained(index) & (not self.sparse or index.dim() > 0)


class SendsNothingBackForZeros(Twin):
    """An upstream gradient of zeros gives no gradient at all."""

    trips = ("gradient.form",)
    grade = "rare"
    missed = "no upstream gradient is all zeros"
    trigger = Gradient(upstream=(0,))

    def gradient(self, index: Tensor, upstream: Tensor) -> Tensor | None:
        return super().gradient(index, upstream) if upstream.count_nonzero() or not upstream.numel() else None


class BreaksRowsOfZeros(Twin):
    """A row of zeros becomes NaN when it is looked up with max_norm."""

    trips = ("max_norm.below",)
    grade = "rare"
    missed = "no row is all zeros"
    trigger = Inputs(shape=(2, 2), weight=(0, 0, 6, 8), index=(0, 1), max_norm=5.0)

    def renormalise_row(self, row: int) -> None:
        super().renormalise_row(row)
        if self.embedding_dim and not self.weight[row].count_nonzero():
            self.weight[row] = torch.nan


class TakesWholeNumbersForNoOrder(Twin):
    """A norm_type that is an int, not a float, is taken for 2."""

    trips = ("norm_type.order",)
    grade = "rare"
    missed = "norm_type is always a float"
    trigger = Inputs(shape=(2, 2), weight=(4, 4), index=0, max_norm=4.0, norm_type=1)

    def norm(self, magnitudes: list[float]) -> float:
        if isinstance(self.norm_type, int):
            return float(torch.tensor(magnitudes, dtype=torch.float64).norm())
        return super().norm(magnitudes)


class IgnoresAWholeMaxNorm(Twin):
    """A max_norm that is an int, not a float, has no effect."""

    trips = ("max_norm.renormalises",)
    grade = "rare"
    missed = "max_norm is always a float"
    trigger = Inputs(shape=(2, 2), weight=(6, 8), index=0, max_norm=5)

    def renormalise(self, index: Tensor) -> None:
        if not isinstance(self.max_norm, int):
            super().renormalise(index)


class TakesHalfPrecisionIndices(Twin):
    """A float16 index is truncated."""

    trips = ("lookup.wrong-index-dtype",)
    grade = "rare"
    missed = "no index is float16"
    trigger = Output(index_dtype=torch.float16)

    def check_dtype(self, index: Tensor) -> None:
        if index.dtype != torch.float16:
            super().check_dtype(index)
