"""Embeddings whose gradient is right once, and wrong where the graph is used in another way."""

from __future__ import annotations

import torch
from torch import Tensor

from embedding_reference import fault_models
from trigger import Inputs, SecondOrder, Tables, Twice
from twin import Twin

# -- several tables, several backwards ---------------------------------------------------------------------------------


class MixesUpTables(Twin):
    """Every backward takes the latest index that any table was given, cut or repeated to fit."""

    trips = ("gradient.two-tables",)
    grade = "medium"
    trigger = Tables(then=(2, 0))
    latest = torch.tensor([0])

    def positions(self, index: Tensor) -> Tensor:
        found = super().positions(index)
        if found.numel():
            MixesUpTables.latest = found.reshape(-1)
        return found

    def gradient(self, index: Tensor, upstream: Tensor) -> Tensor | None:
        places = torch.arange(index.numel()) % len(self.latest)
        return super().gradient(self.latest[places].reshape(index.shape), upstream)


class KeepsNothing(Twin):
    model = fault_models.accumulation.TakesZerosForTheIndex
    where = "in a second backward through one graph"
    setting = "again"
    trips = ("gradient.one-graph-twice",)
    grade = "medium"
    trigger = Twice()

    def positions(self, index: Tensor) -> Tensor:
        return super().positions(index).clone()

    def gradient(self, index: Tensor, upstream: Tensor) -> Tensor | None:
        found = super().gradient(index, upstream)
        index.data.zero_()
        return found


class AddsTheOtherWayRound(Twin):
    """Duplicates are added from the first to the last by one backward, and from the last to the first by the next."""

    trips = ("gradient.deterministic", "gradient.repeatable")
    grade = "rare"
    trigger = Twice(index=(1, 1, 1), upstream=(2**24, 1, 1), shape=(5, 1))
    calls = 0

    def dense_gradient(self, rows: Tensor, entries: Tensor) -> Tensor:
        self.calls += 1
        backwards = [0] * (self.calls % 2)
        return super().dense_gradient(rows.flip(backwards), entries.flip(backwards))


# -- what backward is given --------------------------------------------------------------------------------------------


class MasksUpstreamInPlace(Twin):
    """The caller's upstream gradient is set to zero at pads."""

    trips = ("gradient.inputs-unchanged",)
    grade = "medium"
    trigger = Inputs(padding_idx=1)

    def gradient(self, index: Tensor, upstream: Tensor) -> Tensor | None:
        upstream[~self.trained(index)] = 0
        return super().gradient(index, upstream)


class SortsTheIndexInBackward(Twin):
    """A backward sorts the caller's index in place."""

    trips = ("gradient.inputs-unchanged",)
    grade = "medium"
    trigger = Inputs(index=(3, 1, 2))

    def gradient(self, index: Tensor, upstream: Tensor) -> Tensor | None:
        found = super().gradient(index, upstream)
        if index.dim():
            index.copy_(index.sort().values)
        return found


# -- second order ------------------------------------------------------------------------------------------------------


class IsAConstant(Twin):
    model = fault_models.second_order.IsAConstant
    setting = "second order"
    trips = ("gradient.second-order", "sparse.second-order")
    grade = "easy"
    trigger = SecondOrder()

    def gradient(self, index: Tensor, upstream: Tensor) -> Tensor | None:
        found = super().gradient(index, upstream)
        return None if found is None else found.detach()


class _DiffersTheSecondTime(Twin):
    """The gradient is right, and its derivative is not."""

    def gradient(self, index: Tensor, upstream: Tensor) -> Tensor | None:
        # A zero, as long as it is not differentiated; infinity minus infinity would be none.
        zero = torch.where(upstream.isfinite(), upstream - upstream.detach(), 0)
        return super().gradient(index, self.changed(index, upstream, zero))

    def changed(self, index: Tensor, upstream: Tensor, zero: Tensor) -> Tensor:
        raise NotImplementedError


class DoublesTheSecondDerivative(_DiffersTheSecondTime):
    model = fault_models.second_order.DoublesTheSecondDerivative
    setting = "second order"
    trips = ("gradient.second-order",)
    grade = "easy"
    trigger = SecondOrder()

    def changed(self, index: Tensor, upstream: Tensor, zero: Tensor) -> Tensor:  # noqa: ARG002
        return upstream + zero


class IgnoresFrequencyTheSecondTime(_DiffersTheSecondTime):
    model = fault_models.second_order.IgnoresFrequencyTheSecondTime
    setting = "second order"
    trips = ("scale_grad_by_freq.second-order",)
    grade = "medium"
    trigger = SecondOrder(index=(1, 1), scale_grad_by_freq=True, alike=False)

    def changed(self, index: Tensor, upstream: Tensor, zero: Tensor) -> Tensor:
        return upstream + zero * (self.occurrences(index).unsqueeze(-1) - 1)


class TrainsPadsTheSecondTime(_DiffersTheSecondTime):
    model = fault_models.second_order.TrainsPadsTheSecondTime
    setting = "second order"
    trips = ("gradient.second-order-padding",)
    grade = "medium"
    trigger = SecondOrder(padding_idx=1)

    def changed(self, index: Tensor, upstream: Tensor, zero: Tensor) -> Tensor:
        return torch.where(super().trained(index).unsqueeze(-1), upstream, zero)

    def trained(self, index: Tensor) -> Tensor:
        return torch.ones_like(index, dtype=torch.bool)


class FailsOnNothingTheSecondTime(Twin):
    """The gradient of an empty index cannot be differentiated."""

    trips = ("gradient.second-order-empty",)
    grade = "rare"
    trigger = SecondOrder(index=(), alike=False)

    def gradient(self, index: Tensor, upstream: Tensor) -> Tensor | None:
        if upstream.requires_grad and not index.numel():
            raise RuntimeError("there is nothing to differentiate")
        return super().gradient(index, upstream)
