"""What is run: a configuration, a weight table, and lookups with their upstream gradients. Plain data."""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from embedding_reference import FORMATS, Embedding, Format, Tensor

LAYOUTS = ("contiguous", "transposed", "strided", "sliced", "columns", "expanded")
"""How a tensor lies in memory. An adapter whose framework has no strides ignores it: the values are the same."""


def _concise(self: Any) -> str:
    """Valid Python that names only what differs from the defaults."""
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

    Being the reference model itself, it also says what is permitted (`embedding_reference.model`).
    """

    __repr__ = _concise

    def changed(self) -> dict[str, Any]:
        """The keyword arguments that differ from their defaults: one that lacks the others can still be made."""
        names = ("padding_idx", "max_norm", "norm_type", "scale_grad_by_freq", "sparse")
        defaults = {field.name: field.default for field in dataclasses.fields(self)}
        return {name: getattr(self, name) for name in names if getattr(self, name) != defaults[name]}


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

    @property
    def upstream_range(self) -> str:
        """Whether a sum of elements of the upstream gradient may lie below the normal numbers."""
        return "underflow" if any(map(may_underflow(self.upstream.format), self.upstream.components())) else "ordinary"


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

    @cached_property
    def positions(self) -> list[int]:
        """The indices of the first lookup, flattened."""
        return [int(i) for i in self.index.components()]

    def with_dtype(self, dtype: str) -> Case:
        """The same case with weight and upstream gradients rounded to another dtype."""
        if dtype == self.weight.dtype:
            return self
        return dataclasses.replace(self, weight=_cast(self.weight, dtype), lookups=_lookups_cast(self.lookups, dtype))

    def features(self) -> dict[str, Any]:
        """What kind of case this is, as a flat dict of plain values: what ledgers match and reports count.

        What is said of the index and the upstream gradient is said of the first lookup; `each_features` has the others.
        """
        return self.each_features[0]

    @cached_property
    def each_features(self) -> tuple[dict[str, Any], ...]:
        """The features as each of the lookups has them."""
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
            "dtype": self.weight.dtype,
            "index_dtype": lookup.index.dtype,
            "index_ndim": len(lookup.index.shape),
            "index_numel": len(positions),
            "index_out_of_range": any(not 0 <= i < config.num_embeddings for i in counts),
            "duplicates": max(counts.values(), default=0) > 1,
            "accumulates": len(self.lookups) > 1,
            "weight_layout": self.weight_layout,
            "weight_special": any(map(_is_special, self.weight.components())),
            "index_layout": lookup.index_layout,
            "upstream_layout": lookup.upstream_layout,
            "upstream_range": lookup.upstream_range,
        }

    def _pads_hold(self) -> str:
        """Whether the row at padding_idx is all zeros, none of them negative."""
        row = self.config.padding_row
        return "zeros" if row is not None and not any(self.weight.row(row)) else "other"

    def norms(self, positions: Sequence[int] | None = None) -> dict[int, float]:
        """The p-norms in float64 of the rows at the positions (None: the first lookup's), or infinity."""
        p, rows = self.config.norm_type, {}
        for row in set(self.positions if positions is None else positions) & set(range(self.config.num_embeddings)):
            parts = self.weight.entry(row).values()
            try:
                largest = max(map(abs, parts), default=0.0)
                # Powers of what is scaled to at most 1 neither overflow nor all underflow.
                powers = sum((abs(v) / largest) ** p for v in parts) if 0 < largest < math.inf else 1.0
                rows[row] = largest * (1.0 if math.isinf(p) else powers ** (1 / p))
            except (OverflowError, ZeroDivisionError):
                rows[row] = math.inf
        return rows

    def _norm_range(self, positions: Sequence[int]) -> str:
        """Whether the norm of a row looked up overflows or underflows on the way, in float32 or the wider dtype."""
        form, p = self.weight.format, self.config.norm_type
        wide = FORMATS["float64"] if form.precision > 24 else FORMATS["float32"]
        order = p if 0 < p < math.inf else 1.0
        exponents = [math.log2(n) for n in self.norms(positions).values() if n > 0]
        if any(e * max(order, 1.0) >= wide.emax or e >= form.emax for e in exponents):
            return "overflow"
        return "underflow" if any(e * order < wide.emin + wide.precision for e in exponents) else "ordinary"


@dataclass(frozen=True, repr=False)
class Step:
    """One thing that is done with an embedding.

    Attributes:
        verb: what, a name in `cases.life_strategies.VERBS`.
        how: in which way, where there are several.
        lookups: what is looked up, with a weight of the life's own dtype.
        weight: what is written.
    """

    verb: str
    how: str = ""
    lookups: tuple[Lookup, ...] = ()
    weight: Tensor | None = None

    __repr__ = _concise


@dataclass(frozen=True, repr=False)
class Life(Case):
    """A case that goes on: after its lookups, one by one, come steps."""

    steps: tuple[Step, ...] = ()

    __repr__ = _concise

    def with_dtype(self, dtype: str) -> Life:
        """The same life with everything rounded to another dtype."""
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
    """Whether a sum of an element and others that do not may lie below the normal numbers."""
    least = 2.0 ** (form.emin + form.precision - 1)  # from here on an ulp, and so every difference, is a normal number
    return lambda component: 0 < abs(component) < least


def _is_special(component: float) -> bool:
    """Whether it is NaN, infinite, or minus zero."""
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
"""The names that `Case.features` gives, for ledgers to be checked against."""


def _lookups_cast(lookups: Sequence[Lookup], dtype: str) -> tuple[Lookup, ...]:
    return tuple(dataclasses.replace(call, upstream=_cast(call.upstream, dtype)) for call in lookups)


def _cast(tensor: Tensor, dtype: str) -> Tensor:
    return Tensor.of(dtype, tensor.shape, tensor.values())
