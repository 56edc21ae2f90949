"""Instances of torch's embedding, or of anything that is called like it: the answer to each verb."""

from __future__ import annotations

import copy
import inspect
import io
import pickle
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext, suppress
from typing import Any

import torch

from embedding_conformance.adapters.torch.calls import (
    NO_SPARSE_SUM,
    NOT_SHARED,
    deterministically,
    excusing,
    refusals,
    sharing_work,
    trains,
)
from embedding_conformance.adapters.torch.in_use import InUse
from embedding_conformance.adapters.torch.tensors import from_torch, gradient_from_torch, to_torch
from embedding_conformance.boundary.observations import Backward, Forward
from embedding_conformance.boundary.refusals import Unsupported
from embedding_conformance.cases.case import Config, Lookup
from embedding_reference import Tensor

DEFAULTS = Config(1, 1)
METHODS = {"float16": "half", "bfloat16": "bfloat16", "float32": "float", "float64": "double"}
"""The methods of a module that are named for a dtype, by the dtype."""
NOT_DIFFERENTIABLE = "torch's embedding is not differentiable for complex weights"


class TorchInstance(InUse):
    """A module with a `weight` parameter."""

    def __init__(self, module: Any, given: torch.Tensor | None = None) -> None:
        self.module, self._given = module, given
        self._optimizers: dict[tuple[str, str], Any] = {}

    @property
    def table(self) -> torch.Tensor:
        """The weight itself."""
        table: torch.Tensor = self.module.weight
        return table

    @property
    def sparse(self) -> bool:
        """Whether gradients are sparse."""
        return bool(getattr(self.module, "sparse", False))

    def call(self, index: torch.Tensor) -> torch.Tensor:
        """Make one lookup; this raises whatever the implementation raises."""
        output: torch.Tensor = self.module(index)
        return output

    def forward(self, lookup: Lookup, *, no_grad: bool = False, index_device: str | None = None) -> Forward:
        """Look up."""
        with refusals(), torch.set_grad_enabled(not no_grad):
            index = self._index(lookup)
            elsewhere = None if index_device is None else to_torch(lookup.index, index_device, lookup.index_layout)
            output = self.call(index if elsewhere is None else elsewhere)
            # Within `refusals`, because a device may fail later than the call: then reading the output raises.
            device, contiguous = output.device.type, output.is_contiguous()
            return Forward(from_torch(output), output.requires_grad, device, from_torch(index), contiguous)

    def gradient(self, lookups: Sequence[Lookup], *, together: bool = False) -> Backward:
        """Look up, and backpropagate the upstream gradients."""
        if self.table.is_complex() and self.table.requires_grad and not self._is_torchs:
            raise Unsupported(NOT_DIFFERENTIABLE)  # a class that is differentiable there neither conforms nor deviates
        with refusals(), excusing(self.module, NO_SPARSE_SUM, "torch does not add sparse gradients of this dtype"):
            calls = [self._inputs(lookup) for lookup in lookups]
            if together:
                outputs = [self.call(index) for index, _ in calls]
                torch.autograd.backward(outputs, [upstream for _, upstream in calls])
            else:
                outputs = []
                for index, upstream in calls:
                    output = self.call(index)
                    output.backward(upstream)
                    outputs.append(output)
            inputs = tuple(Lookup(from_torch(index), from_torch(upstream)) for index, upstream in calls)
            return Backward(tuple(map(from_torch, outputs)), gradient_from_torch(self.table.grad), inputs)

    @property
    def _is_torchs(self) -> bool:
        """Whether it is torch's own class, or the functional form."""
        return self.module is None or type(self.module) is torch.nn.Embedding

    def weight(self) -> Tensor:
        """The weight as it is now."""
        with refusals():
            return from_torch(self.table)

    def attributes(self) -> Mapping[str, Any]:
        """The documented attributes, and those of the weight and the module."""
        with refusals():
            kept = {name: getattr(self.module, name, "<missing>") for name in (*DEFAULTS.attributes(), "training")}
        return {
            **kept,
            "requires_grad": self.table.requires_grad,
            "dtype": str(self.table.dtype).replace("torch.", ""),
            "shape": tuple(self.table.shape),
            "device": self.table.device.type,
            "class": type(self.module).__name__,
            "repr": repr(self.module),
        }

    def overwrite(self, lookup: Lookup) -> Tensor:
        """Look up, overwrite the output, and return the weight."""
        with refusals():
            output = self.call(self._index(lookup)).detach()
            output.fill_(7)
        return self.weight()

    def index_after(self, lookup: Lookup) -> Tensor:
        """The index after a lookup, even if that raised."""
        with refusals():
            index = self._index(lookup)
            with suppress(Exception):
                self.call(index)
            return from_torch(index)

    def again(self, lookup: Lookup, *, deterministic: bool = False) -> tuple[Backward, Backward]:
        """Backpropagate twice through one graph."""
        with refusals(), deterministically() if deterministic else nullcontext():
            index, upstream = self._inputs(lookup)
            output = self.call(index)
            first, second = (
                torch.autograd.grad(output, self.table, upstream, retain_graph=True, allow_unused=True)[0]
                for _ in range(2)
            )
            outputs = (from_torch(output),)
            return Backward(outputs, gradient_from_torch(first)), Backward(outputs, gradient_from_torch(second))

    def use_first(self, lookup: Lookup, *, clone: bool) -> Backward:
        """Use the weight, then look up, then differentiate both."""
        with refusals():
            index, upstream = self._inputs(lookup)
            squares = (self.table.clone() if clone else self.table).square()
            output = self.call(index)
            torch.autograd.backward([squares, output], [torch.ones_like(squares), upstream])
            return Backward((from_torch(output),), gradient_from_torch(self.table.grad))

    def second_order(self, lookup: Lookup, direction: Tensor) -> Tensor:
        """Differentiate the gradient by the upstream gradient."""
        with refusals():
            index, upstream = self._inputs(lookup)
            upstream.requires_grad_()
            output = self.call(index)
            (found,) = torch.autograd.grad(output, self.table, upstream, create_graph=True, allow_unused=True)
            gradient = torch.zeros_like(self.table) if found is None else found
            dense = gradient if gradient.layout is torch.strided else gradient.to_dense()
            found = None
            if dense.requires_grad:  # else the gradient is a constant, as where there are only pads
                (found,) = torch.autograd.grad(dense, upstream, self.like_weight(direction), allow_unused=True)
            return from_torch(torch.zeros_like(upstream) if found is None else found)

    def state(self) -> Mapping[str, Tensor]:
        """`state_dict()`."""
        with refusals():
            return {name: from_torch(value) for name, value in self.module.state_dict().items()}

    def load(self, state: Mapping[str, Tensor]) -> None:
        """`load_state_dict(state)`, strictly."""
        tensors = {name: to_torch(value) for name, value in state.items()}
        with refusals():
            self.module.load_state_dict(tensors)

    def assign(self, state: Mapping[str, Tensor]) -> None:
        """`load_state_dict(state, assign=True)`, which came with torch 2.1."""
        if "assign" not in inspect.signature(torch.nn.Module.load_state_dict).parameters:
            raise Unsupported("this torch has no load_state_dict(assign=True)", asked=True)
        tensors = {name: self.like_weight(value) for name, value in state.items()}
        with refusals():
            self.module.load_state_dict(tensors, assign=True)
        self._optimizers.clear()

    def copy(self, how: str) -> TorchInstance:
        """A copy by "deepcopy", "pickle" or "save"."""
        with refusals():
            if how == "deepcopy":
                return TorchInstance(copy.deepcopy(self.module))
            if how == "pickle":
                return TorchInstance(pickle.loads(pickle.dumps(self.module)))  # noqa: S301 - our own bytes
            stream = io.BytesIO()
            torch.save(self.module, stream)
            stream.seek(0)
            loader = inspect.signature(torch.load).parameters
            whole = {"weights_only": False} if "weights_only" in loader else {}
            return TorchInstance(torch.load(stream, **whole))

    def reset(self) -> None:
        """`reset_parameters()`, which `nn.Module` does not ask for."""
        if not hasattr(self.module, "reset_parameters"):
            raise Unsupported("it has no reset_parameters", asked=True)
        with refusals():
            self.module.reset_parameters()

    def step(self, optimizer: str, options: Mapping[str, Any], lookups: Sequence[Lookup]) -> None:
        """One step of `torch.optim.<optimizer>`."""
        made, key = self._optimizers, (optimizer, repr(options))
        dtype, device = self.table.dtype, self.table.device.type
        if key not in made and not trains(optimizer, tuple(options.items()), dtype, device, sparse=self.sparse):
            raise Unsupported(f"{optimizer} does not train a tensor of {dtype} on {device}, whatever it belongs to")
        with refusals():
            if key not in made:
                made[key] = getattr(torch.optim, optimizer)([self.table], **options)
            made[key].zero_grad()
            self.gradient(lookups)
            reason = "torch's optimisers cannot share out this sparse gradient"
            with sharing_work(), excusing(self.module, NOT_SHARED, reason):
                made[key].step()

    def clear(self, *, to_none: bool = True) -> None:
        """`zero_grad(set_to_none=to_none)`."""
        with refusals():
            self.module.zero_grad(set_to_none=to_none)

    def edit(self, weight: Tensor) -> None:
        """Write into the weight, as initialisers do."""
        with refusals(), torch.no_grad():
            self.table.copy_(self.like_weight(weight))

    def given(self) -> Tensor:
        """The tensor that it was made with, as it is now."""
        if self._given is None:
            raise Unsupported("no tensor was given")
        with refusals():
            return from_torch(self._given)

    def freeze(self, *, frozen: bool) -> None:
        """`requires_grad_()` of the weight."""
        with refusals():
            self.table.requires_grad_(not frozen)

    def mode(self, *, training: bool) -> None:
        """`train()` or `eval()`."""
        with refusals():
            self.module.train() if training else self.module.eval()

    def cast(self, dtype: str, *, by_name: bool = False) -> None:
        """`to(dtype)`, or `half()` and its kin."""
        if by_name and dtype not in METHODS:
            raise Unsupported(f"no method of a module is named for {dtype}")
        with refusals():
            module = self.module
            self.module = getattr(module, METHODS[dtype])() if by_name else module.to(getattr(torch, dtype))
        self._optimizers.clear()

    def move(self, device: str, *, empty: bool = False) -> None:
        """`to(device)` or `to_empty(device=device)`."""
        with refusals():
            self.module = self.module.to_empty(device=device) if empty else self.module.to(device)
        self._optimizers.clear()

    def put(self, weight: Tensor) -> None:
        """Replace the weight by other bits, in memory of their own."""
        self.table.data = self.like_weight(weight)

    def like_weight(self, tensor: Tensor) -> torch.Tensor:
        """The torch tensor of a tensor of the weight's shape, on the weight's device."""
        return to_torch(tensor, str(self.table.device))

    def _index(self, lookup: Lookup) -> torch.Tensor:
        return to_torch(lookup.index, str(self.table.device), lookup.index_layout)

    def _inputs(self, lookup: Lookup) -> tuple[torch.Tensor, torch.Tensor]:
        return self._index(lookup), to_torch(lookup.upstream, str(self.table.device), lookup.upstream_layout)


class FunctionalInstance(TorchInstance):
    """A weight, and the arguments with which the functional form is called."""

    def __init__(self, config: Config, table: torch.Tensor, function: Callable[..., Any]) -> None:
        super().__init__(module=None, given=table)
        self._table, self._arguments, self._function = table, config.changed(), function

    @property
    def table(self) -> torch.Tensor:
        """The weight itself."""
        return self._table

    @property
    def sparse(self) -> bool:
        """Whether gradients are sparse."""
        return bool(self._arguments.get("sparse", False))

    def call(self, index: torch.Tensor) -> torch.Tensor:
        """One call of the function."""
        output: torch.Tensor = self._function(index, self._table, **self._arguments)
        return output

    def attributes(self) -> Mapping[str, Any]:
        """A function keeps no attributes."""
        raise Unsupported("the functional form keeps no attributes")

    def state(self) -> Mapping[str, Tensor]:
        """A function keeps no state."""
        raise Unsupported("the functional form keeps no state")

    def load(self, state: Mapping[str, Tensor]) -> None:  # noqa: ARG002 - the protocol's
        """A function keeps no state."""
        raise Unsupported("the functional form keeps no state")

    def assign(self, state: Mapping[str, Tensor]) -> None:  # noqa: ARG002 - the protocol's
        """A function keeps no state."""
        raise Unsupported("the functional form keeps no state")

    def copy(self, how: str) -> TorchInstance:
        """A function is not copied."""
        raise Unsupported(f"the functional form has nothing to {how}")

    def reset(self) -> None:
        """A function keeps no state."""
        raise Unsupported("the functional form has no reset_parameters")

    def clear(self, *, to_none: bool = True) -> None:
        """Clear the weight's gradient as a module's `zero_grad()` does."""
        if to_none:
            self.table.grad = None
        elif self.table.grad is not None:
            self.table.grad.zero_()

    def mode(self, *, training: bool) -> None:  # noqa: ARG002 - the protocol's
        """A function has no mode."""
        raise Unsupported("the functional form has no train() and eval()")

    def cast(self, dtype: str, *, by_name: bool = False) -> None:  # noqa: ARG002 - the protocol's
        """A function is not cast."""
        raise Unsupported("the functional form keeps no weight to cast")

    def move(self, device: str, *, empty: bool = False) -> None:  # noqa: ARG002 - the protocol's
        """A function is not moved."""
        raise Unsupported("the functional form keeps no weight to move")
