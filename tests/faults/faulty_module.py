"""Embeddings that keep, copy or show their state wrong."""

from __future__ import annotations

import copy
from contextlib import suppress
from typing import Any

import torch
from torch import Tensor

from embedding_reference import fault_models
from trigger import After, Attributes, Copies, Loaded, Output, Shows, State
from twin import Twin, through

ONE_TOO_MANY = {"weight": torch.zeros(5, 3), "bias": torch.zeros(5)}


def _left_by_a_refused_state(embedding: Any, state: dict[str, Tensor]) -> Any:
    """The weight of ones after a state was refused."""
    module = embedding(5, 3)
    module.weight.data = torch.ones(5, 3)
    with suppress(RuntimeError):
        module.load_state_dict(state)
    return module.weight.tolist()


def _loaded_and_changed(module: Any) -> None:
    """Load a state, and change the weight then."""
    module.load_state_dict({"weight": -module.weight.detach()})
    module.weight.data.add_(1)


class KeepsABuffer(Twin):
    """The state has a counter beside the weight."""

    trips = ("module.state",)
    grade = "easy"
    trigger = State()

    def prepare(self) -> None:
        self.register_buffer("calls", torch.zeros(()))


class RenamesTheWeight(Twin):
    """The weight is called table in the state."""

    trips = ("module.state", "module.load")
    grade = "easy"
    trigger = State()

    def state_dict(self, *arguments: Any, **named: Any) -> Any:
        return {"table": super().state_dict(*arguments, **named)["weight"]}

    def load_state_dict(self, state_dict: Any, *arguments: Any, **named: Any) -> Any:
        state = {"weight" if name == "table" else f"no {name}": value for name, value in state_dict.items()}
        return super().load_state_dict(state, *arguments, **named)


class RoundsTheState(Twin):
    model = fault_models.tables.RoundsTheWeightToBfloat16
    where = "in the state"
    setting = "load"
    trips = ("module.state",)
    grade = "easy"
    trigger = State(weight=(0.1,))

    def state_dict(self, *arguments: Any, **named: Any) -> Any:
        state = super().state_dict(*arguments, **named)
        return {name: through(value, torch.bfloat16) for name, value in state.items()}


class LeavesPaddingOutOfTheState(Twin):
    model = fault_models.tables.ClearsThePaddingRow
    where = "in the state"
    setting = "load"
    trips = ("module.state",)
    grade = "medium"
    trigger = State(padding_idx=1)

    def state_dict(self, *arguments: Any, **named: Any) -> Any:
        state = {name: value.clone() for name, value in super().state_dict(*arguments, **named).items()}
        if self.padding_idx is not None:
            state["weight"][self.padding_idx] = 0
        return state


class ClearsPaddingWhenLoading(Twin):
    model = fault_models.tables.ClearsThePaddingRow
    where = "where a state is loaded"
    setting = "load"
    trips = ("module.load",)
    grade = "medium"
    trigger = Loaded(padding_idx=1)

    def load_state_dict(self, *arguments: Any, **named: Any) -> Any:
        answer = super().load_state_dict(*arguments, **named)
        with torch.no_grad():
            self.clear_padding()
        return answer


class KeepsAFrozenWeightWhenLoading(Twin):
    """Loading a state leaves a frozen weight as it is."""

    trips = ("module.load",)
    grade = "medium"
    trigger = Loaded(freeze=True)

    def load_state_dict(self, state_dict: Any, *arguments: Any, **named: Any) -> Any:
        state = state_dict if self.weight.requires_grad else self.state_dict()
        return super().load_state_dict(state, *arguments, **named)


class LoadsWhatFits(Twin):
    """Loading a state takes what has the right name and shape, and ignores the rest."""

    trips = ("module.load-refused",)
    grade = "easy"
    trigger = Shows(what=lambda embedding: embedding(5, 3).load_state_dict({"table": torch.zeros(5, 3)}))

    def load_state_dict(self, state_dict: Any, *arguments: Any, **named: Any) -> Any:
        fits = {k: v for k, v in state_dict.items() if k == "weight" and v.shape == self.weight.shape}
        return super().load_state_dict({**self.state_dict(), **fits}, *arguments, **named)


class IgnoresOtherKeys(Twin):
    """Loading a state takes the weight and ignores every other key."""

    trips = ("module.load-refused",)
    grade = "medium"
    trigger = Shows(what=lambda embedding: embedding(5, 3).load_state_dict(ONE_TOO_MANY))

    def load_state_dict(self, state_dict: Any, *arguments: Any, **named: Any) -> Any:
        return super().load_state_dict({k: v for k, v in state_dict.items() if k == "weight"}, *arguments, **named)


class ChecksKeysFirst(Twin):
    """Loading a state with a key too many changes nothing."""

    trips = ("module.load-extra-key",)
    grade = "medium"
    trigger = Shows(what=lambda embedding: _left_by_a_refused_state(embedding, ONE_TOO_MANY))

    def load_state_dict(self, state_dict: Any, *arguments: Any, **named: Any) -> Any:
        if set(state_dict) != {"weight"}:
            raise RuntimeError("the keys do not match")
        return super().load_state_dict(state_dict, *arguments, **named)


class ReplacesTheWeightWhenLoading(Twin):
    """Loading a state puts a new tensor in the weight's place."""

    trips = ("module.load-in-place",)
    grade = "easy"
    trigger = Loaded()

    def load_state_dict(self, state_dict: Any, *arguments: Any, **named: Any) -> Any:
        self.weight.data = self.weight.data.clone()
        return super().load_state_dict(state_dict, *arguments, **named)


class LoadsBeforeItRefuses(Twin):
    """Loading a table with too many rows copies the first ones before it is refused."""

    trips = ("module.load-refused",)
    grade = "medium"
    trigger = Shows(what=lambda embedding: _left_by_a_refused_state(embedding, {"weight": torch.zeros(6, 3)}))

    def load_state_dict(self, state_dict: Any, *arguments: Any, **named: Any) -> Any:
        with torch.no_grad():
            for table in state_dict.values():
                self.weight.copy_(table[: self.num_embeddings])
        return super().load_state_dict(state_dict, *arguments, **named)


class SharesItsDeepCopy(Twin):
    """A deep copy shares the weight."""

    trips = ("module.copies",)
    grade = "easy"
    trigger = Copies()

    def __deepcopy__(self, memo: dict[int, Any]) -> Twin:
        return copy.copy(self)


class LosesPaddingWhenPickled(Twin):
    model = fault_models.arguments.ForgetsPadding
    where = "where it is pickled"
    setting = "pickle"
    trips = ("module.copies",)
    grade = "medium"
    trigger = Copies(padding_idx=1)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "padding_idx": None}


class LosesNormTypeWhenPickled(Twin):
    model = fault_models.arguments.ForgetsNormType
    where = "where it is unpickled"
    setting = "pickle"
    trips = ("module.copies",)
    grade = "medium"
    trigger = Copies(norm_type=1.0)

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__({**state, "norm_type": 2.0})


class ThawsWhenPickled(Twin):
    """Unpickling thaws a frozen weight."""

    trips = ("module.copies",)
    grade = "medium"
    trigger = Copies(freeze=True)

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self.weight.requires_grad_()


class RoundsWhenCopied(Twin):
    model = fault_models.tables.RoundsTheWeightToBfloat16
    where = "in a deep copy"
    setting = "deepcopy"
    trips = ("module.copies",)
    grade = "easy"
    trigger = Copies(weight=(0.1,))

    def __deepcopy__(self, memo: dict[int, Any]) -> Twin:
        other = copy.copy(self)
        other.__dict__ = copy.deepcopy(self.__dict__, memo)
        other.weight.data = through(other.weight.data, torch.bfloat16)
        return other


class ThawsTheWeightWhenCopied(Twin):
    """A deep copy makes the original weight forget that it is frozen."""

    trips = ("module.copies",)
    grade = "medium"
    trigger = Copies(freeze=True)

    def __deepcopy__(self, memo: dict[int, Any]) -> Twin:
        other = copy.copy(self)
        other.__dict__ = copy.deepcopy(self.__dict__, memo)
        other.weight.requires_grad_()
        return other


class HidesMaxNorm(Twin):
    """The repr leaves out max_norm."""

    trips = ("module.repr",)
    grade = "medium"
    trigger = Attributes(max_norm=2.0)

    def extra_repr(self) -> str:
        return ", ".join(part for part in super().extra_repr().split(", ") if "max_norm" not in part)


class HidesRowZero(Twin):
    """The repr leaves out a padding_idx of 0."""

    trips = ("module.repr",)
    grade = "rare"
    trigger = Attributes(padding_idx=0)

    def extra_repr(self) -> str:
        return super().extra_repr().replace(", padding_idx=0", "")


class SwapsSizesInTheRepr(Twin):
    """The repr has the sizes in the wrong order."""

    trips = ("module.repr",)
    grade = "easy"
    trigger = Attributes()

    def extra_repr(self) -> str:
        rows, columns, *more = super().extra_repr().split(", ")
        return ", ".join([columns, rows, *more])


class RoundsInTheRepr(Twin):
    """The repr shows norm_type without its fraction."""

    trips = ("module.repr",)
    grade = "medium"
    trigger = Attributes(norm_type=1.5)

    def extra_repr(self) -> str:
        return super().extra_repr().replace(f"norm_type={self.norm_type}", f"norm_type={self.norm_type:.0f}")


# -- modes, gradients, casts -------------------------------------------------------------------------------------------


class HasNoMode(Twin):
    """train() and eval() do nothing."""

    trips = ("module.mode", "sequences.life")
    grade = "easy"
    trigger = After(step=lambda module: module.eval())

    def train(self, mode: bool = True) -> Twin:  # noqa: ARG002
        return self


class AddsNoiseInTraining(Twin):
    model = fault_models.outputs.ScalesTheOutputAsDropoutDoes
    where = "in training"
    trips = ("module.mode",)
    grade = "easy"
    trigger = Output()

    def rows(self, weight: Tensor, index: Tensor) -> Tensor:
        return super().rows(weight, index) / (0.9 if self.training else 1)


class TrainsOnlyInTraining(Twin):
    model = fault_models.gradients.GivesNoGradient
    where = "in evaluation"
    setting = "evaluation"
    trips = ("module.mode", "sequences.life")
    grade = "easy"
    trigger = After(step=lambda module: module.eval())

    def gradient(self, index: Tensor, upstream: Tensor) -> Tensor | None:
        return super().gradient(index, upstream if self.training else torch.zeros_like(upstream))


class KeepsTheGradient(Twin):
    """zero_grad() does nothing."""

    trips = ("module.zero-grad", "sequences.life")
    grade = "easy"
    trigger = After(step=lambda module: module.zero_grad())

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Keep it."""


class AlwaysForgetsTheGradient(Twin):
    """zero_grad(set_to_none=False) leaves no gradient."""

    trips = ("module.zero-grad",)
    grade = "medium"
    trigger = After(step=lambda module: module.zero_grad(set_to_none=False))

    def zero_grad(self, set_to_none: bool = True) -> None:  # noqa: ARG002
        super().zero_grad(set_to_none=True)


class CastsThroughBfloat16(Twin):
    model = fault_models.tables.RoundsTheWeightToBfloat16
    where = "by a cast"
    setting = "cast"
    trips = ("module.cast", "sequences.life")
    grade = "easy"
    trigger = After(weight=(257,), step=lambda module: module.double())

    def _apply(self, *arguments: Any, **named: Any) -> Twin:
        self.weight.data = through(self.weight.data, torch.bfloat16)
        return super()._apply(*arguments, **named)


class TruncatesWhenCast(Twin):
    """A cast to float16 cuts off the last bits, towards zero."""

    trips = ("module.cast",)
    grade = "medium"
    trigger = After(weight=(2051,), step=lambda module: module.half())

    def _apply(self, *arguments: Any, **named: Any) -> Twin:
        exact = self.weight.data.clone()
        answer = super()._apply(*arguments, **named)
        if self.weight.dtype is torch.float16:
            above = self.weight.data.to(exact.dtype).abs() > exact.abs()
            down = self.weight.data.nextafter(torch.zeros_like(self.weight.data))
            self.weight.data = torch.where(above, down, self.weight.data)
        return answer


class MistakesHalf(Twin):
    """half() casts to bfloat16."""

    trips = ("module.cast",)
    grade = "medium"
    trigger = After(step=lambda module: module.half())

    def half(self) -> Twin:
        return self.bfloat16()


class ThawsWhenCast(Twin):
    """A cast thaws a frozen weight."""

    trips = ("module.cast",)
    grade = "medium"
    trigger = After(freeze=True, step=lambda module: module.double())

    def _apply(self, *arguments: Any, **named: Any) -> Twin:
        answer = super()._apply(*arguments, **named)
        self.weight.requires_grad_()
        return answer


class LosesPaddingWhenCast(Twin):
    model = fault_models.arguments.ForgetsPadding
    where = "by a cast"
    setting = "cast"
    trips = ("module.cast", "module.cast-works", "module.to-meta", "sequences.life")
    grade = "medium"
    trigger = After(padding_idx=1, step=lambda module: module.double())

    def _apply(self, *arguments: Any, **named: Any) -> Twin:
        self.padding_idx = None
        return super()._apply(*arguments, **named)


class RemembersItsPrecision(Twin):
    model = fault_models.accumulation.RoundsSumsToFloat32
    where = "where the weight was made in that"
    setting = "made in float32"
    trips = ("module.cast-works", "sequences.life")
    grade = "rare"
    trigger = After(upstream=(2**24 + 1,), step=lambda module: module.double())

    def _apply(self, *arguments: Any, **named: Any) -> Twin:
        self.first = getattr(self, "first", self.weight.dtype)
        return super()._apply(*arguments, **named)

    def dense_gradient(self, rows: Tensor, entries: Tensor) -> Tensor:
        return super().dense_gradient(rows, entries).to(self.first).to(self.weight.dtype)


class StaysWhereItIs(Twin):
    """to("meta") does nothing."""

    trips = ("module.to-meta",)
    grade = "easy"
    trigger = Shows(what=lambda embedding: embedding(5, 3).to("meta").weight.device)

    def to(self, *arguments: Any, **named: Any) -> Twin:
        return self if "meta" in arguments else super().to(*arguments, **named)


class NeverThaws(Twin):
    model = fault_models.gradients.GivesNoGradient
    where = "once the weight was frozen"
    setting = "thawed"
    trips = ("sequences.life",)
    grade = "rare"
    trigger = After(freeze=True, step=lambda module: module.requires_grad_())
    frozen = False

    def gradient(self, index: Tensor, upstream: Tensor) -> Tensor | None:
        return super().gradient(index, torch.zeros_like(upstream) if self.frozen else upstream)

    def rows(self, weight: Tensor, index: Tensor) -> Tensor:
        self.frozen = self.frozen or not self.weight.requires_grad
        return super().rows(weight, index)


class LooksUpWhatWasLoaded(Twin):
    """Lookups read the state that was loaded last, whatever happened to the weight since then."""

    trips = ("sequences.life",)
    grade = "rare"
    trigger = After(step=_loaded_and_changed)
    loaded: Tensor | None = None

    def load_state_dict(self, state_dict: Any, *arguments: Any, **named: Any) -> Any:
        answer = super().load_state_dict(state_dict, *arguments, **named)
        self.loaded = state_dict["weight"].clone()
        return answer

    def rows(self, weight: Tensor, index: Tensor) -> Tensor:
        return super().rows(weight if self.loaded is None else self.loaded.to(weight.dtype), index)
