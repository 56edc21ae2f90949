"""The parts that standalone scripts are made of: names, calls, and tensors of given bits and layout."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from embedding_conformance.adapters.literals import data, listed
from embedding_conformance.adapters.torch.tensors import repeats_one_element
from embedding_conformance.cases.case import Lookup
from embedding_reference import Tensor

HELPER = {
    "transposed": "{0}.transpose(0, -1).contiguous().transpose(0, -1)",
    "strided": "torch.stack([{0}, torch.zeros_like({0})], dim=-1).flatten(-2)[..., ::2]",
    "sliced": "torch.cat([{0}[:1], {0}, {0}[:1]])[1:-1]",
    "columns": "torch.cat([{0}[..., :1], {0}, {0}[..., :1]], dim=-1)[..., 1:-1]",
    "expanded": "{0}[:1].expand({0}.shape)",
}


@dataclass
class Names:
    """The names of an instance in the script: `embedding` and `weight` for the first; the others have a number.

    Attributes:
        factory: the dotted name of the class under test; None: the functional form.
        number: the end of each name.
        origin: the name of the module of which the instance is a copy.
        device: the device of the weight and of the tensors that are looked up.
        optimizers: the names of the optimisers, by the expressions that make them.
    """

    factory: str | None
    number: str = ""
    origin: str = ""
    device: str = "cpu"
    optimizers: dict[str, str] = field(default_factory=dict)

    @property
    def module(self) -> str:
        """The module, or the function that stands for it."""
        return f"embedding{self.number}"

    @property
    def weight(self) -> str:
        """Its weight."""
        return f"weight{self.number}"

    @property
    def given(self) -> str:
        """The tensor that it was made with."""
        return f"given{self.number}"


def stated(state: Mapping[str, Tensor]) -> list[str]:
    """Statements that define a state."""
    lines = ["state = {}"]
    for key, tensor in state.items():
        lines += [*defined("value", tensor), f"state[{key!r}] = value"]
    return lines


def called(function: str, *arguments: str) -> str:
    """The call of a function."""
    return f"{function}({', '.join(arguments)})"


def fetch(name: Names) -> str:
    """The statement that names the weight."""
    return f"{name.weight} = {name.module}.weight"


def show(name: Names) -> str:
    """The statement that prints the weight."""
    return f'print("weight", {name.weight})'


def inputs(lookup: Lookup, device: str) -> list[str]:
    """Statements that define the index and the upstream gradient of a lookup."""
    return [
        *defined("index", lookup.index, lookup.index_layout, device),
        *defined("upstream", lookup.upstream, lookup.upstream_layout, device),
    ]


def defined(name: str, tensor: Tensor, layout: str = "contiguous", device: str = "cpu") -> list[str]:
    """Statements that define a torch tensor with these bits and this layout."""
    shape, elements = f".reshape({tensor.shape})", listed(tensor)
    if not tensor.data:
        made = f"torch.empty({tensor.shape}, dtype=torch.{tensor.dtype})"
    elif elements is None:
        made = f"torch.frombuffer(bytearray({data(tensor)}), dtype=torch.{tensor.dtype}){shape}"
    else:
        made = f"torch.tensor([{elements}], dtype=torch.{tensor.dtype}){shape}"
    lines = [f"{name} = {made}" + ("" if device == "cpu" else f'.to("{device}")')]
    if layout == "expanded" and tensor.shape and tensor.numel and repeats_one_element(tensor):
        return [*lines, f"{name} = {name}.flatten()[0].expand({tensor.shape})"]
    if tensor.shape and layout in HELPER:
        lines.append(f"{name} = {HELPER[layout].format(name)}")
    return lines
