"""Embeddings that treat the row at padding_idx wrong."""

from __future__ import annotations

import torch
from torch import Tensor

from trigger import After, Attributes, Gradient, Output
from twin import Twin


class TrainsPadding(Twin):
    """The row at padding_idx gets a gradient like any other."""

    trips = ("padding_idx.no-gradient", "padding_idx.training", "scale_grad_by_freq.with-padding", "sparse.padding")
    grade = "easy"
    trigger = Gradient(padding_idx=1)

    def trained(self, index: Tensor) -> Tensor:
        return torch.ones_like(index, dtype=torch.bool)


class TrainsPaddingWhenScaling(Twin):
    """With scale_grad_by_freq the row at padding_idx gets a gradient."""

    trips = ("padding_idx.no-gradient", "scale_grad_by_freq.with-padding")
    grade = "medium"
    trigger = Gradient(index=(0, 1), padding_idx=1, scale_grad_by_freq=True)

    def trained(self, index: Tensor) -> Tensor:
        return super().trained(index) | self.scale_grad_by_freq


class TrainsPaddingBeyond768(Twin):
    """The row at padding_idx gets a gradient in calls with more than 768 indices."""

    trips = ("padding_idx.no-gradient",)
    grade = "rare"
    trigger = Gradient(index=(0, 1) * 385, padding_idx=0, upstream=(1,))

    def trained(self, index: Tensor) -> Tensor:
        return super().trained(index) | (index.numel() > 768)


class TrainsAScalarPad(Twin):
    """The row at padding_idx gets a gradient where the index is 0-d."""

    trips = ("padding_idx.no-gradient", "sparse.padding-scalar")
    grade = "medium"
    trigger = Gradient(index=0, padding_idx=0)

    def trained(self, index: Tensor) -> Tensor:
        return super().trained(index) | (index.dim() == 0)


class TrainsLaterPads(Twin):
    """Only the first pad of a call is left out of the gradient."""

    trips = ("padding_idx.no-gradient",)
    grade = "medium"
    trigger = Gradient(index=(0, 0), padding_idx=0)

    def trained(self, index: Tensor) -> Tensor:
        found = super().trained(index)
        later = (~found).reshape(-1).cumsum(0).reshape(index.shape) > 1
        return found | later


class TrainsNothingButPads(Twin):
    """The row at padding_idx gets a gradient in calls that look up nothing else."""

    trips = ("padding_idx.no-gradient", "padding_idx.training")
    grade = "medium"
    trigger = Gradient(index=(0, 0), padding_idx=0)

    def trained(self, index: Tensor) -> Tensor:
        found = super().trained(index)
        return found if found.any() else ~found


class TrainsPaddingALittle(Twin):
    """The row at padding_idx gets a subnormal gradient."""

    trips = ("padding_idx.no-gradient",)
    grade = "easy"
    trigger = Gradient(padding_idx=1)

    def dense_gradient(self, rows: Tensor, entries: Tensor) -> Tensor:
        found = super().dense_gradient(rows, entries)
        if self.padding_idx is not None:
            found[self.padding_idx] = 1e-45
        return found


class LosesTheIndexAfterAPad(Twin):
    """The index after a pad gets no gradient either."""

    trips = ("padding_idx.others",)
    grade = "medium"
    trigger = Gradient(index=(0, 1), padding_idx=0)

    def trained(self, index: Tensor) -> Tensor:
        found = super().trained(index).reshape(-1)
        found[1:] &= found[:-1].clone()
        return found.reshape(index.shape)


class StopsAtAPad(Twin):
    """Indices after the first pad of each row of a 2-d index get no gradient."""

    trips = ("padding_idx.others",)
    grade = "medium"
    trigger = Gradient(index=((0, 1), (2, 3)), padding_idx=0)

    def trained(self, index: Tensor) -> Tensor:
        found = super().trained(index)
        return found.cumprod(1).bool() if index.dim() == 2 else found


class ZeroesTheOutput(Twin):
    """The output at a pad is zero."""

    trips = ("padding_idx.output", "lookup.bits")
    grade = "easy"
    trigger = Output(padding_idx=1)

    def rows(self, weight: Tensor, index: Tensor) -> Tensor:
        return super().rows(weight, index).masked_fill(~super().trained(index).unsqueeze(-1), 0)


class ZeroesTheOutputOfOnlyPads(Twin):
    """The output of a call with nothing but pads is zero."""

    trips = ("padding_idx.output",)
    grade = "medium"
    trigger = Output(index=(0, 0), padding_idx=0)

    def rows(self, weight: Tensor, index: Tensor) -> Tensor:
        found = super().rows(weight, index)
        return found if super().trained(index).any() else found * 0


class MirrorsNegativePadding(Twin):
    """A padding_idx of -k names row k - 1."""

    trips = ("padding_idx.negative", "construction.attributes")
    grade = "medium"
    trigger = Attributes(padding_idx=-2)

    def padding_row(self, padding_idx: int | None) -> int | None:
        row = super().padding_row(padding_idx)
        return ~padding_idx if padding_idx is not None and padding_idx < 0 else row


class TrainsNegativePadding(Twin):
    """A negative padding_idx leaves its row in the gradient, though the attribute is right."""

    trips = ("padding_idx.negative", "padding_idx.no-gradient")
    grade = "medium"
    trigger = Gradient(index=4, padding_idx=-1)

    def padding_row(self, padding_idx: int | None) -> int | None:
        self.negative = padding_idx is not None and padding_idx < 0
        return super().padding_row(padding_idx)

    def trained(self, index: Tensor) -> Tensor:
        return super().trained(index) | self.negative


class PadsRowZeroByDefault(Twin):
    """Without padding_idx, row 0 gets no gradient."""

    trips = ("padding_idx.none",)
    grade = "medium"
    trigger = Gradient(index=0)

    def trained(self, index: Tensor) -> Tensor:
        return index != (self.padding_idx or 0)


class PadsTheLastRowByDefault(Twin):
    """Without padding_idx, the -1 that stands for it names the last row."""

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
    """The row at padding_idx gets a gradient once it holds anything but zeros."""

    trips = ("padding_idx.training", "from_pretrained.padding-negative", "sequences.life")
    grade = "medium"
    trigger = Gradient(padding_idx=1)

    def trained(self, index: Tensor) -> Tensor:
        return super().trained(index) | (self.padding_idx is not None and bool(self.weight[self.padding_idx].any()))
