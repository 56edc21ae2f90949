"""Where a planted fault shows: arguments, and what to look at, for which it and torch's embedding differ.

Nothing of the suite takes part, neither its cases nor its oracle nor its judge. Numbers are chosen so that answers are
exact; what is seen is therefore compared bit for bit.
"""

from __future__ import annotations

import copy
import inspect
import io
import pickle
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import cycle, islice
from typing import Any

import torch
from torch import Tensor

from embedding_conformance.adapters.torch.tensors import _lay_out, from_torch

COUNTING = tuple(range(1, 62))  # a prime number of them, so that rows differ in tables of any width
LONG: dict[str, Any] = {"shape": (5, 2), "weight": (6, 8), "max_norm": 5.0}
"""Arguments for rows of norm 10 that end at 5."""

ATTRIBUTES = ("num_embeddings", "embedding_dim", "padding_idx", "max_norm", "norm_type", "scale_grad_by_freq", "sparse")


@dataclass(frozen=True)
class Trigger:
    """Arguments of an embedding, its weight and its calls. Each subclass looks at something else.

    Attributes:
        shape: of the weight.
        weight: its elements, row by row, over and over.
        index: of the call: an integer, or sequences of them.
        then: index of a second call; None: the same again.
        upstream: elements of the upstream gradients, over and over.
        freeze: whether the weight is frozen.
        alike: whether torch does it right; if not, the twin alone says what is right.
        device: of a fresh weight.
        dtype: of the weight; a fault says it itself.
    """

    shape: tuple[int, int] = (5, 3)
    weight: tuple[complex, ...] = COUNTING
    index: Any = ((1, 0, 4), (3, 1, 1))
    then: Any = None
    upstream: tuple[complex, ...] = COUNTING
    padding_idx: int | None = None
    max_norm: float | None = None
    norm_type: float = 2.0
    scale_grad_by_freq: bool = False
    sparse: bool = False
    freeze: bool = False
    index_dtype: torch.dtype = torch.int64
    weight_layout: str = "contiguous"
    index_layout: str = "contiguous"
    upstream_layout: str = "contiguous"
    alike: bool = True
    device: str = "cpu"
    dtype: torch.dtype = torch.float32

    def seen(self, embedding: Any, dtype: str) -> Any:
        """What there is to see of a class with torch's signature, as plain data; what it raises is seen, too."""
        try:
            return replace(self, dtype=getattr(torch, dtype)).look(embedding)
        except Exception:  # noqa: BLE001 - whatever it is
            return "an exception"

    def look(self, embedding: Any) -> Any:
        """What this is about."""
        raise NotImplementedError

    @property
    def arguments(self) -> dict[str, Any]:
        """What the constructor takes, but for both sizes."""
        return {name: getattr(self, name) for name in ATTRIBUTES[2:]}

    def made(self, embedding: Any) -> Any:
        """A module with the weight in place."""
        module = embedding(*self.shape, **self.arguments, dtype=self.dtype)
        module.weight.data = self.table()
        module.weight.requires_grad_(not self.freeze)
        return module

    def table(self) -> Tensor:
        """The weight."""
        return _lay_out(filled(self.shape, self.weight, self.dtype), self.weight_layout)

    def first(self) -> Tensor:
        """The index of the first call."""
        return _lay_out(torch.tensor(self.index, dtype=self.index_dtype), self.index_layout)

    def second(self) -> Tensor:
        """The index of the second call."""
        return self.first() if self.then is None else torch.tensor(self.then, dtype=self.index_dtype)

    def sent_back(self, output: Tensor) -> Tensor:
        """The upstream gradient of an output."""
        return _lay_out(filled(output.shape, self.upstream, output.dtype), self.upstream_layout)

    def called(self, module: Any, index: Tensor) -> Tensor:
        """The output of a call, which was sent back."""
        output: Tensor = module(index)
        output.backward(self.sent_back(output))
        return output


class Signatures(Trigger):
    """The parameters of the constructor and of `from_pretrained`."""

    def look(self, embedding: Any) -> Any:
        found = [inspect.signature(called).parameters.values() for called in (embedding, embedding.from_pretrained)]
        return [[(p.name, p.kind, repr(p.default)) for p in parameters] for parameters in found]


class Attributes(Trigger):
    """The attributes of a fresh embedding, and its repr."""

    def look(self, embedding: Any) -> Any:
        return attributes(embedding(*self.shape, **self.arguments, device=self.device, dtype=self.dtype))


class Fresh(Trigger):
    """A fresh weight for a fixed seed, one that was drawn anew, and the attributes after that."""

    def look(self, embedding: Any) -> Any:
        torch.manual_seed(0)
        module = embedding(*self.shape, **self.arguments, dtype=self.dtype, _freeze=self.freeze)
        before = from_torch(module.weight)
        module.reset_parameters()
        return before, from_torch(module.weight), attributes(module)


class Given(Trigger):
    """A weight given as `_weight`, and whether its memory is shared."""

    def look(self, embedding: Any) -> Any:
        table = self.table()
        module = embedding(*self.shape, **self.arguments, _weight=table, _freeze=self.freeze)
        return from_torch(module.weight), module.weight.requires_grad, module.weight.data_ptr() == table.data_ptr()


class Pretrained(Trigger):
    """An embedding made by `from_pretrained`, by default and not frozen, its gradient, and whether memory is shared."""

    def look(self, embedding: Any) -> Any:
        table = self.table()
        frozen = embedding.from_pretrained(table, **self.arguments)
        module = embedding.from_pretrained(self.table(), freeze=False, **self.arguments)
        shared = frozen.weight.data_ptr() == table.data_ptr()
        made = [(attributes(one), from_torch(one.weight), type(one) is embedding) for one in (frozen, module)]
        self.called(module, self.first())
        return made, shared, summed(module.weight.grad)


class Output(Trigger):
    """The output of a call, its device, and whether it takes part in differentiation."""

    def look(self, embedding: Any) -> Any:
        output = self.made(embedding)(self.first())
        return from_torch(output), output.device, output.requires_grad


class Outputs(Trigger):
    """The outputs of two calls, the first one also after the second call, and the weight."""

    def look(self, embedding: Any) -> Any:
        module = self.made(embedding)
        first = module(self.first())
        before = from_torch(first)
        second = module(self.second())
        return before, from_torch(second), from_torch(first), from_torch(module.weight)


class Inputs(Trigger):
    """The weight, its memory and the index after a call, a change to its output, a backward; the upstream gradient."""

    def look(self, embedding: Any) -> Any:
        module, index = self.made(embedding), self.first()
        memory = module.weight.data
        output = module(index)
        found = [from_torch(module.weight), from_torch(memory), from_torch(index)]
        output.detach().fill_(7)
        found.append(from_torch(module.weight))
        if output.requires_grad:
            upstream = self.sent_back(output)
            module(index).backward(upstream)
            found += [from_torch(module.weight), from_torch(index), from_torch(upstream)]
        return found


class Gradient(Trigger):
    """The weight's gradient after one call."""

    def look(self, embedding: Any) -> Any:
        module = self.made(embedding)
        self.called(module, self.first())
        return summed(module.weight.grad)


class Accumulated(Trigger):
    """The weight's gradient after each of three calls, and after one more once it was cleared."""

    def look(self, embedding: Any) -> Any:
        module, found = self.made(embedding), []
        for index in (self.first(), self.second(), self.first()):
            self.called(module, index)
            found.append(summed(module.weight.grad))
        module.weight.grad = None
        self.called(module, self.second())
        return [*found, summed(module.weight.grad)]


class Together(Trigger):
    """The weight's gradient after two calls that are differentiated together."""

    def look(self, embedding: Any) -> Any:
        module = self.made(embedding)
        one, other = module(self.first()), module(self.second())
        torch.autograd.backward([one, other], [self.sent_back(one), -self.sent_back(other)])
        return summed(module.weight.grad)


class Twice(Trigger):
    """The weight's gradient, not accumulated, from each of two backwards through one graph."""

    def look(self, embedding: Any) -> Any:
        module, found = self.made(embedding), []
        output = module(self.first())
        for _ in range(2):
            gradients = torch.autograd.grad(output, module.weight, self.sent_back(output), retain_graph=True)
            found += map(summed, gradients)
        return found


class Tables(Trigger):
    """The gradients of two embeddings that are differentiated together."""

    def look(self, embedding: Any) -> Any:
        modules = [self.made(embedding), self.made(embedding)]
        outputs = [module(index) for module, index in zip(modules, (self.first(), self.second()))]
        torch.autograd.backward(outputs, [self.sent_back(output) for output in outputs])
        return [summed(module.weight.grad) for module in modules]


class SecondOrder(Trigger):
    """The derivative of the weight's gradient by the upstream gradient, in the direction of the weight."""

    def look(self, embedding: Any) -> Any:
        module = self.made(embedding)
        output = module(self.first())
        upstream = self.sent_back(output).requires_grad_()
        (gradient,) = torch.autograd.grad(output, module.weight, upstream, create_graph=True)
        return summed(torch.autograd.grad(gradient, upstream, self.table())[0])


class State(Trigger):
    """The state."""

    def look(self, embedding: Any) -> Any:
        return [(name, from_torch(value)) for name, value in self.made(embedding).state_dict().items()]


class Loaded(Trigger):
    """The weight and its memory after a state was loaded, and a call after that, in an embedding used before."""

    def look(self, embedding: Any) -> Any:
        module = self.made(embedding)
        module(self.first())
        memory = module.weight.data
        module.load_state_dict({"weight": -self.table().flip(0)})
        loaded = from_torch(module.weight), from_torch(memory)
        return loaded, from_torch(module(self.first())), from_torch(module.weight)


class Copies(Trigger):
    """Copies of three kinds: attributes, weight, memory; and the original after that."""

    def look(self, embedding: Any) -> Any:
        return [self._copied(self.made(embedding), how) for how in (copy.deepcopy, _pickled, _saved)]

    def _copied(self, module: Any, how: Callable[[Any], Any]) -> Any:
        other = how(module)
        apart = other.weight.data_ptr() != module.weight.data_ptr()
        return attributes(other), from_torch(other.weight), apart, attributes(module)


@dataclass(frozen=True)
class Shows(Trigger):
    """Whatever `what` gives for an embedding class."""

    what: Callable[[Any], Any] = repr

    def look(self, embedding: Any) -> Any:
        return self.what(embedding)


@dataclass(frozen=True)
class After(Trigger):
    """An embedding that was used, once `step` was taken on it; and what a call gives then."""

    step: Callable[[Any], Any] = repr

    def look(self, embedding: Any) -> Any:
        module = self.made(embedding)
        self.used(module, self.first())
        self.step(module)
        found = [attributes(module), module.training, from_torch(module.weight), summed(module.weight.grad)]
        output = self.used(module, self.second())
        return [*found, from_torch(output), from_torch(module.weight), summed(module.weight.grad)]

    def used(self, module: Any, index: Tensor) -> Tensor:
        """The output of a call, which was sent back if the weight is not frozen."""
        return self.called(module, index) if module.weight.requires_grad else module(index)


def filled(shape: tuple[int, ...], values: tuple[complex, ...], dtype: torch.dtype) -> Tensor:
    """A tensor of the values, over and over."""
    count = int(torch.Size(shape).numel())
    return torch.tensor(list(islice(cycle(values), count)), dtype=dtype).reshape(shape)


def long_rows(embedding: Any, **arguments: Any) -> Any:
    """Five rows of two elements with norms of 5, 10, 5, ..."""
    module = embedding(5, 2, **arguments)
    module.weight.data = torch.tensor([[3.0, 4.0], [6.0, 8.0], [4.0, 3.0], [8.0, 6.0], [0.0, 5.0]])
    return module


def attributes(module: Any) -> Mapping[str, Any]:
    """The documented attributes, the repr, and what the weight says of itself."""
    kept = {name: getattr(module, name) for name in ATTRIBUTES}
    shape, requires_grad, device = tuple(module.weight.shape), module.weight.requires_grad, module.weight.device
    return {**kept, "repr": module.extra_repr(), "weight": (shape, module.weight.dtype, requires_grad, device)}


def summed(gradient: Tensor | None) -> Any:
    """A gradient's form, and its sums by row; one NaN is like another, and zero has no sign.

    Of a sparse one also whether it is called coalesced and is not.
    """
    if gradient is None:
        return None
    form = str(gradient.layout), gradient.dtype, tuple(gradient.shape)
    if gradient.layout is not torch.sparse_coo:
        return form, repr((gradient + 0.0).tolist())
    rows, sums = gradient._indices()[0].tolist(), {}
    claims_too_much = gradient.is_coalesced() and rows != sorted(set(rows))
    for row, entry in zip(rows, gradient._values()):
        sums[row] = sums.get(row, 0.0) + entry
    return form, claims_too_much, repr({row: (sums[row] + 0.0).tolist() for row in sorted(sums)})


def _pickled(module: Any) -> Any:
    return pickle.loads(pickle.dumps(module))  # noqa: S301 - our own bytes


def _saved(module: Any) -> Any:
    stream = io.BytesIO()
    torch.save(module, stream)
    stream.seek(0)
    return torch.load(stream, weights_only=False)
