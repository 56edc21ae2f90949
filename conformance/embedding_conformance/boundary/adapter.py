"""The protocols of adapters, which drive an implementation under test, and of the instances that they make.

An `Adapter` drives one implementation. It makes instances, and each `Instance` answers a few verbs with `Tensor`s and
other plain data, so the same verbs work in this process and across the worker protocol (`docs/protocol.md`). The table
of verbs (`boundary.verbs`) is read off these classes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from embedding_conformance.boundary.description import Description
from embedding_conformance.boundary.observations import Backward, Call, Forward
from embedding_conformance.cases.case import Config, Lookup
from embedding_reference import Tensor


class Instance(Protocol):
    """One embedding of the implementation under test. Every verb may raise `Refused` or `Unsupported`."""

    def forward(self, lookup: Lookup, *, no_grad: bool = False, index_device: str | None = None) -> Forward:
        """Look up `lookup.index`.

        Args:
            lookup: the lookup.
            no_grad: whether nothing is recorded for a backward pass.
            index_device: the device that the index is on; None is the weight's. It may be "meta", where tensors have no
                data.
        """

    def gradient(self, lookups: Sequence[Lookup], *, together: bool = False) -> Backward:
        """Look up each index and backpropagate its upstream gradient, without clearing gradients in between.

        With `together`, one backward pass differentiates all outputs; otherwise each output has its own. Without
        lookups, the call only reads the gradient that is there.
        """

    def weight(self) -> Tensor:
        """The weight as it is now."""

    def attributes(self) -> Mapping[str, Any]:
        """The documented attributes by name, and others that every instance has.

        The others are "requires_grad", "dtype", "shape" and "device" of the weight; "training", "class" (the name of
        the class) and "repr".
        """

    def overwrite(self, lookup: Lookup) -> Tensor:
        """Look up, overwrite the output's memory with other bits, and return the weight as it is afterwards."""

    def index_after(self, lookup: Lookup) -> Tensor:
        """Look up, and return the index as it is afterwards, even if the lookup raised."""

    def again(self, lookup: Lookup, *, deterministic: bool = False) -> tuple[Backward, Backward]:
        """Look up once, backpropagate twice through the same graph, and return what each backward pass gave by itself.

        With `deterministic`, both run in the mode in which the framework promises the same bits each time.
        """

    def beside(self, weight: Tensor, lookups: Sequence[Lookup]) -> tuple[Backward, Backward]:
        """Differentiate a lookup of this embedding and one of another with a weight of its own in one backward pass.

        Args:
            weight: the other embedding's weight; in all else the two are alike.
            lookups: this embedding's lookup, and the other's.
        """

    def use_first(self, lookup: Lookup, *, clone: bool) -> Backward:
        """Square each element of the weight, or of a clone, then look up, then differentiate both in one backward pass.

        The upstream gradient of the squares is all ones.
        """

    def second_order(self, lookup: Lookup, direction: Tensor) -> Tensor:
        """The derivative of the inner product of the weight's gradient and `direction`, by the upstream gradient.

        Args:
            lookup: the lookup.
            direction: a tensor of the weight's shape and dtype.
        """

    def clear(self, *, to_none: bool = True) -> None:
        """Clear the weight's gradient: `zero_grad(set_to_none=to_none)`."""

    def edit(self, weight: Tensor) -> None:
        """Write other bits into the weight's own memory, as an initialiser does."""

    def given(self) -> Tensor:
        """The tensor that `make` was given as weight, as it is now: it shows edits if the weight shares its memory."""

    def freeze(self, *, frozen: bool) -> None:
        """Exclude the weight from differentiation, or include it again."""

    def mode(self, *, training: bool) -> None:
        """`train()` or `eval()`."""

    def cast(self, dtype: str, *, by_name: bool = False) -> None:
        """`to(dtype)`, or with `by_name` the method named for it (`half()`, `double()`, ...); optimisers start anew."""

    def move(self, device: str, *, empty: bool = False) -> None:
        """`to(device)`, or with `empty` `to_empty(device)`, which leaves the bits open; optimisers start anew."""

    def state(self) -> Mapping[str, Tensor]:
        """`state_dict()`."""

    def load(self, state: Mapping[str, Tensor]) -> None:
        """`load_state_dict(state)`, strictly."""

    def assign(self, state: Mapping[str, Tensor]) -> None:
        """`load_state_dict(state, assign=True)`, strictly; the tensors of the state take part in no differentiation."""

    def load_partly(self, state: Mapping[str, Tensor]) -> Mapping[str, Any]:
        """`load_state_dict(state, strict=False)`: the lists of "missing" and "unexpected" keys that it tells."""

    def replace_weight(self, weight: Tensor) -> None:
        """Put a new parameter in the place of the weight; optimisers start anew."""

    def chains(self) -> Mapping[str, Any]:
        """Whether `train`, `eval`, `requires_grad_` and `to` return the embedding itself, by name."""

    def between(self, lookup: Lookup, change: str) -> Backward:
        """Look up, make a change, and backpropagate only then.

        Args:
            lookup: the lookup.
            change: "nothing"; "index" fills the index that was looked up with zeros, and "index after backward" does so
                only when the gradient is there, which is read then; "weight" changes every sign in the weight; "mode"
                changes between `train()` and `eval()`; "lookup" looks up the next rows, and keeps nothing of it;
                "backward of a lookup" looks up the next rows, and differentiates that with minus the upstream gradient;
                "output hook" and "weight hook" register a hook that changes every sign of the gradient.
        """

    def reuse(self, lookups: Sequence[Lookup]) -> Backward:
        """Look each index up in one tensor that is filled anew for each, with a backward pass of its own."""

    def infer(self, lookup: Lookup) -> Forward:
        """Look up in inference mode."""

    def jvp(self, lookup: Lookup, tangent: Tensor) -> Tensor:
        """The derivative of the output along a tangent of the weight, of its shape and dtype, in forward mode."""

    def at_once(self, lookups: Sequence[Lookup]) -> Backward:
        """Look each index up in a thread of its own, all at the same time and several times; the last outputs."""

    def disturbs(self, lookup: Lookup) -> Mapping[str, Any]:
        """Look up, and backpropagate where possible: the settings that this changes, before and after, by name.

        They are "default dtype", "default device", "grad mode", "deterministic", "threads" and "random state".
        """

    def leaves(self, lookup: Lookup, calls: int) -> Mapping[str, Any]:
        """By how much the number of "tensors" grows with so many calls, each a lookup and its backward."""

    def copy(self, how: str) -> Instance:
        """A copy by "deepcopy", "pickle" or "save" (`torch.save` and `torch.load`)."""

    def reset(self) -> None:
        """`reset_parameters()`."""

    def step(self, optimizer: str, options: Mapping[str, Any], lookups: Sequence[Lookup]) -> None:
        """Clear gradients, look up, backpropagate, and let the optimiser take one step.

        The first step with these options makes the optimiser; later ones use the same, with its state.

        Args:
            optimizer: its name in `torch.optim`.
            options: its keyword arguments, as torch names them.
            lookups: the lookups of the step, each with a backward pass of its own.
        """


class Adapter(Protocol):
    """Drives one implementation."""

    def describe(self) -> Description:
        """What is under test, and what it claims."""

    def make(
        self,
        config: Config,
        weight: Tensor | None,
        *,
        device: str,
        layout: str = "contiguous",
        via: str = "assignment",
        dtype: str | None = None,
    ) -> Instance:
        """An instance with the given arguments.

        Args:
            config: the arguments.
            weight: the weight's bits, shape (num_embeddings, embedding_dim); None leaves it as initialised.
            device: the device of the weight; on "meta" only its shape and dtype are kept.
            layout: the memory layout of the weight (`cases.case.LAYOUTS`).
            via: how the instance gets its weight. "assignment": after construction. "_weight": as that argument.
                "from_pretrained". "subclass": by `from_pretrained` of a class named Derived that derives from the
                implementation's. "functional": each call hands it to the functional form, with the arguments. Where
                `weight` is None, also "default_dtype": `dtype` is not an argument, but the framework's default while
                the instance is made; "default_device": the same of `device`; "no_grad": it is made under no_grad;
                "seeded": it is made after the same seed each time.
            dtype: the dtype= argument, where `weight` is None.
        """

    def signature(self, of: str) -> list[tuple[str, str, str]]:
        """(name, kind, default as repr or "") of each parameter of "constructor", "from_pretrained" or "functional"."""

    def script(self, calls: Sequence[Call]) -> str:
        """A standalone script in the framework's own API that makes the same calls and prints what each returns."""
