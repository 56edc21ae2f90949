"""Embeddings that are right for small tables with narrow rows."""

from __future__ import annotations

import torch
from torch import Tensor

from embedding_reference import fault_models
from trigger import Fresh, Gradient, Inputs, Output
from twin import Twin

# -- tall tables -------------------------------------------------------------------------------------------------------


class KeepsRowsInAByte(Twin):
    model = fault_models.lookups.CutsTheIndexToAByte
    trips = ("lookup.bits",)
    grade = "rare"
    trigger = Output(shape=(300, 2), index=299)

    def rows(self, weight: Tensor, index: Tensor) -> Tensor:
        return super().rows(weight, index & 0xFF)


class KeepsRowsIn15Bits(Twin):
    model = fault_models.lookups.CutsTheIndexTo15Bits
    trips = ("lookup.bits",)
    grade = "rare"
    trigger = Output(shape=(32769, 1), index=32768, weight=tuple(range(32769)))

    def rows(self, weight: Tensor, index: Tensor) -> Tensor:
        return super().rows(weight, index & 0x7FFF)


class LosesTheLastOf64Rows(Twin):
    model = fault_models.gradients.LosesTheLastRow
    where = "where the number of rows is a multiple of 64"
    trips = ("gradient.sum",)
    grade = "rare"
    trigger = Gradient(shape=(64, 2), index=(0, 63))

    def trained(self, index: Tensor) -> Tensor:
        last = index == self.num_embeddings - 1
        return super().trained(index) & ~(last & (self.num_embeddings % 64 == 0))


class SwapsATailOfTwo(Twin):
    model = fault_models.columns.SwapsTheLastTwoColumns
    where = "where embedding_dim is two more than a multiple of four"
    trips = ("lookup.bits",)
    grade = "medium"
    trigger = Output(shape=(5, 6))

    def rows(self, weight: Tensor, index: Tensor) -> Tensor:
        rows = super().rows(weight, index)
        if self.embedding_dim % 4 != 2 or self.embedding_dim < 4:
            return rows
        return torch.cat([rows[..., :-2], rows[..., -1:], rows[..., -2:-1]], dim=-1)


class KeepsPlacesInAByte(Twin):
    model = fault_models.lookups.CutsPlacesToAByte
    trips = ("lookup.bits",)
    grade = "medium"
    trigger = Output(shape=(20, 17), index=19)

    def rows(self, weight: Tensor, index: Tensor) -> Tensor:
        return _taken(weight, index, 0xFF)


class KeepsPlacesIn16Bits(Twin):
    model = fault_models.lookups.CutsPlacesTo16Bits
    trips = ("lookup.bits",)
    grade = "rare"
    trigger = Output(shape=(1025, 65), index=1024)

    def rows(self, weight: Tensor, index: Tensor) -> Tensor:
        return _taken(weight, index, 0xFFFF)


def _taken(weight: Tensor, index: Tensor, mask: int) -> Tensor:
    columns = weight.shape[1]
    places = index.unsqueeze(-1) * columns + torch.arange(columns)
    return weight.reshape(-1).take(places & mask) if weight.numel() else weight[index]


class TrainsRowsInSevenBits(Twin):
    model = fault_models.gradients.CutsTrainedRowsTo7Bits
    trips = ("gradient.sum",)
    grade = "rare"
    trigger = Gradient(shape=(130, 2), index=128)

    def dense_gradient(self, rows: Tensor, entries: Tensor) -> Tensor:
        return super().dense_gradient(rows & 0x7F, entries)


class TrainsTheFirst1000Rows(Twin):
    model = fault_models.gradients.TrainsOnly1000Rows
    trips = ("gradient.sum",)
    grade = "rare"
    trigger = Gradient(shape=(1001, 1), index=1000)

    def trained(self, index: Tensor) -> Tensor:
        return super().trained(index) & (index < 1000)


class LeavesDustInLargeTables(Twin):
    model = fault_models.accumulation.LeavesDustInRows
    where = "in tables of more than 256 rows"
    trips = ("gradient.untouched-rows",)
    grade = "rare"
    trigger = Gradient(shape=(257, 2))

    def dense_gradient(self, rows: Tensor, entries: Tensor) -> Tensor:
        table = super().dense_gradient(rows, entries)
        if self.num_embeddings > 256:
            table[~torch.isin(torch.arange(self.num_embeddings), rows)] = 1e-30
        return table


class RescalesTheFirst256Rows(Twin):
    model = fault_models.max_norm.Rescales256Rows
    trips = ("max_norm.renormalises",)
    grade = "rare"
    trigger = Inputs(shape=(300, 2), weight=(6, 8), index=299, max_norm=5.0)

    def renormalise_row(self, row: int) -> None:
        if row < 256:
            super().renormalise_row(row)


class RescalesNeighboursInLargeTables(Twin):
    model = fault_models.max_norm.RescalesNeighbours
    where = "in tables of more than 256 rows"
    trips = ("max_norm.other-rows",)
    grade = "rare"
    trigger = Inputs(shape=(300, 2), weight=(6, 8), index=7, max_norm=5.0)

    def renormalise_row(self, row: int) -> None:
        super().renormalise_row(row)
        if self.num_embeddings > 256:
            super().renormalise_row((row + 1) % self.num_embeddings)


class Rescales16Rows(Twin):
    model = fault_models.max_norm.Rescales16Rows
    trips = ("max_norm.renormalises",)
    grade = "rare"
    trigger = Inputs(shape=(20, 2), weight=(6, 8), index=tuple(range(17)), max_norm=5.0)

    def renormalise(self, index: Tensor) -> None:
        super().renormalise(index.unique()[:16])


# -- wide rows ---------------------------------------------------------------------------------------------------------


class LosesColumnsBeyond64(Twin):
    model = fault_models.columns.LosesColumnsFrom64
    trips = ("lookup.bits",)
    grade = "rare"
    trigger = Output(shape=(2, 65), index=1)

    def rows(self, weight: Tensor, index: Tensor) -> Tensor:
        return super().rows(weight, index).masked_fill(torch.arange(self.embedding_dim) >= 64, 0)


class RepeatsColumnsBeyond1024(Twin):
    model = fault_models.columns.RepeatsColumnsFrom1024
    trips = ("lookup.bits",)
    grade = "rare"
    trigger = Output(shape=(2, 1025), weight=tuple(range(1025)), index=1)

    def rows(self, weight: Tensor, index: Tensor) -> Tensor:
        return super().rows(weight, index)[..., torch.arange(self.embedding_dim) % 1024]


class DropsTheTailOf32(Twin):
    model = fault_models.columns.DropsTheTailOf32
    trips = ("lookup.bits",)
    grade = "rare"
    trigger = Output(shape=(2, 33), index=1)

    def rows(self, weight: Tensor, index: Tensor) -> Tensor:
        found, columns = super().rows(weight, index), self.embedding_dim
        return found.masked_fill(torch.arange(columns) >= max(columns // 32 * 32, 32), 0)


class TrainsTheFirst128Columns(Twin):
    model = fault_models.upstream_gradients.TrainsOnly128Columns
    trips = ("gradient.sum",)
    grade = "rare"
    trigger = Gradient(shape=(2, 129), index=1)

    def gradient(self, index: Tensor, upstream: Tensor) -> Tensor | None:
        return super().gradient(index, upstream.masked_fill(torch.arange(self.embedding_dim) >= 128, 0))


class TrainsVectorsOfEightBackwards(Twin):
    model = fault_models.upstream_gradients.ReversesEachEightColumnsOfTheGradient
    where = "where embedding_dim is a multiple of 8"
    trips = ("gradient.sum",)
    grade = "rare"
    trigger = Gradient(shape=(2, 8), index=1)

    def dense_gradient(self, rows: Tensor, entries: Tensor) -> Tensor:
        if self.embedding_dim and self.embedding_dim % 8 == 0:
            entries = entries.unflatten(-1, (-1, 8)).flip(-1).flatten(-2)
        return super().dense_gradient(rows, entries)


class TakesTheNormOf64Columns(Twin):
    model = fault_models.norm_type.TakesTheNormOf64Columns
    trips = ("max_norm.renormalises",)
    grade = "rare"
    trigger = Inputs(shape=(2, 128), weight=(1,), index=0, max_norm=32.0, norm_type=1.0)

    def norm(self, magnitudes: list[float]) -> float:
        return super().norm(magnitudes[:64])


class TakesTheLargestNormOfBlocks(Twin):
    model = fault_models.norm_type.TakesTheLargestNormOfBlocks
    trips = ("max_norm.renormalises",)
    grade = "rare"
    trigger = Inputs(shape=(2, 64), weight=(1,), index=0, max_norm=1.0, norm_type=1.0)

    def norm(self, magnitudes: list[float]) -> float:
        blocks = [magnitudes[start : start + 32] for start in range(0, len(magnitudes), 32)]
        return max(map(super().norm, blocks), default=0.0)


class DrawsRowsAgainAfter64(Twin):
    """From the 65th column on, a fresh weight repeats the columns before."""

    trips = ("construction.independent",)
    grade = "rare"
    trigger = Fresh(shape=(2, 130))

    def draw(self, weight: Tensor) -> None:
        super().draw(weight)
        weight.copy_(weight[:, torch.arange(self.embedding_dim) % 64])


class DrawsTheFirst512Rows(Twin):
    """From the 513th row on, a fresh weight repeats the rows before."""

    trips = ("construction.independent",)
    grade = "rare"
    trigger = Fresh(shape=(513, 2))

    def draw(self, weight: Tensor) -> None:
        super().draw(weight)
        weight.copy_(weight[torch.arange(self.num_embeddings) % 512])
