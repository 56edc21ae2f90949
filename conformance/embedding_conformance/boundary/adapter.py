"""The boundary: what an implementation under test must answer, in plain data.

An `Adapter` drives one implementation. It makes instances, and each `Instance` answers a few verbs with `Tensor`s and
other plain data, so the same verbs work in this process and across the worker protocol (`docs/protocol.md`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from embedding_conformance.cases.case import Config, Lookup
from embedding_reference import Tensor


class Refused(Exception):  # noqa: N818 - it says what the implementation did
    """The implementation raised.

    Attributes:
        family: one of `embedding_reference.permitted.FAMILIES`, or "other".
        kind: name of the exception's class.
        message: its text.
    """

    def __init__(self, family: str, kind: str, message: str) -> None:
        super().__init__(family, kind, message)
        self.family, self.kind, self.message = family, kind, message

    @classmethod
    def of(cls, error: BaseException) -> Refused:
        """The refusal that a Python exception stands for; the most derived family wins.

        Whoever raises a class of their own means to.
        """
        own = type(error).__module__.split(".")[0] not in ("builtins", "embedding_conformance")
        families = (
            ((IndexError, KeyError), "index"),
            ((TypeError,), "type"),
            ((ValueError, AssertionError, OverflowError), "value"),
            ((RuntimeError,), "runtime"),
        )
        family = next((name for types, name in families if isinstance(error, types)), "runtime" if own else "other")
        return cls(family, type(error).__name__, str(error))

    def __str__(self) -> str:
        first_line = self.message.strip().splitlines()[0] if self.message.strip() else ""
        return f"{self.kind}: {first_line}" if first_line else self.kind


class Lost(Refused):
    """The implementation raised, and nothing in its process answers any more, as after an assertion on a device."""


LOST = "a refusal cost the process that held the weight, as an assertion on the device does"
"""Why nothing can be told of what is left after such a refusal."""


class Unsupported(Exception):  # noqa: N818 - it is an answer, not an error
    """The adapter does not provide this verb or argument, for the reason given."""


class Died(Exception):  # noqa: N818 - it says what the implementation did
    """The implementation ended its process, or did not answer in time; the text says which, e.g. `died (SIGSEGV)`.

    Attributes:
        said: the end of its standard error.
    """

    def __init__(self, how: str, said: str = "") -> None:
        super().__init__(how)
        self.said = said


class Shape(Tensor):
    """What is known of a tensor without data, on the meta device or a fake: its dtype and its shape."""

    def __init__(self, dtype: str, shape: tuple[int, ...]) -> None:
        object.__setattr__(self, "dtype", dtype)
        object.__setattr__(self, "shape", shape)

    @property
    def data(self) -> bytes:
        """There is none.

        Raises:
            Unsupported: always.
        """
        raise Unsupported("the tensor has no data")


@dataclass(frozen=True)
class Gradient:
    """A weight gradient, as it came.

    Attributes:
        layout: "dense", "coo" (sparse COO over rows) or "rows" (row slices).
        shape: of the whole gradient, as the implementation states it.
        device: where it lives.
        values: dense: the whole gradient; else (nnz, embedding_dim).
        rows: None for dense; else the row of each entry of `values`, int64, shape (nnz,).
        coalesced: whether it claims that its rows are in order and each there once.
    """

    layout: str
    shape: tuple[int, ...]
    device: str
    values: Tensor
    rows: Tensor | None = None
    coalesced: bool = False


@dataclass(frozen=True)
class Forward:
    """What a lookup gave.

    Attributes:
        output: the output.
        requires_grad: whether it takes part in differentiation; None where an output does not say.
        device: where it lives.
        index_after: the index after the call.
    """

    output: Tensor
    requires_grad: bool | None
    device: str
    index_after: Tensor


@dataclass(frozen=True)
class Backward:
    """What lookups and their backward gave.

    Attributes:
        outputs: one a lookup.
        gradient: the weight's; None: it got none.
        inputs: index and upstream gradient of each lookup as they are afterwards; empty where that is not known.
    """

    outputs: tuple[Tensor, ...]
    gradient: Gradient | None
    inputs: tuple[Lookup, ...] = ()

    @property
    def output(self) -> Tensor:
        """The output of the first lookup."""
        return self.outputs[0]


@dataclass(frozen=True)
class Observation:
    """What a case came to: an output a lookup, the weight's gradient (None: none, or not asked for), the weight."""

    outputs: tuple[Tensor, ...]
    gradient: Gradient | None
    weight: Tensor

    @property
    def output(self) -> Tensor:
        """The output of the first lookup."""
        return self.outputs[0]


class Call(NamedTuple):
    """A verb as it was called.

    Attributes:
        verb: its name.
        arguments: by name.
        on: 0 for the adapter itself, else the instance: the number, counted from 1, of the call that made it.
    """

    verb: str
    arguments: Mapping[str, Any]
    on: int = 0


@dataclass(frozen=True)
class Declared:
    """Something declared unsupported: cases with these features (`Case.features`) must be refused."""

    features: Mapping[str, Any]
    reason: str


@dataclass(frozen=True)
class Description:
    """What is under test.

    Attributes:
        name: as its users call it, e.g. "torch.nn.Embedding".
        version: of the implementation.
        dtypes: weight dtypes claimed.
        devices: devices that are there.
        packages: versions of what it stands on.
        unsupported: what it does not claim.
        untaken: documented arguments that the constructor does not take, with the reason; "" where none was declared.
        ledger: name of the bundled ledger of known deviations that applies by itself, or "".
        inherits: whether that ledger is of what the implementation is built on, not its own.
        compiles: whether it compiles anew for each shape and dtype, and keeps what it compiled: then few shapes are
            drawn, and one dtype is tested after the other.
    """

    name: str
    version: str
    dtypes: tuple[str, ...]
    devices: tuple[str, ...] = ("cpu",)
    packages: Mapping[str, str] = field(default_factory=dict)
    unsupported: tuple[Declared, ...] = ()
    untaken: Mapping[str, str] = field(default_factory=dict)
    ledger: str = ""
    inherits: bool = False
    compiles: bool = False


class Instance(Protocol):
    """One embedding of the implementation under test. Every verb may raise `Refused` or `Unsupported`."""

    def forward(self, lookup: Lookup, *, no_grad: bool = False, index_device: str | None = None) -> Forward:
        """Look up `lookup.index`.

        With `no_grad`, where nothing is recorded for a backward; with `index_device`, of an index on that device,
        which may be "meta", where tensors have no content.
        """

    def gradient(self, lookups: Sequence[Lookup], *, together: bool = False) -> Backward:
        """Look up each index and send its upstream gradient back, without clearing gradients in between.

        With `together` all outputs are differentiated in one backward, else each has its own. Without lookups it only
        reads the gradient that is there.
        """

    def weight(self) -> Tensor:
        """The weight as it is now."""

    def attributes(self) -> Mapping[str, Any]:
        """The documented attributes by name, and others that every instance has.

        These are requires_grad, dtype, shape and device of the weight; training, the name of the class, and repr.
        """

    def overwrite(self, lookup: Lookup) -> Tensor:
        """Look up, overwrite the output's memory with other bits, and return the weight as it is then."""

    def index_after(self, lookup: Lookup) -> Tensor:
        """Look up, and return the index as it is then, even if the lookup itself raised."""

    def again(self, lookup: Lookup, *, deterministic: bool = False) -> tuple[Backward, Backward]:
        """Look up once, and send the upstream gradient back twice through the same graph; what each gave by itself.

        With `deterministic`, in the mode in which the framework promises the same bits each time.
        """

    def beside(self, weight: Tensor, lookups: Sequence[Lookup]) -> tuple[Backward, Backward]:
        """Differentiate a lookup of this embedding, and one of another that differs in its weight, in one backward.

        Args:
            weight: the other's weight.
            lookups: this embedding's lookup, and the other's.
        """

    def use_first(self, lookup: Lookup, *, clone: bool) -> Backward:
        """Square each element of the weight (with `clone`, of a clone), then look up, then differentiate both at once.

        The upstream gradient of the squares is all ones.
        """

    def second_order(self, lookup: Lookup, direction: Tensor) -> Tensor:
        """The derivative, by the upstream gradient, of the inner product of the weight's gradient with `direction`.

        Args:
            lookup: the lookup.
            direction: of the weight's shape and dtype.
        """

    def clear(self, *, to_none: bool = True) -> None:
        """Forget the weight's gradient: `zero_grad(set_to_none=to_none)`."""

    def edit(self, weight: Tensor) -> None:
        """Write other bits into the weight's own memory, as an initialiser does."""

    def given(self) -> Tensor:
        """The tensor that `make` was given as weight, as it is now: where the weight lies in it, edits show."""

    def freeze(self, *, frozen: bool) -> None:
        """Let the weight take part in differentiation no more, or again."""

    def mode(self, *, training: bool) -> None:
        """`train()` or `eval()`."""

    def cast(self, dtype: str, *, by_name: bool = False) -> None:
        """`to(dtype)`, or `by_name` the method named for it (`half()`, `double()`, ...); optimisers start anew."""

    def move(self, device: str, *, empty: bool = False) -> None:
        """`to(device)`, or `to_empty(device)`, which leaves the weight's bits open; optimisers start anew."""

    def state(self) -> Mapping[str, Tensor]:
        """`state_dict()`."""

    def load(self, state: Mapping[str, Tensor]) -> None:
        """`load_state_dict(state)`, strictly."""

    def copy(self, how: str) -> Instance:
        """A copy by "deepcopy", "pickle" or "save" (`torch.save` and `torch.load`)."""

    def reset(self) -> None:
        """`reset_parameters()`."""

    def step(self, optimizer: str, options: Mapping[str, Any], lookups: Sequence[Lookup]) -> None:
        """Clear gradients, look up, send back, and let the optimiser take one step.

        An optimiser is made at its first step with these options and kept, with its state, for the next.
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
            device: where it lives; "meta": nowhere, only shape and dtype are kept.
            layout: how the weight lies in memory (`cases.case.LAYOUTS`).
            via: how the weight gets in: "assignment" after construction, "_weight", "from_pretrained", "subclass":
                 `from_pretrained` called on a class named Derived that derives from the implementation's, or
                 "functional": it is handed to the functional form, with the arguments, at each call. For a weight that
                 is None also "default_dtype": `dtype` is the framework's default while it is made, not an argument.
            dtype: the dtype= argument, for a weight that is None.
        """

    def signature(self, of: str) -> list[tuple[str, str, str]]:
        """(name, kind, default as repr or "") of each parameter of "constructor", "from_pretrained" or "functional"."""

    def script(self, calls: Sequence[Call]) -> str:
        """A standalone script in the framework's own API that makes the same calls and prints what each gives."""
