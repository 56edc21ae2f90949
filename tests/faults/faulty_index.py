"""Embeddings that misread the index, or take one that they should refuse."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import torch
from torch import Tensor

from embedding_reference import fault_models
from trigger import Inputs, Output, Shows, summed
from twin import Twin, in_storage_order


def _raised(module: Any, index: Tensor) -> str:
    """What a call raises: "TypeError", "another" or "nothing"."""
    try:
        module(index)
    except TypeError:
        return "TypeError"
    except Exception:  # noqa: BLE001 - any other will do
        return "another"
    return "nothing"


def _left(module: Any, index: Tensor) -> Any:
    """A weight and a gradient of ones, and the index, after a call that is refused; and whether another one is."""
    module.weight.data = torch.ones(5, 3)
    module.weight.grad = torch.ones(5, 3)
    with suppress(IndexError):
        module(index)
    left = module.weight.tolist(), summed(module.weight.grad), index.tolist()
    return left, module(torch.tensor(0)).shape


# -- the index ---------------------------------------------------------------------------------------------------------


class ReadsInt32Backwards(Twin):
    model = fault_models.lookups.ReadsTheIndexInReverse
    where = "for int32 indices"
    trips = ("lookup.index-dtype",)
    grade = "medium"
    trigger = Output(index_dtype=torch.int32)

    def positions(self, index: Tensor) -> Tensor:
        found = super().positions(index)
        return found.flatten().flip(0).reshape(found.shape) if index.dtype == torch.int32 else found


class RefusesInt32(Twin):
    """int32 indices are refused."""

    trips = ("lookup.index-dtype",)
    grade = "medium"
    trigger = Output(index_dtype=torch.int32)

    def check_dtype(self, index: Tensor) -> None:
        if index.dtype != torch.int64:
            raise TypeError("indices must be int64")


class IgnoresIndexStrides(Twin):
    """The index is read in the order of its memory."""

    trips = ("lookup.layout",)
    grade = "medium"
    trigger = Output(index_layout="transposed")

    def positions(self, index: Tensor) -> Tensor:
        return super().positions(in_storage_order(index))


class SwapsTheFirstOfThreeDimensions(Twin):
    model = fault_models.lookups.ReadsTheIndexWithDimensionsSwapped
    where = "where it has three dimensions"
    trips = ("lookup.bits",)
    grade = "medium"
    trigger = Output(index=(((0, 1), (2, 3), (4, 0)), ((1, 2), (3, 4), (0, 1))))

    def positions(self, index: Tensor) -> Tensor:
        read = super().positions(index)
        return read.transpose(0, 1).reshape(index.shape) if index.dim() == 3 else read


class SortsTheIndex(Twin):
    """The caller's index is sorted in place, after it was read."""

    trips = ("lookup.inputs-unchanged",)
    grade = "medium"
    trigger = Inputs(index=(3, 1, 2))

    def positions(self, index: Tensor) -> Tensor:
        found = super().positions(index).clone()
        if index.dim():
            index.copy_(index.sort().values)
        return found


# -- refusals ----------------------------------------------------------------------------------------------------------


class ClampsIndices(Twin):
    model = fault_models.refused_lookups.ClampsTheIndex
    trips = ("lookup.out-of-range", "lookup.refusal-changes-nothing")
    grade = "easy"
    trigger = Output(index=5)

    def check_range(self, index: Tensor) -> None:
        """Allow any."""

    def positions(self, index: Tensor) -> Tensor:
        return super().positions(index).clamp(0, self.num_embeddings - 1)


class CountsFromTheEnd(Twin):
    model = fault_models.refused_lookups.CountsNegativeFromTheEnd
    trips = ("lookup.out-of-range",)
    grade = "easy"
    trigger = Output(index=-1)

    def check_range(self, index: Tensor) -> None:
        super().check_range(self.positions(index))

    def positions(self, index: Tensor) -> Tensor:
        return torch.where(index < 0, index + self.num_embeddings, index).to(torch.int64)


class ReadsOneRowTooFar(Twin):
    model = fault_models.refused_lookups.TakesTheEnd
    trips = ("lookup.out-of-range",)
    grade = "medium"
    trigger = Output(index=5)

    def check_range(self, index: Tensor) -> None:
        super().check_range(self.positions(index))

    def positions(self, index: Tensor) -> Tensor:
        return index.masked_fill(index == self.num_embeddings, self.num_embeddings - 1).to(torch.int64)


class TruncatesTo32Bits(Twin):
    model = fault_models.refused_lookups.CutsTheIndexTo32Bits
    trips = ("lookup.out-of-range",)
    grade = "rare"
    trigger = Output(index=2**32)

    def check_range(self, index: Tensor) -> None:
        super().check_range(self.positions(index))

    def positions(self, index: Tensor) -> Tensor:
        return index.to(torch.int32).to(torch.int64)


class ChecksTheFirstIndex(Twin):
    model = fault_models.refused_lookups.TakesTheFirstRowForAnyOutOfRange
    where = "unless it is the first of a call"
    trips = ("lookup.out-of-range",)
    grade = "medium"
    trigger = Output(index=(0, 5))

    def check_range(self, index: Tensor) -> None:
        super().check_range(index.reshape(-1)[:1])

    def positions(self, index: Tensor) -> Tensor:
        return index.masked_fill((index < 0) | (index >= self.num_embeddings), 0).to(torch.int64)


class ChecksInTrainingAlone(Twin):
    model = fault_models.refused_lookups.ClampsTheIndex
    where = "in evaluation"
    setting = "evaluation"
    trips = ("lookup.out-of-range",)
    grade = "medium"
    trigger = Shows(what=lambda embedding: _raised(embedding(5, 3, _freeze=True).eval(), torch.tensor(5)))

    def check_range(self, index: Tensor) -> None:
        if self.training:
            super().check_range(index)

    def positions(self, index: Tensor) -> Tensor:
        return super().positions(index).clamp(0, self.num_embeddings - 1)


class RefusesWithTheWrongException(Twin):
    """An index out of range raises TypeError."""

    trips = ("lookup.refusal-class",)
    grade = "easy"
    trigger = Shows(what=lambda embedding: _raised(embedding(5, 3), torch.tensor(5)))

    def check_range(self, index: Tensor) -> None:
        try:
            super().check_range(index)
        except IndexError as error:
            raise TypeError(*error.args) from error


class RenormalisesBeforeItRefuses(Twin):
    model = fault_models.refused_lookups.RescalesBeforeItRefuses
    trips = ("lookup.refusal-changes-nothing",)
    grade = "medium"
    trigger = Shows(what=lambda embedding: _left(embedding(5, 3, max_norm=0.5), torch.tensor([0, 5])), alike=False)

    def check_range(self, index: Tensor) -> None:
        if self.max_norm is not None:
            with torch.no_grad():
                self.renormalise(index[(index >= 0) & (index < self.num_embeddings)])
        super().check_range(index)


class SortsBeforeItRefuses(Twin):
    """The caller's index is sorted in place before it is checked."""

    trips = ("lookup.refusal-keeps-index",)
    grade = "medium"
    trigger = Shows(what=lambda embedding: _left(embedding(5, 3), torch.tensor([5, 0])))

    def check_range(self, index: Tensor) -> None:
        if index.dim():
            index.copy_(index.sort().values)
        super().check_range(index)


class ClearsTheGradientWhenItRefuses(Twin):
    """A refused lookup clears the gradient."""

    trips = ("lookup.refusal-keeps-gradient",)
    grade = "medium"
    trigger = Shows(what=lambda embedding: _left(embedding(5, 3), torch.tensor(5)))

    def check_range(self, index: Tensor) -> None:
        try:
            super().check_range(index)
        except IndexError:
            self.weight.grad = None
            raise


class RefusesForGood(Twin):
    """After a refused lookup every other one is refused too."""

    trips = ("lookup.refusal-keeps-gradient",)
    grade = "medium"
    trigger = Shows(what=lambda embedding: _left(embedding(5, 3), torch.tensor(5)))
    refused = False

    def check_range(self, index: Tensor) -> None:
        last, self.refused = self.refused, True
        if last:
            raise IndexError("an index was out of range")
        super().check_range(index)
        self.refused = False


class TakesAnIndexWithoutContent(Twin):
    """An index on the meta device gives the first row everywhere."""

    trips = ("lookup.other-device",)
    grade = "medium"
    trigger = Shows(what=lambda embedding: embedding(5, 3)(torch.tensor(1, device="meta")).shape, alike=False)

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        return super().forward(torch.zeros(input.shape, dtype=input.dtype) if input.is_meta else input)


class TruncatesFloats(Twin):
    model = fault_models.refused_lookups.TruncatesAFloatingPointIndex
    trips = ("lookup.wrong-index-dtype",)
    grade = "easy"
    trigger = Output(index_dtype=torch.float32)

    def check_dtype(self, index: Tensor) -> None:
        if not index.is_floating_point():
            super().check_dtype(index)


class TakesBooleans(Twin):
    model = fault_models.refused_lookups.TakesBooleansForNumbers
    trips = ("lookup.wrong-index-dtype",)
    grade = "medium"
    trigger = Output(index=(True, False), index_dtype=torch.bool)

    def check_dtype(self, index: Tensor) -> None:
        if index.dtype != torch.bool:
            super().check_dtype(index)


class TakesAnEmptyFloatIndex(Twin):
    model = fault_models.refused_lookups.TruncatesAFloatingPointIndex
    where = "where it is empty"
    trips = ("lookup.wrong-index-dtype",)
    grade = "rare"
    trigger = Output(index=(), index_dtype=torch.float32)

    def check_dtype(self, index: Tensor) -> None:
        if index.numel() or not index.is_floating_point():
            super().check_dtype(index)


class TakesBytesForAMask(Twin):
    """A uint8 index is taken for zeros and ones."""

    trips = ("lookup.narrow-index-dtype",)
    grade = "medium"
    trigger = Output(index_dtype=torch.uint8)

    def check_dtype(self, index: Tensor) -> None:
        if index.dtype != torch.uint8:
            super().check_dtype(index)

    def positions(self, index: Tensor) -> Tensor:
        return super().positions(index.bool() if index.dtype == torch.uint8 else index)
