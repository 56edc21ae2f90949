"""The record of functions by which frameworks that exchange numpy arrays are driven.

The adapter of such a framework is a module of functions in the framework's own API, which a `Framework` collects. The
standalone script of a deviation contains their source, so that it shows exactly what was run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from embedding_conformance.boundary.description import Declared
from embedding_conformance.boundary.refusals import Unsupported
from embedding_conformance.cases.features import LAYOUT_FEATURES, WHOLE
from embedding_reference import Tensor

NO_STRIDES = tuple(
    Declared({name: list(WHOLE[name])}, "an array of this framework has no strides: it lies in one way only")
    for name in LAYOUT_FEATURES
)
NO_FREEZE = Declared({"freeze": True}, "no weight is frozen: what is differentiated is said in each call")


def without(*arguments: str, reason: str = "it has no such argument") -> tuple[Declared, ...]:
    """Declare arguments of `nn.Embedding` unsupported, for the reason given."""
    return tuple(Declared({name: True}, f"{name}: {reason}") for name in arguments)


def flushing(*dtypes: str) -> Declared:
    """Declare underflowing sums unsupported, where arithmetic on these dtypes flushes subnormal numbers by design."""
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

    The functions take and return the framework's tensors; numpy has no bfloat16, and carries its bits in uint16. An
    exception that they raise counts as the implementation's refusal.

    Attributes:
        name: as its users call it.
        packages: the distributions that it needs; the first has the version of the implementation.
        dtypes: the weight dtypes that it claims.
        imports: the import statements that the functions need, for the script.
        tensor: (numpy array, dtype) -> tensor.
        array: tensor -> (numpy array, dtype).
        make: (num_embeddings, embedding_dim, weight, **arguments) -> embedding; it gets the arguments that
            differ from torch's defaults, by torch's names, and raises where the framework has no such argument.
        look_up: (embedding, index) -> output.
        differentiate: (embedding, indices, upstreams) -> (outputs, gradient), all in one backward pass. The gradient is
            a tensor; or (rows, values) of row slices, with the number of all rows as a third element where the
            framework states it; or None.
        weight_of: embedding -> the weight as it is now.
        unsupported: what it does not claim.
        blank_pads: where by design a lookup of padding_idx gives zeros, whatever its row holds, the reason.
        flushes: where by design subnormal numbers become zeros, what it therefore does not claim (`flushing`).
        forget: drops compiled code, where each shape and dtype is compiled anew; it is called before each dtype.
        accumulates: whether `differentiate` adds to the gradient that is there; without indices it then only reads it.
        made: further functions like `make`, by `via` of `boundary.adapter.Adapter.make`; "fresh" gets `dtype` in the
            place of a weight.
        lay_out: (tensor, layout) -> the same elements in a memory layout of `cases.case.LAYOUTS`.
        untracked: (embedding, index) -> output: a lookup that is not recorded for a backward.
        is_tracked: output -> whether it takes part in differentiation.
        optimizer: (embedding, name, options) -> the optimiser of that name; name and options are torch's. The verb
            `step` gets the optimiser in their place.
        verbs: further verbs of `boundary.adapter.Instance`, by name, as functions of the embedding. They take a
            `Lookup` as (index, upstream gradient), and return a `Backward` as (list of outputs, gradient).
        shared: functions and classes that the other functions need, for the script.
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
    blank_pads: str = ""
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
        """The functions that a script may need, each after those that it calls."""
        core: tuple[Callable[..., Any] | None, ...] = (
            *(self.tensor, self.lay_out, self.make, *self.made.values(), self.look_up, self.untracked),
            *(self.differentiate, self.weight_of, self.optimizer),
        )
        return tuple(dict.fromkeys((*self.shared, *(each for each in core if each), *self.verbs.values())))

    def to(self, tensor: Tensor, layout: str = "contiguous") -> Any:
        """The framework's tensor with these bits; a tensor of one element, or of none, has one layout only.

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
        """The plain tensor with the bits of one of the framework's."""
        array, dtype = self.array(tensor)
        # Not np.ascontiguousarray, which turns a scalar into an array of shape (1,).
        return Tensor(dtype, tuple(array.shape), np.asarray(array).tobytes())


def carrier(dtype: str) -> Any:
    """The numpy dtype that carries a dtype, little-endian: uint16 for bfloat16, else the one of the same name."""
    return np.dtype({"bfloat16": "uint16"}.get(dtype, dtype)).newbyteorder("<")
