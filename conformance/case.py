"""What is run: a configuration, a weight table, and lookups with their upstream gradients. Plain data."""

from __future__ import annotations

import dataclasses
from collections import Counter
from dataclasses import dataclass
from typing import Any

from reference import Embedding, Tensor

LAYOUTS = ("contiguous", "transposed", "strided", "sliced", "expanded")
"""How a tensor lies in memory. An adapter whose framework has no strides ignores it: the values are the same."""


def _concise(self: Any) -> str:
    """Valid Python that names only what differs from the defaults."""
    shown = [
        f"{f.name}={getattr(self, f.name)!r}" for f in dataclasses.fields(self) if getattr(self, f.name) != f.default
    ]
    return f"{type(self).__name__}({', '.join(shown)})".replace("=inf", '=float("inf")').replace(
        "=nan", '=float("nan")'
    )


@dataclass(frozen=True, repr=False)
class Config(Embedding):
    """The arguments of one embedding, named as torch names them; `freeze` stands for `_freeze`.

    Being the reference model itself, it also says what is permitted (`reference.embedding`).
    """

    __repr__ = _concise


@dataclass(frozen=True, repr=False)
class Lookup:
    """One call.

    Attributes:
        index: the indices, any shape.
        upstream: gradient of the output, shape index.shape + (embedding_dim,), dtype of the weight.
        index_layout: one of `LAYOUTS`; "expanded" holds only where all entries along the first dimension are alike.
        upstream_layout: the same for `upstream`.
    """

    index: Tensor
    upstream: Tensor
    index_layout: str = "contiguous"
    upstream_layout: str = "contiguous"

    __repr__ = _concise


@dataclass(frozen=True, repr=False)
class Case:
    """A configuration, a weight of shape (num_embeddings, embedding_dim), and the lookups made with it, in order."""

    config: Config
    weight: Tensor
    lookups: tuple[Lookup, ...]
    weight_layout: str = "contiguous"

    __repr__ = _concise

    @property
    def index(self) -> Tensor:
        """The index tensor of the first lookup."""
        return self.lookups[0].index

    @property
    def positions(self) -> list[int]:
        """The indices of the first lookup, flattened."""
        return [int(i) for i in self.index.components()]

    def with_dtype(self, dtype: str) -> Case:
        """The same case with weight and upstream gradients rounded to another dtype."""
        if dtype == self.weight.dtype:
            return self
        lookups = tuple(dataclasses.replace(call, upstream=_cast(call.upstream, dtype)) for call in self.lookups)
        return dataclasses.replace(self, weight=_cast(self.weight, dtype), lookups=lookups)

    def features(self) -> dict[str, Any]:
        """What kind of case this is, as a flat dict of plain values: what ledgers match and reports count."""
        config, first = self.config, self.lookups[0]
        positions = self.positions
        counts = Counter(positions)
        padding = config.padding_idx
        in_range = padding is None or -config.num_embeddings <= padding < config.num_embeddings
        return {
            "num_embeddings": config.num_embeddings,
            "embedding_dim": config.embedding_dim,
            "padding_idx": padding is not None,
            "padding_idx_negative": padding is not None and padding < 0,
            "pads": counts[config.padding_row] if padding is not None and in_range else 0,
            "max_norm": config.max_norm is not None,
            "norm_type": config.norm_type,
            "scale_grad_by_freq": config.scale_grad_by_freq,
            "sparse": config.sparse,
            "freeze": config.freeze,
            "dtype": self.weight.dtype,
            "index_dtype": first.index.dtype,
            "index_ndim": len(first.index.shape),
            "index_numel": len(positions),
            "index_out_of_range": any(not 0 <= i < config.num_embeddings for i in counts),
            "duplicates": max(counts.values(), default=0) > 1,
            "lookups": len(self.lookups),
            "weight_layout": self.weight_layout,
            "index_layout": first.index_layout,
            "upstream_layout": first.upstream_layout,
        }


FEATURES = tuple(
    Case(
        Config(1, 1),
        Tensor.of("float32", (1, 1), [0]),
        (Lookup(Tensor.of("int64", (), [0]), Tensor.of("float32", (1,), [0])),),
    )
    .features()
    .keys()
)
"""The names that `Case.features` gives, for ledgers to be checked against."""


def _cast(tensor: Tensor, dtype: str) -> Tensor:
    return Tensor.of(dtype, tensor.shape, tensor.values())
