"""What the adapters of frameworks have in common that take and give numpy arrays.

Such an adapter is a module of functions in the framework's own API, which a `Framework` collects. Their source also
makes the standalone script of a deviation, so that what a script shows is what was run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from embedding_conformance.boundary.adapter import Declared, Unsupported
from embedding_conformance.cases.features import LAYOUT_FEATURES, WHOLE
from embedding_reference import Tensor

NO_STRIDES = tuple(
    Declared({name: list(WHOLE[name])}, "an array of this framework has no strides: it lies in one way only")
    for name in LAYOUT_FEATURES
)
NO_FREEZE = Declared({"freeze": True}, "no weight is frozen: what is differentiated is said in each call")


def without(*arguments: str, reason: str = "it has no such argument") -> tuple[Declared, ...]:
    """Arguments declared unsupported."""
    return tuple(Declared({name: True}, f"{name}: {reason}") for name in arguments)


def flushing(*dtypes: str) -> Declared:
    """What a framework does not claim whose arithmetic on these dtypes is, by design, without subnormal numbers."""
    features = {"upstream_range": "underflow", "dtype": list(dtypes)}
    return Declared(features, "sums below the normal numbers: its arithmetic is set to make zeros of them")


def refuses(reason: str) -> Callable[..., Any]:
    """A verb that the framework does not provide."""

    def verb(*_: Any, **__: Any) -> Any:
        raise Unsupported(reason)

    return verb


@dataclass(frozen=True)
class Framework:
    """An embedding of a framework, as functions in the framework's own API.

    They take and give the framework's tensors. A bfloat16 array, which numpy does not have, is carried as its bits, in
    uint16. What they raise is the implementation's refusal.

    Attributes:
        name: as its users call it.
        packages: distributions, of which the first has the version of the implementation.
        dtypes: weight dtypes claimed.
        imports: the statements that the functions need, for the script.
        tensor: (numpy array, dtype) -> tensor.
        array: tensor -> (numpy array, dtype).
        make: (num_embeddings, embedding_dim, weight, **arguments) -> embedding; it gets the arguments that
            differ from torch's defaults, by torch's names, and raises where the framework has no such argument.
        look_up: (embedding, index) -> output.
        differentiate: (embedding, indices, upstreams) -> (outputs, gradient): all in one backward. The gradient is a
            tensor, or (rows, values) of row slices, with the number of rows of the whole as a third where the framework
            states it, or None.
        weight_of: embedding -> the weight as it is now.
        unsupported: what it does not claim.
        unchecked: why an index out of range is not refused, where that is so by design.
        blank_pads: why a lookup of padding_idx gives zeros, whatever its row holds, where that is so by design.
        casts: why an index that is not of integers is not refused, where that is so by design.
        flushes: what it does not claim because subnormal numbers become zeros, where that is so by design (`flushing`).
        forget: drops what was compiled, where each shape and dtype is compiled anew; it is called before each dtype.
        accumulates: whether `differentiate` adds to the gradient that is there, which it only reads without indices.
        made: further ways of making, by `via` of `boundary.adapter.Adapter.make`, called like `make`; "fresh" is
            called without a weight, and with `dtype`.
        lay_out: (tensor, layout) -> the same, laid out in memory as named in `cases.case.LAYOUTS`.
        untracked: (embedding, index) -> output: a lookup that is not recorded for a backward.
        is_tracked: output -> whether it takes part in differentiation.
        optimizer: (embedding, name, options) -> the optimiser that torch calls so, made with options named as torch's;
            it comes to the verb `step` in their place.
        verbs: further verbs of `boundary.adapter.Instance`, by name, as functions of the embedding; a `Lookup` comes
            to them as (index, upstream gradient), and a `Backward` from them as (list of outputs, gradient).
        shared: functions and classes that the others need, for the script.
    """

    name: str
    packages: tuple[str, ...]
    dtypes: tuple[str, ...]
    imports: str
    tensor: Callable[[Any, str], Any]
    array: Callable[[Any], tuple[Any, str]]
    make: Callable[..., Any]
    look_up: Callable[[Any, Any], Any]
    differentiate: Callable[[Any, list[Any], list[Any]], tuple[list[Any], Any]]
    weight_of: Callable[[Any], Any]
    unsupported: tuple[Declared, ...] = ()
    unchecked: str = ""
    blank_pads: str = ""
    casts: str = ""
    flushes: Declared | None = None
    forget: Callable[[], Any] | None = None
    accumulates: bool = False
    made: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    lay_out: Callable[[Any, str], Any] | None = None
    untracked: Callable[[Any, Any], Any] | None = None
    is_tracked: Callable[[Any], bool] | None = None
    optimizer: Callable[[Any, str, dict[str, Any]], Any] | None = None
    verbs: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    shared: tuple[Callable[..., Any], ...] = ()

    @property
    def functions(self) -> tuple[Callable[..., Any], ...]:
        """Those that a script may need, each after those that it calls."""
        core: tuple[Callable[..., Any] | None, ...] = (
            *(self.tensor, self.lay_out, self.make, *self.made.values(), self.look_up, self.untracked),
            *(self.differentiate, self.weight_of, self.optimizer),
        )
        return tuple(dict.fromkeys((*self.shared, *(each for each in core if each), *self.verbs.values())))

    def to(self, tensor: Tensor, layout: str = "contiguous") -> Any:
        """The framework's tensor with these bits; a scalar, and what has no elements, lies in one way only.

        Raises:
            Unsupported: the framework has no such layout.
        """
        array = np.frombuffer(tensor.data, dtype=carrier(tensor.dtype)).reshape(tensor.shape)
        # A copy in the byte order that numpy calls native: not every framework takes the same one by its own name.
        made = self.tensor(array.astype(array.dtype.newbyteorder("=")), tensor.dtype)
        if layout == "contiguous":
            return made
        if self.lay_out is None:
            raise Unsupported(NO_STRIDES[0].reason)
        return self.lay_out(made, layout) if tensor.shape and tensor.data else made

    def back(self, tensor: Any) -> Tensor:
        """The bits of a tensor of the framework's."""
        array, dtype = self.array(tensor)
        # Not np.ascontiguousarray, which makes of a scalar an array of shape (1,).
        return Tensor(dtype, tuple(array.shape), np.asarray(array).tobytes())


def carrier(dtype: str) -> Any:
    """The numpy dtype that carries a dtype."""
    return np.dtype({"bfloat16": "uint16"}.get(dtype, dtype)).newbyteorder("<")
