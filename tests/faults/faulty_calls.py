"""Embeddings that remember earlier calls, or are right only in training."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from embedding_reference import fault_models
from trigger import Accumulated, Loaded, Outputs, Shows, Together, long_rows
from twin import Twin, through


def _nine_calls(module: Any) -> Any:
    """What comes out of the last of nine calls."""
    return [module(torch.tensor([n % 5])) for n in range(9)][-1].tolist()


def _stepped(module: Any) -> Any:
    """What comes out after a step of SGD."""
    index = torch.tensor([1, 2])
    module(index).backward(torch.ones(2, 2))
    torch.optim.SGD(module.parameters(), lr=1.0).step()
    return module(index).tolist()


def _side_by_side(one: Any, other: Any) -> Any:
    """The gradients of two embeddings in one graph."""
    (one(torch.tensor([0, 1])) + other(torch.tensor([2, 3]))).backward(torch.ones(2, 2))
    return one.weight.grad.tolist(), other.weight.grad.tolist()


def _weight_after(module: Any, *, gradients: bool = True) -> Any:
    """The weight after a call."""
    with torch.set_grad_enabled(gradients):
        module(torch.tensor([1]))
    return module.weight.tolist()


def _gradient_of(module: Any) -> Any:
    """The gradient of a call."""
    module(torch.tensor([0, 1])).backward(torch.ones(2, 2))
    return module.weight.grad.tolist()


# -- calls before ------------------------------------------------------------------------------------------------------


class DifferentiatesTheFirstIndex(Twin):
    model = fault_models.accumulation.TakesTheFirstIndexForAll
    trips = ("gradient.accumulates",)
    grade = "medium"
    trigger = Accumulated(then=((2, 2, 0), (4, 4, 0)))
    large = 0

    def prepare(self) -> None:
        self.known: dict[torch.Size, Tensor] = {}

    def gradient(self, index: Tensor, upstream: Tensor) -> Tensor | None:
        if index.numel() > self.large:
            index = self.known.setdefault(index.shape, index)
        return super().gradient(index, upstream)


class DifferentiatesTheFirstLargeIndex(DifferentiatesTheFirstIndex):
    model = fault_models.accumulation.TakesTheFirstIndexForAll
    where = "in calls with more than 64 indices"
    grade = "rare"
    trigger = Accumulated(index=(0,) * 65, then=(1,) * 65)
    large = 64


class LooksUpTheFirstIndexFromTheNinthCallOn(Twin):
    """From the ninth call on the index of the first call is looked up where it has the same shape."""

    trips = ("sequences.life",)
    grade = "rare"
    trigger = Shows(what=lambda embedding: _nine_calls(long_rows(embedding)))

    def prepare(self) -> None:
        self.calls: list[Tensor] = []

    def rows(self, weight: Tensor, index: Tensor) -> Tensor:
        self.calls.append(index)
        ninth = len(self.calls) > 8 and self.calls[0].shape == index.shape
        return super().rows(weight, self.calls[0] if ninth else index)


class LosesTheThirdGradient(Twin):
    model = fault_models.accumulation.KeepsTwoLookups
    trips = ("sequences.life",)
    grade = "rare"
    trigger = Accumulated()
    backwards = 0

    def gradient(self, index: Tensor, upstream: Tensor) -> Tensor | None:
        self.backwards = 1 if self.weight.grad is None else self.backwards + 1
        return super().gradient(index, upstream if self.backwards < 3 else torch.zeros_like(upstream))


class RescalesARowOnceInItsLife(Twin):
    model = fault_models.max_norm.IgnoresMaxNorm
    where = "for a row that was looked up before"
    setting = "used"
    trips = ("sequences.life",)
    grade = "rare"
    trigger = Loaded(shape=(2, 2), weight=(3, 4, 6, 8), index=(0, 1), max_norm=5.0)

    def prepare(self) -> None:
        self.known: set[int] = set()

    def renormalise_row(self, row: int) -> None:
        if row not in self.known:
            super().renormalise_row(row)
        self.known.add(row)


class LooksUpInACopy(Twin):
    """After a backward, lookups read a copy of the weight until the next backward, as if no optimiser changed it."""

    trips = ("sequences.life",)
    grade = "rare"
    trigger = Shows(what=lambda embedding: _stepped(long_rows(embedding)))
    copied: Tensor | None = None

    def gradient(self, index: Tensor, upstream: Tensor) -> Tensor | None:
        self.copied = self.weight.detach().clone()
        return super().gradient(index, upstream)

    def rows(self, weight: Tensor, index: Tensor) -> Tensor:
        return super().rows(weight if self.copied is None else self.copied, index)


class WritesOverItsOutput(Twin):
    """Outputs of one shape share memory, so that a call overwrites the output of the one before."""

    trips = ("sequences.life",)
    grade = "rare"
    trigger = Outputs(then=((2, 2, 0), (4, 4, 0)))

    def prepare(self) -> None:
        self.known: dict[torch.Size, Tensor] = {}

    def rows(self, weight: Tensor, index: Tensor) -> Tensor:
        found = super().rows(weight, index)
        return self.known.setdefault(found.shape, torch.empty_like(found)).copy_(found).detach()


class TrainsWithAnotherTablesIndex(Twin):
    """A lookup in another embedding between forward and backward gives this one its index."""

    trips = ("gradient.two-tables",)
    grade = "rare"
    trigger = Shows(what=lambda embedding: _side_by_side(long_rows(embedding), long_rows(embedding)))
    latest: tuple[Any, Tensor] | None = None

    def rows(self, weight: Tensor, index: Tensor) -> Tensor:
        TrainsWithAnotherTablesIndex.latest = id(self), index
        return super().rows(weight, index)

    def gradient(self, index: Tensor, upstream: Tensor) -> Tensor | None:
        assert self.latest is not None
        owner, other = self.latest
        fits = owner != id(self) and other.shape == index.shape and self._in_range(other)
        return super().gradient(other if fits else index, upstream)

    def _in_range(self, index: Tensor) -> bool:
        return bool((index < self.num_embeddings).all())


class AnswersTogetherInReverse(Twin):
    model = fault_models.accumulation.MixesUpLookups
    where = "in one graph"
    setting = "together"
    trips = ("gradient.one-graph",)
    grade = "medium"
    trigger = Together(then=((2, 2, 0), (4, 4, 0)))

    def prepare(self) -> None:
        self.pending: list[Tensor] = []

    def rows(self, weight: Tensor, index: Tensor) -> Tensor:
        self.pending.append(index)
        return super().rows(weight, index)

    def gradient(self, index: Tensor, upstream: Tensor) -> Tensor | None:
        first = self.pending.pop(0)
        return super().gradient(first if first.shape == index.shape else index, upstream)


# -- modes -------------------------------------------------------------------------------------------------------------


class TrainsPaddingInEvaluation(Twin):
    model = fault_models.padding_idx.IgnoresPadding
    where = "in evaluation"
    setting = "evaluation"
    trips = ("module.mode",)
    grade = "rare"
    trigger = Shows(what=lambda embedding: _gradient_of(long_rows(embedding, padding_idx=0).eval()))

    def trained(self, index: Tensor) -> Tensor:
        return super().trained(index) | (not self.training)


class RescalesOnlyWithGradients(Twin):
    model = fault_models.max_norm.IgnoresMaxNorm
    where = "under no_grad"
    setting = "no_grad"
    trips = ("max_norm.no-grad",)
    grade = "rare"
    trigger = Shows(what=lambda embedding: _weight_after(long_rows(embedding, max_norm=5.0), gradients=False))

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        self.skipped = not torch.is_grad_enabled()
        return super().forward(input)

    def renormalise(self, index: Tensor) -> None:
        if not self.skipped:
            super().renormalise(index)


class RoundsUnderNoGrad(Twin):
    model = fault_models.outputs.RoundsTheOutputToBfloat16
    where = "under no_grad"
    setting = "no_grad"
    trips = ("gradient.no-grad",)
    grade = "medium"
    trigger = Shows(what=lambda embedding: _without_gradients(_thirds(embedding)))

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        output = super().forward(input)
        return output if torch.is_grad_enabled() else through(output, torch.bfloat16)


def _thirds(embedding: Any) -> Any:
    """A weight of thirds, which no format holds exactly."""
    module = embedding(3, 2)
    module.weight.data.fill_(1 / 3)
    return module


def _without_gradients(module: Any) -> Any:
    """What comes out under no_grad."""
    with torch.no_grad():
        return module(torch.tensor([1])).tolist()


class RequiresAGradientUnderNoGrad(Twin):
    """Under no_grad the output still requires a gradient."""

    trips = ("gradient.no-grad",)
    grade = "rare"
    trigger = Shows(what=lambda embedding: torch.no_grad()(long_rows(embedding))(torch.tensor([1])).requires_grad)

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        return super().forward(input).requires_grad_(self.weight.requires_grad)
