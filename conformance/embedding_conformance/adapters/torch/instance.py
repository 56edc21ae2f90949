"""One embedding of torch's, or of anything that is called like it: what it answers to each verb."""

from __future__ import annotations

import copy
import functools
import inspect
import io
import pickle
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from typing import Any

import torch

from embedding_conformance.adapters.torch.tensors import from_torch, to_torch
from embedding_conformance.boundary.adapter import Backward, Forward, Gradient, Lost, Refused, Shape, Unsupported
from embedding_conformance.cases.case import Config, Lookup
from embedding_reference import Tensor

DEFAULTS = Config(1, 1)
METHODS = {"float16": "half", "bfloat16": "bfloat16", "float32": "float", "float64": "double"}
"""The methods of a module that are named for a dtype."""
UNADDED = re.compile(r'"(cadd_sparse|add_out_sparse_\w+)" not implemented for')
"""What torch says where it has no sum of two sparse gradients, which autograd asks for and no embedding."""


class TorchInstance:
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
        """One lookup; raises what the implementation raises."""
        output: torch.Tensor = self.module(index)
        return output

    def forward(self, lookup: Lookup, *, no_grad: bool = False, index_device: str | None = None) -> Forward:
        """Look up."""
        with refusals(), torch.set_grad_enabled(not no_grad):
            index = self._index(lookup)
            elsewhere = None if index_device is None else to_torch(lookup.index, index_device, lookup.index_layout)
            output = self.call(index if elsewhere is None else elsewhere)
            # An output that cannot be read is the implementation's doing, too: a device may fail later than its call.
            return Forward(from_torch(output), output.requires_grad, output.device.type, from_torch(index))

    def gradient(self, lookups: Sequence[Lookup], *, together: bool = False) -> Backward:
        """Look up, and send the upstream gradients back."""
        with refusals(), self._only_its_own():
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
            return Backward(tuple(map(from_torch, outputs)), _gradient(self.table.grad), inputs)

    @contextmanager
    def _only_its_own(self) -> Iterator[None]:
        """Lay no sum of gradients that torch does not have on an embedding that is not torch's."""
        try:
            yield
        except RuntimeError as error:
            its_own = self.module is None or isinstance(self.module, torch.nn.Embedding)  # the functional form has none
            if its_own or not UNADDED.search(str(error)):
                raise
            raise Unsupported("torch does not add sparse gradients of this dtype") from error

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
        """The index after a lookup that may have raised."""
        with refusals():
            index = self._index(lookup)
            with suppress(Exception):
                self.call(index)
            return from_torch(index)

    def again(self, lookup: Lookup, *, deterministic: bool = False) -> tuple[Backward, Backward]:
        """Two backwards through one graph."""
        with refusals(), _deterministic() if deterministic else nullcontext():
            index, upstream = self._inputs(lookup)
            output = self.call(index)
            first, second = (
                torch.autograd.grad(output, self.table, upstream, retain_graph=True, allow_unused=True)[0]
                for _ in range(2)
            )
            came = (from_torch(output),)
            return Backward(came, _gradient(first)), Backward(came, _gradient(second))

    def beside(self, weight: Tensor, lookups: Sequence[Lookup]) -> tuple[Backward, Backward]:
        """Two tables in one graph."""
        with refusals():
            calls = [self._inputs(lookup) for lookup in lookups]
            other = copy.deepcopy(self)
            other.put(weight)
            outputs = [one.call(index) for one, (index, _) in zip((self, other), calls)]
            torch.autograd.backward(outputs, [upstream for _, upstream in calls])
            mine, others = map(from_torch, outputs)
            return Backward((mine,), _gradient(self.table.grad)), Backward((others,), _gradient(other.table.grad))

    def use_first(self, lookup: Lookup, *, clone: bool) -> Backward:
        """Use the weight, then look up, then differentiate both."""
        with refusals():
            index, upstream = self._inputs(lookup)
            squares = (self.table.clone() if clone else self.table).square()
            output = self.call(index)
            torch.autograd.backward([squares, output], [torch.ones_like(squares), upstream])
            return Backward((from_torch(output),), _gradient(self.table.grad))

    def second_order(self, lookup: Lookup, direction: Tensor) -> Tensor:
        """Differentiate the gradient by the upstream gradient."""
        with refusals():
            index, upstream = self._inputs(lookup)
            upstream.requires_grad_()
            (gradient,) = torch.autograd.grad(self.call(index), self.table, upstream, create_graph=True)
            dense = gradient if gradient.layout is torch.strided else gradient.to_dense()
            found = None
            if dense.requires_grad:  # else it is a constant, as where there are only pads
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
        """`reset_parameters()`."""
        with refusals():
            self.module.reset_parameters()

    def step(self, optimizer: str, options: Mapping[str, Any], lookups: Sequence[Lookup]) -> None:
        """One step of `torch.optim.<optimizer>`."""
        made, key = self._optimizers, (optimizer, repr(options))
        dtype, device = self.table.dtype, self.table.device.type
        if key not in made and not _trains(optimizer, tuple(options.items()), dtype, device, sparse=self.sparse):
            raise Unsupported(f"{optimizer} does not train a tensor of {dtype} on {device}, whatever it belongs to")
        with refusals():
            if key not in made:
                made[key] = getattr(torch.optim, optimizer)([self.table], **options)
            made[key].zero_grad()
            self.gradient(lookups)
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
            self.module = self.module.train() if training else self.module.eval()

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
        """Let the weight be other bits, in memory of their own."""
        self.table.data = self.like_weight(weight)

    def like_weight(self, tensor: Tensor) -> torch.Tensor:
        """A tensor of the weight's shape, where the weight is."""
        return to_torch(tensor, str(self.table.device))

    def _index(self, lookup: Lookup) -> torch.Tensor:
        return to_torch(lookup.index, str(self.table.device), lookup.index_layout)

    def _inputs(self, lookup: Lookup) -> tuple[torch.Tensor, torch.Tensor]:
        return self._index(lookup), to_torch(lookup.upstream, str(self.table.device), lookup.upstream_layout)


class FunctionalInstance(TorchInstance):
    """A weight, and the arguments of the call."""

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

    def copy(self, how: str) -> TorchInstance:
        """A function is not copied."""
        raise Unsupported(f"the functional form has nothing to {how}")

    def reset(self) -> None:
        """A function keeps no state."""
        raise Unsupported("the functional form has no reset_parameters")

    def clear(self, *, to_none: bool = True) -> None:
        """What a module's zero_grad() does."""
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


@contextmanager
def refusals() -> Iterator[None]:
    """Turn what the implementation raises into `Refused`, or `Lost` where CUDA fails from then on."""
    try:
        yield
        if torch.cuda.is_initialized():
            torch.cuda.synchronize()  # what went wrong behind Python's back is this call's, and not a later one's
    except (Refused, Unsupported):
        raise
    except Exception as error:
        raise (Lost if _cuda_is_lost() else Refused).of(error) from error


def _cuda_is_lost() -> bool:
    """Whether an assertion on the device, say, has cost the process its CUDA context; never where CUDA was not used."""
    if not torch.cuda.is_initialized():
        return False
    try:
        torch.cuda.synchronize()
    except RuntimeError:
        return True
    return False


@contextmanager
def _deterministic() -> Iterator[None]:
    """Deterministic algorithms within the block, and afterwards whatever there was before.

    Raises:
        Unsupported: an operator has none on this device, or needs a setting of the environment; it says so.
    """
    before = torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    torch.use_deterministic_algorithms(mode=True)
    try:
        yield
    except RuntimeError as error:
        if "torch.use_deterministic_algorithms(True)" in str(error):  # what each such refusal names as its cause
            raise Unsupported(str(error).partition(". ")[0]) from error
        raise
    finally:
        torch.use_deterministic_algorithms(before, warn_only=warn_only)


@functools.cache
def _trains(
    optimizer: str, options: tuple[tuple[str, Any], ...], dtype: torch.dtype, device: str, *, sparse: bool
) -> bool:
    """Whether the optimiser can step a tensor of this dtype at all, given a gradient that is sparse or not."""
    try:
        parameter = torch.nn.Parameter(torch.ones((2, 2), dtype=dtype, device=device))
        gradient = torch.ones_like(parameter)
        parameter.grad = gradient.to_sparse(1) if sparse else gradient
        getattr(torch.optim, optimizer)([parameter], **dict(options)).step()
    except RuntimeError:
        return False
    return True


def _gradient(grad: torch.Tensor | None) -> Gradient | None:
    if grad is None:
        return None
    shape, device = tuple(grad.shape), grad.device.type
    if grad.layout is torch.sparse_coo:
        rows, values = from_torch(grad._indices()[0]), from_torch(grad._values())  # noqa: SLF001
        if not rows.numel and not isinstance(rows, Shape):  # whichever of its dimensions are the sparse ones
            values = Tensor(values.dtype, (0, shape[1]), b"")
        return Gradient("coo", shape, device, values, rows, grad.is_coalesced())
    return Gradient("dense" if grad.layout is torch.strided else str(grad.layout), shape, device, from_torch(grad))
