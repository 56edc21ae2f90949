"""Embeddings that remember what they should not, share what is not theirs, or lose what they should keep."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor
from trigger import Accumulated, Copies, Given, Inputs, Loaded, Output, Outputs, Pretrained, Shows, State, Together
from twin import Twin

# -- what triggers do --------------------------------------------------------------------------------------------------


def _call(embedding: Any, **arguments: Any) -> Any:
    """Five rows of two elements with norms of 5, 10, 5, ..."""
    module = embedding(5, 2, **arguments)
    module.weight.data = torch.tensor([[3.0, 4.0], [6.0, 8.0], [4.0, 3.0], [8.0, 6.0], [0.0, 5.0]])
    return module


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


def _shared(embedding: Any, **arguments: Any) -> Any:
    """A tensor that shares the weight's memory, after a call."""
    module = _call(embedding, **arguments)
    sharing = module.weight.detach()
    module(torch.tensor([1]))
    return sharing.tolist()


def _same_parameter(embedding: Any, change: Any) -> bool:
    """Whether the weight is the same parameter after a change."""
    module = _call(embedding)
    before = module.weight
    change(module)
    return module.weight is before


def _weight_after(module: Any, *, gradients: bool = True) -> Any:
    """The weight after a call."""
    with torch.set_grad_enabled(gradients):
        module(torch.tensor([1]))
    return module.weight.tolist()


def _gradient_of(module: Any) -> Any:
    """The gradient of a call."""
    module(torch.tensor([0, 1])).backward(torch.ones(2, 2))
    return module.weight.grad.tolist()


def _dtype_after(module: Any) -> Any:
    """The weight's dtype after a state of another one was loaded."""
    module.load_state_dict({"weight": torch.zeros(5, 2, dtype=torch.float64)})
    return module.weight.dtype


def _made_by_a_subclass(embedding: Any) -> bool:
    """Whether a subclass's from_pretrained gives the subclass."""
    subclass = type("Subclass", (embedding,), {})
    return type(subclass.from_pretrained(torch.ones(5, 2))) is subclass


# -- calls before ------------------------------------------------------------------------------------------------------


class DifferentiatesTheFirstIndex(Twin):
    """The gradient is that of the first index of the same shape."""

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
    """The gradient of more than 64 lookups is that of the first index of the same shape."""

    grade = "rare"
    trigger = Accumulated(index=(0,) * 65, then=(1,) * 65)
    large = 64


class LooksUpTheFirstIndexFromTheNinthCallOn(Twin):
    """From the ninth call on the index of the first call is looked up where it has the same shape."""

    trips = ("sequences.life",)
    grade = "rare"
    missed = "no life has so many lookups between copies"
    trigger = Shows(what=lambda embedding: _nine_calls(_call(embedding)))

    def prepare(self) -> None:
        self.calls: list[Tensor] = []

    def rows(self, weight: Tensor, index: Tensor) -> Tensor:
        self.calls.append(index)
        ninth = len(self.calls) > 8 and self.calls[0].shape == index.shape
        return super().rows(weight, self.calls[0] if ninth else index)


class LosesTheThirdGradient(Twin):
    """A third backward without clearing adds nothing."""

    trips = ("sequences.life",)
    grade = "rare"
    trigger = Accumulated()
    backwards = 0

    def gradient(self, index: Tensor, upstream: Tensor) -> Tensor | None:
        self.backwards = 1 if self.weight.grad is None else self.backwards + 1
        return super().gradient(index, upstream if self.backwards < 3 else torch.zeros_like(upstream))


class RescalesARowOnceInItsLife(Twin):
    """A row that was looked up before is not rescaled again, even if it has grown since."""

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
    trigger = Shows(what=lambda embedding: _stepped(_call(embedding)))
    copied: Tensor | None = None

    def gradient(self, index: Tensor, upstream: Tensor) -> Tensor | None:
        self.copied = self.weight.detach().clone()
        return super().gradient(index, upstream)

    def rows(self, weight: Tensor, index: Tensor) -> Tensor:
        return super().rows(weight if self.copied is None else self.copied, index)


class WritesOverItsOutput(Twin):
    """Outputs of one shape share memory, so that a call overwrites the output of the one before."""

    trips = ("lookup.new-memory",)
    grade = "rare"
    missed = "no clause reads an output after a later call"
    trigger = Outputs(then=((2, 2, 0), (4, 4, 0)))

    def prepare(self) -> None:
        self.known: dict[torch.Size, Tensor] = {}

    def rows(self, weight: Tensor, index: Tensor) -> Tensor:
        found = super().rows(weight, index)
        return self.known.setdefault(found.shape, torch.empty_like(found)).copy_(found).detach()


class TrainsWithAnotherTablesIndex(Twin):
    """A lookup in another embedding between forward and backward gives this one its index."""

    trips = ("gradient.one-graph",)
    grade = "rare"
    missed = "no clause has two embeddings in one graph"
    trigger = Shows(what=lambda embedding: _side_by_side(_call(embedding), _call(embedding)))
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


# -- memory that is somebody else's ------------------------------------------------------------------------------------


class RescalesIntoNewMemory(Twin):
    """max_norm puts a new tensor in the place of the weight's memory, and tensors that shared it are left behind."""

    trips = ("max_norm.output",)
    grade = "rare"
    missed = "no clause holds on to the weight's memory"
    trigger = Shows(what=lambda embedding: _shared(embedding, max_norm=5.0))

    def renormalise(self, index: Tensor) -> None:
        self.weight.data = self.weight.data.clone()
        super().renormalise(index)


class LoadsIntoANewParameter(Twin):
    """Loading a state makes a new parameter, and an optimiser goes on with the old one."""

    trips = ("sequences.life",)
    grade = "rare"
    trigger = Shows(what=lambda embedding: _same_parameter(embedding, lambda m: m.load_state_dict(m.state_dict())))

    def load_state_dict(self, *arguments: Any, **named: Any) -> Any:
        self.weight = torch.nn.Parameter(self.weight.detach().clone(), requires_grad=self.weight.requires_grad)
        return super().load_state_dict(*arguments, **named)


class ResetsIntoANewParameter(Twin):
    """reset_parameters() makes a new parameter, and an optimiser goes on with the old one."""

    trips = ("construction.reset",)
    grade = "rare"
    missed = "no clause trains on after a reset"
    trigger = Shows(what=lambda embedding: _same_parameter(embedding, lambda m: m.reset_parameters()))

    def draw(self, weight: Tensor) -> None:
        self.weight = torch.nn.Parameter(torch.empty_like(weight), requires_grad=weight.requires_grad)
        super().draw(self.weight)


class ScalesTheUpstreamGradient(Twin):
    """With scale_grad_by_freq the caller's upstream gradient is divided in place."""

    trips = ("scale_grad_by_freq.divides",)
    grade = "rare"
    missed = "no clause reads the upstream gradient afterwards"
    trigger = Inputs(scale_grad_by_freq=True, index=(1, 1))

    def gradient(self, index: Tensor, upstream: Tensor) -> Tensor | None:
        found = super().gradient(index, upstream)
        if self.scale_grad_by_freq and upstream.is_contiguous():
            upstream.div_(self.occurrences(index).unsqueeze(-1))
        return found


class SortsTheIndexInBackward(Twin):
    """The caller's int64 index is sorted by a backward, after it was read."""

    trips = ("lookup.inputs-unchanged",)
    grade = "rare"
    missed = "no clause reads the index after a backward"
    trigger = Inputs(index=(3, 1, 2))

    def gradient(self, index: Tensor, upstream: Tensor) -> Tensor | None:
        found = super().gradient(index, upstream)
        if index.dim() == 1 and index.is_contiguous():
            index.copy_(index.sort().values)
        return found


class ClearsPaddingInTheFirstCall(Twin):
    """A _weight is used as it is, but its row at padding_idx is set to zeros by the first lookup."""

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


# -- modes -------------------------------------------------------------------------------------------------------------


class RescalesOnlyInTraining(Twin):
    """In evaluation mode no row is rescaled."""

    trips = ("max_norm.renormalises",)
    grade = "rare"
    missed = "no clause is about evaluation mode"
    trigger = Shows(what=lambda embedding: _weight_after(_call(embedding, max_norm=5.0).eval()))

    def renormalise(self, index: Tensor) -> None:
        if self.training:
            super().renormalise(index)


class TrainsPaddingInEvaluation(Twin):
    """In evaluation mode the row at padding_idx gets a gradient."""

    trips = ("padding_idx.no-gradient",)
    grade = "rare"
    missed = "no clause is about evaluation mode"
    trigger = Shows(what=lambda embedding: _gradient_of(_call(embedding, padding_idx=0).eval()))

    def trained(self, index: Tensor) -> Tensor:
        return super().trained(index) | (not self.training)


class RescalesOnlyWithGradients(Twin):
    """Under no_grad no row is rescaled."""

    trips = ("max_norm.renormalises",)
    grade = "rare"
    missed = "no clause is about no_grad"
    trigger = Shows(what=lambda embedding: _weight_after(_call(embedding, max_norm=5.0), gradients=False))

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        self.skipped = not torch.is_grad_enabled()
        return super().forward(input)

    def renormalise(self, index: Tensor) -> None:
        if not self.skipped:
            super().renormalise(index)


class RequiresAGradientUnderNoGrad(Twin):
    """Under no_grad the output still requires a gradient."""

    trips = ("lookup.device",)
    grade = "rare"
    missed = "no clause is about no_grad"
    trigger = Shows(what=lambda embedding: torch.no_grad()(_call(embedding))(torch.tensor([1])).requires_grad)

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        return super().forward(input).requires_grad_(self.weight.requires_grad)


# -- copies and states -------------------------------------------------------------------------------------------------


class LosesNormTypeWhenCopied(Twin):
    """A deep copy has norm_type 2."""

    trips = ("module.copies",)
    grade = "medium"
    trigger = Copies(norm_type=1.0)

    def __deepcopy__(self, memo: dict[int, Any]) -> Twin:
        other = copy.copy(self)
        other.__dict__ = {**copy.deepcopy(self.__dict__, memo), "norm_type": 2.0}
        return other


class LosesSparseWhenSaved(Twin):
    """torch.save loses sparse, which pickle alone keeps."""

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
    missed = "no state has a shape that broadcasts"
    trigger = Shows(what=lambda embedding: _call(embedding).load_state_dict({"weight": torch.ones(1, 2)}))

    def load_state_dict(self, state_dict: Any, *arguments: Any, **named: Any) -> Any:
        state = {k: v.expand_as(self.weight) if v.shape[:1] == (1,) else v for k, v in state_dict.items()}
        return super().load_state_dict(state, *arguments, **named)


class ReshapesAState(Twin):
    """A state with the right number of elements is taken, whatever its shape."""

    trips = ("module.load-refused",)
    grade = "rare"
    trigger = Shows(what=lambda embedding: _call(embedding).load_state_dict({"weight": torch.ones(2, 5)}))

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

    trips = ("module.load",)
    grade = "rare"
    missed = "no state has another dtype"
    trigger = Shows(what=lambda embedding: _dtype_after(_call(embedding)))

    def load_state_dict(self, state_dict: Any, *arguments: Any, **named: Any) -> Any:
        for table in state_dict.values():
            self.weight.data = self.weight.data.to(table.dtype)
        return super().load_state_dict(state_dict, *arguments, **named)


class ForgetsItsClass(Twin):
    """from_pretrained called on a subclass gives an embedding of the class that it was written for."""

    trips = ("from_pretrained.keywords",)
    grade = "rare"
    missed = "no clause calls from_pretrained on a subclass"
    trigger = Shows(what=_made_by_a_subclass)

    @classmethod
    def pretrained(cls, embeddings: Tensor, **arguments: Any) -> Twin:
        made = super().pretrained(embeddings, **arguments)
        made.__class__ = ForgetsItsClass
        return made


class WidensWhatIsGiven(Twin):
    """from_pretrained keeps a half-precision table in float32."""

    trips = ("from_pretrained.values",)
    grade = "rare"
    dtype = "float16"
    trigger = Pretrained()

    @classmethod
    def pretrained(cls, embeddings: Tensor, **arguments: Any) -> Twin:
        wide = embeddings.float() if embeddings.dtype is torch.float16 else embeddings
        return super().pretrained(wide, **arguments)


class CopiesAStridedWeightWrong(Twin):
    """A _weight that is transposed in memory is taken in the order of its memory."""

    trips = ("construction.given-weight",)
    grade = "medium"
    trigger = Given(weight_layout="transposed")

    def adopted(self, weight: Tensor, shape: tuple[int, int]) -> Tensor:
        weight = super().adopted(weight, shape)
        transposed = not weight.is_contiguous() and weight.t().is_contiguous()
        return weight.t().reshape(weight.shape) if transposed else weight


class AnswersTogetherInReverse(Twin):
    """Of two lookups in one graph, each is differentiated with the index of the other where they have one shape."""

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
