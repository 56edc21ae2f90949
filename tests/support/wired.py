"""A small embedding on numpy with an adapter that is right, and adapters of the same embedding that lie about it.

Each liar says its lie in one sentence, and is the right adapter in everything else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np

from embedding_conformance.boundary.description import Description
from embedding_conformance.boundary.observations import Backward, Forward, Gradient
from embedding_conformance.boundary.refusals import Refused, Unsupported
from embedding_conformance.cases.case import Config, Lookup
from embedding_reference import Tensor


class Embedding:
    """The implementation: right, and the same for all adapters here."""

    def __init__(
        self,
        weight: Any,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
        trained: bool = True,
    ) -> None:
        self.weight, self.max_norm, self.norm_type = weight, max_norm, norm_type
        self.padding_idx = None if padding_idx is None else padding_idx % len(weight)
        self.scale_grad_by_freq, self.sparse, self.trained = scale_grad_by_freq, sparse, trained
        self.dense: Any = None
        self.entries: list[tuple[int, Any]] = []

    def __call__(self, index: Any) -> Any:
        if index.dtype not in (np.int32, np.int64):
            raise TypeError("indices are int32 or int64")
        if index.size and (index.min() < 0 or index.max() >= len(self.weight)):
            raise IndexError("index out of range")
        for row in np.unique(index) if self.max_norm is not None else ():
            norm = np.linalg.norm(self.weight[row].astype(np.float64), self.norm_type)
            if norm > self.max_norm:
                self.weight[row] *= self.max_norm / (norm + 1e-7)
        return self.weight[index]

    def backward(self, index: Any, upstream: Any) -> None:
        positions, upstreams = index.ravel(), upstream.reshape(index.size, upstream.shape[-1])
        counts = np.bincount(positions, minlength=len(self.weight))
        if self.dense is None:
            self.dense = np.zeros(self.weight.shape, np.float64)
        for row, each in zip(positions, upstreams):
            if row != self.padding_idx:
                part = each / counts[row] if self.scale_grad_by_freq else each
                self.entries.append((int(row), part))
                self.dense[row] += part


class Instance:
    """One embedding, and a way to each of its verbs."""

    def __init__(self, adapter: Adapter, config: Config, weight: Tensor) -> None:
        self.adapter, self.config = adapter, config
        self.embedding = Embedding(adapter.array(weight), **adapter.arguments(config))

    def look_up(self, index: Any) -> Any:
        try:
            return self.embedding(index)
        except Exception as error:
            raise Refused.of(error) from error

    def forward(self, lookup: Lookup) -> Any:
        index = self.adapter.array(lookup.index)
        output = self.look_up(index)
        return Forward(self.adapter.tensor(output), self.embedding.trained, "cpu", self.adapter.tensor(index))

    def gradient(self, lookups: Sequence[Lookup], *, together: bool = False) -> Any:  # noqa: ARG002 - the same here
        outputs = []
        for lookup in lookups:
            index = self.adapter.array(lookup.index)
            outputs.append(self.adapter.tensor(self.look_up(index)))
            self.embedding.backward(index, self.upstream(lookup))
        return Backward(tuple(outputs), self.read())

    def upstream(self, lookup: Lookup) -> Any:
        return self.adapter.array(lookup.upstream)

    def read(self) -> Gradient | None:
        """The gradient as it is."""
        shape, dtype = self.embedding.weight.shape, self.embedding.weight.dtype
        if self.embedding.dense is None:
            return None
        if not self.embedding.sparse:
            return Gradient("dense", shape, "cpu", self.adapter.tensor(self.embedding.dense.astype(dtype)))
        entries = self.embedding.entries
        values = np.array([part for _, part in entries], dtype).reshape(len(entries), shape[1])
        rows = np.array([row for row, _ in entries], np.int64)
        return Gradient("rows", shape, "cpu", self.adapter.tensor(values), self.adapter.tensor(rows))

    def weight(self) -> Any:
        return self.adapter.tensor(self.embedding.weight)

    def edit(self, weight: Tensor) -> None:
        self.embedding.weight[...] = self.adapter.array(weight)


class Adapter:
    """Drives the embedding, and is right."""

    instance = Instance

    def describe(self) -> Description:
        return Description("numpy embedding", np.__version__, ("float32", "float64", "float16"))

    def make(self, config: Config, weight: Tensor | None, *, device: str, **options: Any) -> Instance:  # noqa: ARG002
        if weight is None or options.get("via", "assignment") != "assignment":
            raise Unsupported("weights are always given")
        return self.instance(self, config, weight)

    def array(self, tensor: Tensor) -> Any:
        """A tensor as an array."""
        return np.frombuffer(bytearray(tensor.data), np.dtype(tensor.dtype)).reshape(tensor.shape)

    def tensor(self, array: Any) -> Tensor:
        """An array as a tensor."""
        return Tensor(str(array.dtype), array.shape, array.tobytes())

    def arguments(self, config: Config) -> dict[str, Any]:
        """The arguments of the embedding."""
        names = ("padding_idx", "max_norm", "norm_type", "scale_grad_by_freq", "sparse")
        return {**{name: getattr(config, name) for name in names}, "trained": not config.freeze}


# -- what goes wrong with arrays on the way in and out -----------------------------------------------------------------


class Contiguous(Adapter):
    """Hands a 0-d index over with shape (1,)."""

    def array(self, tensor: Tensor) -> Any:
        return np.ascontiguousarray(super().array(tensor))


class BigEndian(Adapter):
    """Reads weights as big-endian."""

    def array(self, tensor: Tensor) -> Any:
        array = super().array(tensor)
        return array.byteswap() if array.dtype.kind == "f" else array


class BigEndianBothWays(BigEndian):
    """Reads and writes numbers as big-endian, so that copies come out right and sums do not."""

    def tensor(self, array: Any) -> Tensor:
        return super().tensor(array.byteswap() if array.dtype.kind == "f" else array)


class Transposed(Adapter):
    """Gives the bytes of tables column by column."""

    def tensor(self, array: Any) -> Tensor:
        return Tensor(str(array.dtype), array.shape, array.tobytes(order="F"))


class TransposedBothWays(Transposed):
    """Reads and writes tables column by column."""

    def array(self, tensor: Tensor) -> Any:
        array = super().array(tensor)
        return np.array(array.reshape(tensor.shape, order="F")) if len(tensor.shape) == 2 else array


class Canonical(Adapter):
    """Puts one NaN in the place of all, as a conversion of bfloat16 through float32 may."""

    def array(self, tensor: Tensor) -> Any:
        array = super().array(tensor)
        if array.dtype.kind == "f":
            array[np.isnan(array)] = np.nan
        return array


class Narrow(Adapter):
    """Cuts indices to 32 bits."""

    def array(self, tensor: Tensor) -> Any:
        array = super().array(tensor)
        return array.astype(np.int32) if tensor.dtype == "int64" else array


class Spelled(Adapter):
    """Names dtypes as numpy spells them."""

    def tensor(self, array: Any) -> Tensor:
        return Tensor(array.dtype.str, array.shape, array.tobytes())


class Listed(Adapter):
    """Gives shapes as lists."""

    def tensor(self, array: Any) -> Tensor:
        return Tensor(str(array.dtype), list(array.shape), array.tobytes())  # type: ignore[arg-type]


class Arrays(Adapter):
    """Gives arrays in the place of tensors."""

    def tensor(self, array: Any) -> Any:
        return array


class Half(Adapter):
    """Reads float16 as bfloat16, and nothing else amiss."""

    def array(self, tensor: Tensor) -> Any:
        array = super().array(tensor)
        return array.astype(np.float32).astype(np.float16) + np.float16(1) if tensor.dtype == "float16" else array


# -- what goes wrong in a verb -----------------------------------------------------------------------------------------


class ScalarOfOne(Instance):
    """Hands a 0-d index over with shape (1,), and gives back the one that it was given."""

    def look_up(self, index: Any) -> Any:
        return super().look_up(np.ascontiguousarray(index))


class NarrowQuietly(Instance):
    """Cuts indices to 32 bits, and gives back those that it was given."""

    def look_up(self, index: Any) -> Any:
        return super().look_up(index.astype(np.int32) if index.dtype == np.int64 else index)


class Keeps(Instance):
    """Gives back the weight that it was given, not that of the embedding."""

    def __init__(self, adapter: Adapter, config: Config, weight: Tensor) -> None:
        super().__init__(adapter, config, weight)
        self.kept = weight

    def weight(self) -> Any:
        return self.kept


class KeepsWithoutEdit(Keeps):
    """The same, without the verb that shows it."""

    def __getattribute__(self, name: str) -> Any:
        if name == "edit":
            raise AttributeError(name)
        return super().__getattribute__(name)


class EditsACopy(Instance):
    """Writes into a copy of the weight."""

    def edit(self, weight: Tensor) -> None:
        self.embedding.weight.copy()[...] = self.adapter.array(weight)


class Double(Instance):
    """Gives a float64 copy of the output."""

    def look_up(self, index: Any) -> Any:
        return super().look_up(index).astype(np.float64)


class Sums(Instance):
    """Differentiates the sum of the output, whatever the upstream gradient."""

    def upstream(self, lookup: Lookup) -> Any:
        return np.ones_like(super().upstream(lookup))


class Late(Instance):
    """Reads the gradient before it is there, and so that of the call before."""

    before: ClassVar[list[Gradient | None]] = [None]

    def read(self) -> Gradient | None:
        self.before.append(super().read())
        return self.before.pop(0)


class Coalesces(Instance):
    """Claims that sparse gradients are coalesced as they are."""

    def read(self) -> Gradient | None:
        found = super().read()
        return found and replace(found, coalesced=True)


class Catches(Instance):
    """Catches what the embedding raises."""

    def look_up(self, index: Any) -> Any:
        try:
            return self.embedding(index)
        except Exception:  # noqa: BLE001 - the lie
            return np.zeros((*index.shape, self.config.embedding_dim), self.embedding.weight.dtype)


class Shrugs(Instance):
    """Says of whatever is raised that it is not supported."""

    def look_up(self, index: Any) -> Any:
        try:
            return self.embedding(index)
        except Exception as error:
            raise Unsupported(str(error)) from error


class ShrugsAlways(Instance):
    """Says that it does not support lookups, which goes for a slip of its own."""

    def forward(self, lookup: Lookup) -> Any:  # noqa: ARG002 - the protocol's
        raise Unsupported("'Instance' object has no attribute 'embeding'")


class Slips(Instance):
    """Has a slip of its own, and takes it for the embedding's."""

    def look_up(self, index: Any) -> Any:
        try:
            return self.embeding(index)  # type: ignore[attr-defined]
        except Exception as error:
            raise Refused.of(error) from error


class Breaks(Instance):
    """Has a slip of its own."""

    def forward(self, lookup: Lookup) -> Any:
        return self.embeding(lookup)  # type: ignore[attr-defined]


class Bare(Instance):
    """Answers a lookup with the output alone."""

    def forward(self, lookup: Lookup) -> Any:
        return super().forward(lookup).output


class Pairs(Instance):
    """Answers a lookup with a tuple."""

    def forward(self, lookup: Lookup) -> Any:
        return (super().forward(lookup).output, True)


class Numbered(Instance):
    """Gives another name of the device than it lists."""

    def forward(self, lookup: Lookup) -> Any:
        return replace(super().forward(lookup), device="cpu:0")


class BareGradient(Instance):
    """Answers a backward with the gradient alone."""

    def gradient(self, lookups: Sequence[Lookup], *, together: bool = False) -> Any:
        return super().gradient(lookups, together=together).gradient


class NoInstance(Adapter):
    """Forgets to return what it makes."""

    def make(self, config: Config, weight: Tensor | None, *, device: str, **options: Any) -> Any:
        super().make(config, weight, device=device, **options)


class NoOptions(Adapter):
    """Does not take the options of `make`."""

    def make(self, config: Config, weight: Tensor | None) -> Any:  # type: ignore[override]
        return super().make(config, weight, device="cpu")


def driving(kind: type[Instance]) -> Adapter:
    """The adapter whose instances are of this kind."""
    adapter = Adapter()
    adapter.instance = kind  # type: ignore[misc]
    return adapter


def dropping(argument: str) -> Adapter:
    """The adapter that does not hand an argument over."""

    class Drops(Adapter):
        def arguments(self, config: Config) -> dict[str, Any]:
            return {name: value for name, value in super().arguments(config).items() if name != argument}

    return Drops()


class Runs(Adapter):
    """Hands a 0-d index over with shape (1,) and says nothing of it, for a run of the suite."""

    instance = ScalarOfOne


class RunsStale(Adapter):
    """Gives back the weight that it was given, likewise."""

    instance = Keeps
