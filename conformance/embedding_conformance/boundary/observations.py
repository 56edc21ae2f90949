"""The answers of an implementation, as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from embedding_conformance.boundary.refusals import Unsupported
from embedding_conformance.cases.case import Lookup
from embedding_reference import Tensor


class Shape(Tensor):
    """The dtype and the shape of a tensor without data, as on the meta device or a fake tensor."""

    def __init__(self, dtype: str, shape: tuple[int, ...]) -> None:
        object.__setattr__(self, "dtype", dtype)
        object.__setattr__(self, "shape", shape)

    @property
    def data(self) -> bytes:
        """Not there.

        Raises:
            Unsupported: always.
        """
        raise Unsupported("the tensor has no data")


@dataclass(frozen=True)
class Gradient:
    """The weight's gradient, in the layout that the implementation gave it.

    Attributes:
        layout: "dense", "coo" (sparse COO over rows) or "rows" (row slices); another layout by torch's name for it.
        shape: the shape of the whole gradient, as the implementation states it.
        device: the device that it is on.
        values: the whole gradient where it is dense; else its entries, of shape (nnz, embedding_dim).
        rows: the row of each entry, int64, of shape (nnz,); None where the gradient is dense.
        coalesced: whether it claims to be coalesced: its rows are in order, and each is there once.
    """

    layout: str
    shape: tuple[int, ...]
    device: str
    values: Tensor
    rows: Tensor | None = None
    coalesced: bool = False


@dataclass(frozen=True)
class Forward:
    """The answer to one lookup.

    Attributes:
        output: the output, of shape index.shape + (embedding_dim,).
        requires_grad: whether the output takes part in differentiation; None where the framework does not tell.
        device: the device that the output is on.
        index_after: the index after the call.
        contiguous: whether the output lies in memory row by row without a gap; None where the framework does not tell.
    """

    output: Tensor
    requires_grad: bool | None
    device: str
    index_after: Tensor
    contiguous: bool | None = None


@dataclass(frozen=True)
class Backward:
    """The answer to lookups and their backward pass.

    Attributes:
        outputs: the output of each lookup.
        gradient: the weight's gradient; None where it got none.
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
    """The answers to all calls of a case.

    Attributes:
        outputs: the output of each lookup.
        gradient: the weight's gradient; None where there is none, or where it was not asked for.
        weight: the weight afterwards.
    """

    outputs: tuple[Tensor, ...]
    gradient: Gradient | None
    weight: Tensor

    @property
    def output(self) -> Tensor:
        """The output of the first lookup."""
        return self.outputs[0]


class Call(NamedTuple):
    """One call of a verb.

    Attributes:
        verb: the name of the verb.
        arguments: its arguments, by name.
        on: 0 where the adapter itself was called; else the instance, named by the call that made it, counted from 1.
    """

    verb: str
    arguments: Mapping[str, Any]
    on: int = 0
