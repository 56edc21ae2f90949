"""Embeddings that share or change what is not theirs, or lose what they should keep."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor

from embedding_reference import fault_models
from trigger import Copies, Given, Inputs, Output, Pretrained, Shows, State, long_rows
from twin import Twin


def _shared(embedding: Any, **arguments: Any) -> Any:
    """A tensor that shares the weight's memory, after a call."""
    module = long_rows(embedding, **arguments)
    sharing = module.weight.detach()
    module(torch.tensor([1]))
    return sharing.tolist()


def _same_parameter(embedding: Any, change: Any) -> bool:
    """Whether the weight is the same parameter after a change."""
    module = long_rows(embedding)
    before = module.weight
    change(module)
    return module.weight is before


def _dtype_after(module: Any) -> Any:
    """The weight's dtype after a state of another one was loaded."""
    module.load_state_dict({"weight": torch.zeros(5, 2, dtype=torch.float64)})
    return module.weight.dtype


def _made_by_a_subclass(embedding: Any) -> bool:
    """Whether a subclass's from_pretrained gives the subclass."""
    subclass = type("Subclass", (embedding,), {})
    return type(subclass.from_pretrained(torch.ones(5, 2))) is subclass


# -- memory that is somebody else's ------------------------------------------------------------------------------------


class LoadsIntoANewParameter(Twin):
    """Loading a state makes a new parameter, and an optimiser goes on with the old one."""

    trips = ("sequences.life",)
    grade = "rare"
    trigger = Shows(what=lambda embedding: _same_parameter(embedding, lambda m: m.load_state_dict(m.state_dict())))

    def load_state_dict(self, *arguments: Any, **named: Any) -> Any:
        self.weight = torch.nn.Parameter(self.weight.detach().clone(), requires_grad=self.weight.requires_grad)
        return super().load_state_dict(*arguments, **named)


def _requires_grad_after(embedding: Any) -> bool:
    """Whether a frozen weight requires a gradient after another tensor was assigned."""
    module = embedding(5, 2, _freeze=True)
    module.load_state_dict({"weight": torch.ones(5, 2)}, assign=True)
    return module.weight.requires_grad


class ThawsWhenAssigned(Twin):
    """With assign=True, load_state_dict() makes a frozen weight train."""

    trips = ("module.assign",)
    grade = "medium"
    trigger = Shows(what=_requires_grad_after)

    def load_state_dict(self, state_dict: Any, strict: bool = True, assign: bool = False) -> Any:
        found = super().load_state_dict(state_dict, strict, assign)
        if assign:
            self.weight.requires_grad_(True)
        return found


class ResetsIntoANewParameter(Twin):
    """reset_parameters() makes a new parameter, and an optimiser goes on with the old one."""

    trips = ("construction.reset-in-place", "construction.reset-optimizer")
    grade = "rare"
    trigger = Shows(what=lambda embedding: _same_parameter(embedding, lambda m: m.reset_parameters()))

    def draw(self, weight: Tensor) -> None:
        self.weight = torch.nn.Parameter(torch.empty_like(weight), requires_grad=weight.requires_grad)
        super().draw(self.weight)


class ScalesTheUpstreamGradient(Twin):
    """With scale_grad_by_freq the caller's upstream gradient is divided in place."""

    trips = ("gradient.one-graph-twice",)
    grade = "rare"
    trigger = Inputs(scale_grad_by_freq=True, index=(1, 1))

    def gradient(self, index: Tensor, upstream: Tensor) -> Tensor | None:
        found = super().gradient(index, upstream)
        if self.scale_grad_by_freq and upstream.is_contiguous():
            upstream.div_(self.occurrences(index).unsqueeze(-1))
        return found


class SortsTheIndexInBackward(Twin):
    """The caller's int64 index is sorted by a backward, after it was read."""

    trips = ("gradient.one-graph-twice",)
    grade = "rare"
    trigger = Inputs(index=(3, 1, 2))

    def gradient(self, index: Tensor, upstream: Tensor) -> Tensor | None:
        found = super().gradient(index, upstream)
        if index.dim() == 1 and index.is_contiguous():
            index.copy_(index.sort().values)
        return found


class ClearsPaddingInTheFirstCall(Twin):
    model = fault_models.tables.ClearsThePaddingRow
    where = "at the first lookup"
    trips = ("padding_idx.output",)
    grade = "medium"
    trigger = Output(padding_idx=1)
    called = False

    def positions(self, index: Tensor) -> Tensor:
        if not self.called:
            with torch.no_grad():
                self.clear_padding()
        self.called = True
        return super().positions(index)


# -- copies and states -------------------------------------------------------------------------------------------------


class LosesNormTypeWhenCopied(Twin):
    model = fault_models.arguments.ForgetsNormType
    where = "in a deep copy"
    setting = "deepcopy"
    trips = ("module.copies",)
    grade = "medium"
    trigger = Copies(norm_type=1.0)

    def __deepcopy__(self, memo: dict[int, Any]) -> Twin:
        other = copy.copy(self)
        other.__dict__ = {**copy.deepcopy(self.__dict__, memo), "norm_type": 2.0}
        return other


class LosesSparseWhenSaved(Twin):
    model = fault_models.arguments.ForgetsSparse
    where = "in what torch.save wrote"
    setting = "save"
    trips = ("module.copies",)
    grade = "medium"
    trigger = Copies(sparse=True)

    def __reduce_ex__(self, protocol: Any) -> Any:
        make, arguments, state, *more = super().__reduce_ex__(protocol)
        return make, arguments, {**state, "sparse": state["sparse"] and protocol != 2}, *more


class ThawsARescaledCopy(Twin):
    """A deep copy of a frozen embedding with max_norm is not frozen."""

    trips = ("module.copies",)
    grade = "rare"
    trigger = Copies(max_norm=5.0, freeze=True)

    def __deepcopy__(self, memo: dict[int, Any]) -> Twin:
        other = copy.copy(self)
        other.__dict__ = copy.deepcopy(self.__dict__, memo)
        other.weight.requires_grad_(self.weight.requires_grad or self.max_norm is not None)
        return other


class KeepsPaddingInTheState(Twin):
    """With padding_idx the state has a mask of rows beside the weight."""

    trips = ("module.state",)
    grade = "medium"
    trigger = State(padding_idx=0)

    def prepare(self) -> None:
        if self.padding_idx is not None:
            self.register_buffer("mask", torch.arange(self.num_embeddings) != self.padding_idx)


class RepeatsASingleRow(Twin):
    """A state with a single row is taken for every row of the table."""

    trips = ("module.load-refused",)
    grade = "rare"
    trigger = Shows(what=lambda embedding: long_rows(embedding).load_state_dict({"weight": torch.ones(1, 2)}))

    def load_state_dict(self, state_dict: Any, *arguments: Any, **named: Any) -> Any:
        state = {k: v.expand_as(self.weight) if v.shape[:1] == (1,) else v for k, v in state_dict.items()}
        return super().load_state_dict(state, *arguments, **named)


class ReshapesAState(Twin):
    """A state with the right number of elements is taken, whatever its shape."""

    trips = ("module.load-refused",)
    grade = "rare"
    trigger = Shows(what=lambda embedding: long_rows(embedding).load_state_dict({"weight": torch.ones(2, 5)}))

    def load_state_dict(self, state_dict: Any, *arguments: Any, **named: Any) -> Any:
        count = self.weight.numel()
        state = {k: v.reshape_as(self.weight) if v.numel() == count else v for k, v in state_dict.items()}
        return super().load_state_dict(state, *arguments, **named)


class ReshapesTheGivenWeight(Twin):
    """A _weight with the right number of elements is taken, whatever its shape."""

    trips = ("construction.given-weight-shape",)
    grade = "rare"
    trigger = Shows(what=lambda embedding: tuple(embedding(5, 2, _weight=torch.ones(2, 5)).weight.shape))

    def adopted(self, weight: Tensor, shape: tuple[int, int]) -> Tensor:
        fits = weight.numel() == shape[0] * shape[1]
        return super().adopted(weight.reshape(shape) if fits else weight, shape)


class TakesTheDtypeOfAState(Twin):
    """Loading a state of another dtype changes the weight's dtype."""

    trips = ("module.load-dtype",)
    grade = "rare"
    trigger = Shows(what=lambda embedding: _dtype_after(long_rows(embedding)))

    def load_state_dict(self, state_dict: Any, *arguments: Any, **named: Any) -> Any:
        for table in state_dict.values():
            self.weight.data = self.weight.data.to(table.dtype)
        return super().load_state_dict(state_dict, *arguments, **named)


class WidensWhatIsGiven(Twin):
    model = fault_models.tables.WidensTheWeight
    where = "where from_pretrained is given float16"
    setting = "from_pretrained"
    trips = ("from_pretrained.values",)
    grade = "rare"
    dtype = "float16"
    trigger = Pretrained()

    @classmethod
    def pretrained(cls, embeddings: Tensor, **arguments: Any) -> Twin:
        wide = embeddings.float() if embeddings.dtype is torch.float16 else embeddings
        return super().pretrained(wide, **arguments)


class CopiesAStridedWeightWrong(Twin):
    model = fault_models.tables.ReadsTheWeightInColumnOrder
    where = "where it is given as _weight and is transposed in memory"
    setting = "_weight"
    trips = ("construction.given-weight",)
    grade = "medium"
    trigger = Given(weight_layout="transposed")

    def adopted(self, weight: Tensor, shape: tuple[int, int]) -> Tensor:
        weight = super().adopted(weight, shape)
        transposed = not weight.is_contiguous() and weight.t().is_contiguous()
        return weight.t().reshape(weight.shape) if transposed else weight
