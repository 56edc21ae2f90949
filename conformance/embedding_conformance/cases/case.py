"""A case in plain data: a configuration, a weight table, and lookups with their upstream gradients."""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from embedding_reference import FORMATS, Embedding, Format, Tensor

DTYPES = ("float32", "float64", "float16", "bfloat16", "complex64", "complex128")
"""Weight dtypes that the suite knows."""

LAYOUTS = ("contiguous", "transposed", "strided", "sliced", "columns", "expanded")
"""Ways to lay a tensor out in memory, same values. An adapter whose framework has no strides ignores them."""


def _concise(self: Any) -> str:
    """A `__repr__`: a Python expression that names only the fields that differ from their defaults."""
    shown = [
        f"{f.name}={_literal(getattr(self, f.name))}"
        for f in dataclasses.fields(self)
        if getattr(self, f.name) != f.default
    ]
    return f"{type(self).__name__}({', '.join(shown)})"


def _literal(value: Any) -> str:
    return f'float("{value}")' if isinstance(value, float) and not math.isfinite(value) else repr(value)


@dataclass(frozen=True, repr=False)
class Config(Embedding):
    """The arguments of one embedding, named as torch names them; `freeze` stands for `_freeze`.

    A `Config` is a reference model, and so also computes what is permitted (`embedding_reference.model`).
    """

    __repr__ = _concise

    def changed(self) -> dict[str, Any]:
        """The keyword arguments that differ from their defaults: enough for a constructor that lacks the others."""
        names = ("padding_idx", "max_norm", "norm_type", "scale_grad_by_freq", "sparse")
        defaults = {field.name: field.default for field in dataclasses.fields(self)}
        return {name: getattr(self, name) for name in names if getattr(self, name) != defaults[name]}

    @property
    def in_use(self) -> frozenset[str]:
        """The names of the arguments that differ from their defaults, `freeze` among them."""
        return frozenset(self.changed()) | ({"freeze"} if self.freeze else set())


@dataclass(frozen=True, repr=False)
class Lookup:
    """One call of an embedding, and the upstream gradient that its output is differentiated with.

    Attributes:
        index: the indices, of any shape, int64 or int32 unless the case is about another dtype.
        upstream: the upstream gradient, shape index.shape + (embedding_dim,), dtype of the weight.
        index_layout: one of `LAYOUTS`; "expanded" only where all entries along the first dimension are alike.
        upstream_layout: the layout of `upstream`, by the same rule.
    """

    index: Tensor
    upstream: Tensor
    index_layout: str = "contiguous"
    upstream_layout: str = "contiguous"

    __repr__ = _concise

    @property
    def upstream_range(self) -> str:
        """Where a sum of elements of the upstream gradient may be subnormal "underflow", else "ordinary"."""
        return (
            "underflow"
            if any(map(may_underflow(self.upstream.format), self.upstream.block_components()))
            else "ordinary"
        )


@dataclass(frozen=True, repr=False)
class Case:
    """A configuration, a weight of shape (num_embeddings, embedding_dim), and its lookups in the order of the calls.

    Attributes:
        config: the arguments.
        weight: the weight before the first lookup.
        lookups: the lookups.
        weight_layout: one of `LAYOUTS`.
        no_grad: whether the lookups are made under no_grad, and so not differentiated.
    """

    config: Config
    weight: Tensor
    lookups: tuple[Lookup, ...]
    weight_layout: str = "contiguous"
    no_grad: bool = False

    __repr__ = _concise

    @property
    def index(self) -> Tensor:
        """The index tensor of the first lookup."""
        return self.lookups[0].index

    @cached_property
    def positions(self) -> list[int]:
        """The indices of the first lookup, flattened."""
        return [int(i) for i in self.index.components()]

    @property
    def trains_nothing(self) -> bool:
        """Whether nothing was looked up but the row at padding_idx, so that the gradient is zero or not there."""
        pads = {self.config.padding_row}
        return all(pads.issuperset(map(int, one.index.components())) for one in self.lookups)

    def with_dtype(self, dtype: str) -> Case:
        """The same case with weight and upstream gradients rounded to another dtype."""
        if dtype == self.weight.dtype:
            return self
        return dataclasses.replace(self, weight=_cast(self.weight, dtype), lookups=_lookups_cast(self.lookups, dtype))

    def features(self) -> dict[str, Any]:
        """The features of the case, as a flat dict of plain values: ledgers match them, and reports count them.

        Features of the index and the upstream gradient are those of the first lookup; `each_features` has the others.
        """
        return self.each_features[0]

    @cached_property
    def each_features(self) -> tuple[dict[str, Any], ...]:
        """The features of the case, once for each lookup."""
        return tuple(self._features(lookup) for lookup in self.lookups)

    def _features(self, lookup: Lookup) -> dict[str, Any]:
        config = self.config
        positions = [int(i) for i in lookup.index.components()]
        counts = Counter(positions)
        padding = config.padding_idx
        in_range = padding is None or -config.num_embeddings <= padding < config.num_embeddings
        pads = counts[padding % config.num_embeddings] if padding is not None and in_range else 0
        return {
            "num_embeddings": config.num_embeddings,
            "embedding_dim": config.embedding_dim,
            "padding_idx": padding is not None,
            "padding_idx_negative": padding is not None and padding < 0,
            "pads": pads,
            "only_pads": pads == len(positions),
            "pads_hold": self._pads_hold() if pads else "none",
            "max_norm": config.max_norm is not None,
            "norm_type": config.norm_type,
            "norm_range": self._norm_range(positions) if config.max_norm is not None else "ordinary",
            "scale_grad_by_freq": config.scale_grad_by_freq,
            "sparse": config.sparse,
            "freeze": config.freeze,
            "no_grad": self.no_grad,
            "dtype": self.weight.dtype,
            "index_dtype": lookup.index.dtype,
            "index_ndim": len(lookup.index.shape),
            "index_numel": len(positions),
            "index_out_of_range": any(not 0 <= i < config.num_embeddings for i in counts),
            "duplicates": max(counts.values(), default=0) > 1,
            "accumulates": len(self.lookups) > 1,
            "weight_layout": self.weight_layout,
            "weight_special": any(map(_is_special, self.weight.block_components())),
            "index_layout": lookup.index_layout,
            "upstream_layout": lookup.upstream_layout,
            "upstream_range": lookup.upstream_range,
        }

    def _pads_hold(self) -> str:
        """Where every element of the row at padding_idx is +0 "zeros", else "other"."""
        row = self.config.padding_row
        return "zeros" if row is not None and not any(self.weight.row(row)) else "other"

    def norms(self, positions: Sequence[int] | None = None) -> dict[int, float]:
        """The p-norms in float64 of the rows at the positions (None: the first lookup's); infinity on overflow."""
        p, rows = self.config.norm_type, {}
        looked_up = set(self.positions if positions is None else positions)
        for row in sorted(row for row in looked_up if 0 <= row < self.config.num_embeddings):
            parts = self.weight.entry(row).values()
            try:
                largest = max(map(abs, parts), default=0.0)
                # Scaled to at most 1, powers do not overflow, and that of the largest does not underflow.
                powers = sum((abs(v) / largest) ** p for v in parts) if 0 < largest < math.inf else 1.0
                rows[row] = largest * (1.0 if math.isinf(p) else powers ** (1 / p))
            except (OverflowError, ZeroDivisionError):
                rows[row] = math.inf
        return rows

    def _norm_range(self, positions: Sequence[int]) -> str:
        """Where computing the norm of a row looked up may overflow "overflow", or "underflow", else "ordinary".

        The norm is taken to be computed in float32, and that of a float64 or complex128 weight in float64.
        """
        form, p = self.weight.format, self.config.norm_type
        wide = FORMATS["float64"] if form.precision > 24 else FORMATS["float32"]
        order = p if 0 < p < math.inf else 1.0
        exponents = [math.log2(n) for n in self.norms(positions).values() if n > 0]
        if any(e * max(order, 1.0) >= wide.emax or e >= form.emax for e in exponents):
            return "overflow"
        return "underflow" if any(e * order < wide.emin + wide.precision for e in exponents) else "ordinary"


@dataclass(frozen=True, repr=False)
class Step:
    """One step of a `Life`.

    Attributes:
        verb: what the step does, a name in `cases.life_strategies.VERBS`.
        how: the variant of the verb, where it has several.
        lookups: the lookups of the step; their upstream gradients have the dtype of the life.
        weight: the weight that the step writes, if it writes one.
    """

    verb: str
    how: str = ""
    lookups: tuple[Lookup, ...] = ()
    weight: Tensor | None = None

    __repr__ = _concise


@dataclass(frozen=True, repr=False)
class Life(Case):
    """A case that goes on: its lookups are made one by one, and then its steps."""

    steps: tuple[Step, ...] = ()

    __repr__ = _concise

    def with_dtype(self, dtype: str) -> Life:
        """The same life with all weights and upstream gradients rounded to another dtype."""
        if dtype == self.weight.dtype:
            return self
        steps = tuple(
            dataclasses.replace(
                step, lookups=_lookups_cast(step.lookups, dtype), weight=step.weight and _cast(step.weight, dtype)
            )
            for step in self.steps
        )
        weight, lookups = _cast(self.weight, dtype), _lookups_cast(self.lookups, dtype)
        return dataclasses.replace(self, weight=weight, lookups=lookups, steps=steps)


def may_underflow(form: Format) -> Callable[[float], bool]:
    """A predicate: whether an element is so small that a sum with it may be subnormal."""
    least = 2.0 ** (form.emin + form.precision - 1)  # from here on an ulp, and so every difference, is a normal number
    return lambda component: 0 < abs(component) < least


def _is_special(component: float) -> bool:
    """Whether a component is NaN, infinite, or minus zero."""
    return not math.isfinite(component) or (component == 0 and math.copysign(1, component) < 0)


FEATURES = tuple(
    Case(
        Config(1, 1),
        Tensor.of("float32", (1, 1), [0]),
        (Lookup(Tensor.of("int64", (), [0]), Tensor.of("float32", (1,), [0])),),
    )
    .features()
    .keys()
)
"""The names of all features; ledgers are checked against them."""


def _lookups_cast(lookups: Sequence[Lookup], dtype: str) -> tuple[Lookup, ...]:
    return tuple(dataclasses.replace(call, upstream=_cast(call.upstream, dtype)) for call in lookups)


def _cast(tensor: Tensor, dtype: str) -> Tensor:
    """The tensor rounded to another dtype; of complex numbers, a real one has the real parts."""
    values = tensor.values()
    return Tensor.of(dtype, tensor.shape, values if FORMATS[dtype].kind == "complex" else [v.real for v in values])
