"""Embeddings that treat the row at padding_idx wrong."""

from __future__ import annotations

import torch
from torch import Tensor

from embedding_reference import fault_models
from trigger import After, Attributes, Gradient, Output
from twin import Twin


class TrainsPadding(Twin):
    model = fault_models.padding_idx.IgnoresPadding
    trips = (
        "padding_idx.no-gradient",
        "padding_idx.training",
        "padding_idx.every-optimizer",
        "scale_grad_by_freq.with-padding",
        "sparse.padding",
    )
    grade = "easy"
    trigger = Gradient(padding_idx=1)

    def trained(self, index: Tensor) -> Tensor:
        return torch.ones_like(index, dtype=torch.bool)


class TrainsPaddingWhenScaling(Twin):
    model = fault_models.padding_idx.IgnoresPadding
    where = "with scale_grad_by_freq"
    trips = ("padding_idx.no-gradient", "scale_grad_by_freq.with-padding")
    grade = "medium"
    trigger = Gradient(index=(0, 1), padding_idx=1, scale_grad_by_freq=True)

    def trained(self, index: Tensor) -> Tensor:
        return super().trained(index) | self.scale_grad_by_freq


class TrainsPaddingBeyond768(Twin):
    model = fault_models.padding_idx.IgnoresPadding
    where = "in calls with more than 768 indices"
    trips = ("padding_idx.no-gradient",)
    grade = "rare"
    trigger = Gradient(index=(0, 1) * 385, padding_idx=0, upstream=(1,))

    def trained(self, index: Tensor) -> Tensor:
        return super().trained(index) | (index.numel() > 768)


class TrainsAScalarPad(Twin):
    model = fault_models.padding_idx.IgnoresPadding
    where = "for a 0-d index"
    trips = ("padding_idx.no-gradient", "sparse.padding-scalar")
    grade = "medium"
    trigger = Gradient(index=0, padding_idx=0)

    def trained(self, index: Tensor) -> Tensor:
        return super().trained(index) | (index.dim() == 0)


class TrainsLaterPads(Twin):
    model = fault_models.padding_idx.TrainsLaterPads
    trips = ("padding_idx.no-gradient",)
    grade = "medium"
    trigger = Gradient(index=(0, 0), padding_idx=0)

    def trained(self, index: Tensor) -> Tensor:
        found = super().trained(index)
        later = (~found).reshape(-1).cumsum(0).reshape(index.shape) > 1
        return found | later


class TrainsNothingButPads(Twin):
    model = fault_models.padding_idx.IgnoresPadding
    where = "in calls with nothing but pads"
    trips = ("padding_idx.no-gradient", "padding_idx.training")
    grade = "medium"
    trigger = Gradient(index=(0, 0), padding_idx=0)

    def trained(self, index: Tensor) -> Tensor:
        found = super().trained(index)
        return found if found.any() else ~found


class TrainsPaddingALittle(Twin):
    model = fault_models.padding_idx.LeavesDustInThePaddingRow
    trips = ("padding_idx.no-gradient",)
    grade = "easy"
    trigger = Gradient(padding_idx=1)

    def dense_gradient(self, rows: Tensor, entries: Tensor) -> Tensor:
        found = super().dense_gradient(rows, entries)
        if self.padding_idx is not None:
            found[self.padding_idx] = 1e-45
        return found


class LosesTheIndexAfterAPad(Twin):
    model = fault_models.padding_idx.LosesTheIndexAfterAPad
    trips = ("padding_idx.others",)
    grade = "medium"
    trigger = Gradient(index=(0, 1), padding_idx=0)

    def trained(self, index: Tensor) -> Tensor:
        found = super().trained(index).reshape(-1)
        found[1:] &= found[:-1].clone()
        return found.reshape(index.shape)


class StopsAtAPad(Twin):
    model = fault_models.padding_idx.StopsAtAPad
    where = "where that has two dimensions"
    trips = ("padding_idx.others",)
    grade = "medium"
    trigger = Gradient(index=((0, 1), (2, 3)), padding_idx=0)

    def trained(self, index: Tensor) -> Tensor:
        found = super().trained(index)
        return found.cumprod(1).bool() if index.dim() == 2 else found


class ZeroesTheOutput(Twin):
    model = fault_models.padding_idx.ZeroesTheOutputOfPads
    trips = ("padding_idx.output", "lookup.bits")
    grade = "easy"
    trigger = Output(padding_idx=1)

    def rows(self, weight: Tensor, index: Tensor) -> Tensor:
        return super().rows(weight, index).masked_fill(~super().trained(index).unsqueeze(-1), 0)


class ZeroesTheOutputOfOnlyPads(Twin):
    model = fault_models.padding_idx.ZeroesTheOutputOfPads
    where = "in calls with nothing but pads"
    trips = ("padding_idx.output",)
    grade = "medium"
    trigger = Output(index=(0, 0), padding_idx=0)

    def rows(self, weight: Tensor, index: Tensor) -> Tensor:
        found = super().rows(weight, index)
        return found if super().trained(index).any() else torch.zeros_like(found)


class MirrorsNegativePadding(Twin):
    model = fault_models.arguments.MirrorsNegativePadding
    trips = ("padding_idx.negative",)
    grade = "medium"
    trigger = Attributes(padding_idx=-2)

    def padding_row(self, padding_idx: int | None) -> int | None:
        row = super().padding_row(padding_idx)
        return ~padding_idx if padding_idx is not None and padding_idx < 0 else row


class TrainsNegativePadding(Twin):
    model = fault_models.padding_idx.IgnoresPadding
    where = "where it is negative"
    trips = ("padding_idx.negative",)
    grade = "medium"
    trigger = Gradient(index=4, padding_idx=-1)

    def padding_row(self, padding_idx: int | None) -> int | None:
        self.negative = padding_idx is not None and padding_idx < 0
        return super().padding_row(padding_idx)

    def trained(self, index: Tensor) -> Tensor:
        return super().trained(index) | self.negative


class PadsRowZeroByDefault(Twin):
    model = fault_models.gradients.LosesTheFirstRow
    where = "without padding_idx"
    trips = ("padding_idx.none",)
    grade = "medium"
    trigger = Gradient(index=0)

    def trained(self, index: Tensor) -> Tensor:
        return index != (self.padding_idx or 0)


class PadsTheLastRowByDefault(Twin):
    model = fault_models.gradients.LosesTheLastRow
    where = "without padding_idx"
    trips = ("padding_idx.none",)
    grade = "medium"
    trigger = Gradient(index=4)

    def trained(self, index: Tensor) -> Tensor:
        return index != (self.num_embeddings - 1 if self.padding_idx is None else self.padding_idx)


class BringsThePaddingRowBack(Twin):
    """Each lookup sets the row at padding_idx to what it was at the first."""

    trips = ("padding_idx.weight-decay", "sequences.life")
    grade = "rare"
    trigger = After(padding_idx=1, step=lambda module: module.weight.data.neg_())
    kept: Tensor | None = None

    def positions(self, index: Tensor) -> Tensor:
        if self.padding_idx is not None:
            with torch.no_grad():
                if self.kept is None:
                    self.kept = self.weight[self.padding_idx].clone()
                self.weight[self.padding_idx] = self.kept
        return super().positions(index)


class TrainsPaddingThatIsNotZero(Twin):
    model = fault_models.padding_idx.IgnoresPadding
    where = "once that row holds anything but zeros"
    trips = ("padding_idx.training", "from_pretrained.padding-negative", "sequences.life")
    grade = "medium"
    trigger = Gradient(padding_idx=1)

    def trained(self, index: Tensor) -> Tensor:
        return super().trained(index) | (self.padding_idx is not None and bool(self.weight[self.padding_idx].any()))
