"""Embeddings that keep, copy or show their state wrong."""

from __future__ import annotations

import copy
from typing import Any

import torch
from twin import Twin


class KeepsABuffer(Twin):
    """The state has a counter beside the weight."""

    trips = ("module.state",)

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.register_buffer("calls", torch.zeros(()))


class RenamesTheWeight(Twin):
    """The weight is called table in the state."""

    trips = ("module.state", "module.load")

    def state_dict(self, *arguments: Any, **named: Any) -> Any:
        return {"table": super().state_dict(*arguments, **named)["weight"]}

    def load_state_dict(self, state_dict: Any, *arguments: Any, **named: Any) -> Any:
        state = {"weight" if name == "table" else f"no {name}": value for name, value in state_dict.items()}
        return super().load_state_dict(state, *arguments, **named)


class RoundsTheState(Twin):
    """The state holds the weight in bfloat16 precision."""

    trips = ("module.state",)

    def state_dict(self, *arguments: Any, **named: Any) -> Any:
        state = super().state_dict(*arguments, **named)
        return {name: value.bfloat16().to(value.dtype) for name, value in state.items()}


class LeavesPaddingOutOfTheState(Twin):
    """The state has zeros for the row at padding_idx."""

    trips = ("module.state",)

    def state_dict(self, *arguments: Any, **named: Any) -> Any:
        state = {name: value.clone() for name, value in super().state_dict(*arguments, **named).items()}
        if self.padding_idx is not None:
            state["weight"][self.padding_idx] = 0
        return state


class ClearsPaddingWhenLoading(Twin):
    """Loading a state sets the row at padding_idx to zeros."""

    trips = ("module.load",)

    def load_state_dict(self, *arguments: Any, **named: Any) -> Any:
        answer = super().load_state_dict(*arguments, **named)
        with torch.no_grad():
            self.clear_padding()
        return answer


class KeepsAFrozenWeightWhenLoading(Twin):
    """Loading a state leaves a frozen weight as it is."""

    trips = ("module.load",)

    def load_state_dict(self, state_dict: Any, *arguments: Any, **named: Any) -> Any:
        state = state_dict if self.weight.requires_grad else self.state_dict()
        return super().load_state_dict(state, *arguments, **named)


class LoadsWhatFits(Twin):
    """Loading a state takes what has the right name and shape, and ignores the rest."""

    trips = ("module.load-refused",)

    def load_state_dict(self, state_dict: Any, *arguments: Any, **named: Any) -> Any:
        fits = {k: v for k, v in state_dict.items() if k == "weight" and v.shape == self.weight.shape}
        return super().load_state_dict({**self.state_dict(), **fits}, *arguments, **named)


class LoadsBeforeItRefuses(Twin):
    """Loading a table with too many rows copies the first ones before it is refused."""

    trips = ("module.load-refused",)

    def load_state_dict(self, state_dict: Any, *arguments: Any, **named: Any) -> Any:
        with torch.no_grad():
            for table in state_dict.values():
                self.weight.copy_(table[: self.num_embeddings])
        return super().load_state_dict(state_dict, *arguments, **named)


class SharesItsDeepCopy(Twin):
    """A deep copy shares the weight."""

    trips = ("module.copies",)

    def __deepcopy__(self, memo: dict[int, Any]) -> Twin:
        return copy.copy(self)


class LosesPaddingWhenPickled(Twin):
    """Pickling loses padding_idx."""

    trips = ("module.copies",)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "padding_idx": None}


class LosesNormTypeWhenPickled(Twin):
    """Unpickling sets norm_type to 2."""

    trips = ("module.copies",)

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__({**state, "norm_type": 2.0})


class ThawsWhenPickled(Twin):
    """Unpickling thaws a frozen weight."""

    trips = ("module.copies",)

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self.weight.requires_grad_()


class RoundsWhenCopied(Twin):
    """A deep copy has the weight in bfloat16 precision."""

    trips = ("module.copies",)

    def __deepcopy__(self, memo: dict[int, Any]) -> Twin:
        other = copy.copy(self)
        other.__dict__ = copy.deepcopy(self.__dict__, memo)
        other.weight.data = other.weight.data.bfloat16().to(self.weight.dtype)
        return other


class ThawsTheWeightWhenCopied(Twin):
    """A deep copy makes the original weight forget that it is frozen."""

    trips = ("module.copies",)

    def __deepcopy__(self, memo: dict[int, Any]) -> Twin:
        other = copy.copy(self)
        other.__dict__ = copy.deepcopy(self.__dict__, memo)
        other.weight.requires_grad_()
        return other


class HidesMaxNorm(Twin):
    """The repr leaves out max_norm."""

    trips = ("module.repr",)

    def extra_repr(self) -> str:
        return ", ".join(part for part in super().extra_repr().split(", ") if "max_norm" not in part)


class HidesRowZero(Twin):
    """The repr leaves out a padding_idx of 0."""

    trips = ("module.repr",)

    def extra_repr(self) -> str:
        return super().extra_repr().replace(", padding_idx=0", "")


class SwapsSizesInTheRepr(Twin):
    """The repr has the sizes in the wrong order."""

    trips = ("module.repr",)

    def extra_repr(self) -> str:
        rows, columns, *more = super().extra_repr().split(", ")
        return ", ".join([columns, rows, *more])


class RoundsInTheRepr(Twin):
    """The repr shows norm_type without its fraction."""

    trips = ("module.repr",)

    def extra_repr(self) -> str:
        return super().extra_repr().replace(f"norm_type={self.norm_type}", f"norm_type={self.norm_type:.0f}")
