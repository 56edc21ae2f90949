"""The reference model: `torch.nn.Embedding` as documented, argument by argument.

Each method returns the set of answers that a conforming implementation may give (`permitted`). Where the documentation
is silent, that is `Anything`, with the reason, or `OneOf`.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, lru_cache
from typing import Sequence, Tuple  # noqa: UP035 - see Lookup

from embedding_reference import norms, sums
from embedding_reference.formats import FORMATS, Format
from embedding_reference.permitted import (
    ZERO,
    AllBut,
    Anything,
    Exactly,
    Interval,
    OneOf,
    Permitted,
    Raises,
    Rows,
    Within,
    ZeroBut,
)
from embedding_reference.tensor import Tensor

INDEX_DTYPES = ("int32", "int64")
OPTIONAL_INDEX_DTYPES = ("int8", "int16", "uint8")

OUT_OF_RANGE = Raises(frozenset({"index", "value", "runtime"}))
WRONG_DTYPE = Raises(frozenset({"index", "type", "value", "runtime"}))
WRONG_ARGUMENT = Raises(frozenset({"index", "type", "value", "runtime"}))

Lookup = Tuple[Tensor, Tensor]  # noqa: UP006 - evaluated on Python 3.8 too
"""An index tensor and the upstream gradient of its output, of shape index.shape + (embedding_dim,)."""

Form = Tuple[str, Tuple[int, ...], str]  # noqa: UP006 - evaluated on Python 3.8 too
"""Of a gradient: its layout ("dense" or "sparse"), its shape and its dtype."""

Contribution = Tuple[Sequence[float], int, int]  # noqa: UP006 - evaluated on Python 3.8 too
"""The components of an upstream gradient, their divisor, and the number of the lookup that they belong to."""


@dataclass(frozen=True)
class Embedding:
    """A lookup table of `num_embeddings` rows of `embedding_dim` elements.

    Attributes:
        num_embeddings: rows of the table; valid indices are 0 to num_embeddings - 1.
        embedding_dim: elements of each row.
        padding_idx: the row that gets no gradient, from -num_embeddings to num_embeddings - 1; negative from the end.
        max_norm: a looked-up row whose norm exceeds it is rescaled to that norm, in the weight itself, before the
            lookup.
        norm_type: the p of that p-norm.
        scale_grad_by_freq: divide each row's gradient by how often the row occurs in the call's index tensor.
        sparse: the weight's gradient comes as a sparse tensor.
        freeze: the weight does not take part in training.
    """

    num_embeddings: int
    embedding_dim: int
    padding_idx: int | None = None
    max_norm: float | None = None
    norm_type: float = 2.0
    scale_grad_by_freq: bool = False
    sparse: bool = False
    freeze: bool = False

    # -- construction -------------------------------------------------------------------------------------------------

    @property
    def refusal(self) -> Raises | None:
        """The refusal that construction must raise: of a padding_idx outside [-num_embeddings, num_embeddings)."""
        n = self.num_embeddings
        if self.padding_idx is not None and not -n <= self.padding_idx < n:
            return WRONG_ARGUMENT
        return None

    @cached_property
    def padding_row(self) -> int | None:
        """padding_idx as a non-negative row."""
        if self.padding_idx is None:
            return None
        return self.padding_idx % self.num_embeddings

    def attributes(self) -> dict[str, object]:
        """The attributes that the module keeps, by name."""
        return {
            "num_embeddings": self.num_embeddings,
            "embedding_dim": self.embedding_dim,
            "padding_idx": self.padding_row,
            "max_norm": self.max_norm,
            "norm_type": self.norm_type,
            "scale_grad_by_freq": self.scale_grad_by_freq,
            "sparse": self.sparse,
        }

    # -- lookup -------------------------------------------------------------------------------------------------------

    def output(self, weight: Tensor, index: Tensor) -> Permitted:
        """The rows of the weight at each index, bit for bit, of shape index.shape + (embedding_dim,)."""
        shape = (*index.shape, self.embedding_dim)
        if index.dtype in OPTIONAL_INDEX_DTYPES:
            return Anything(weight.dtype, shape, f"{index.dtype} indices are not documented")
        refusal = self._refuses(index)
        if refusal is not None:
            return refusal
        positions = index.components()
        if self.max_norm is None:
            return Exactly(Tensor(weight.dtype, shape, b"".join([weight.row(int(i)) for i in positions])))
        after = self._renormalised(weight, list(map(int, positions)))
        return Rows(weight.dtype, shape, tuple(after[int(i)] for i in positions))

    def weight_after(self, weight: Tensor, index: Tensor, *, wide: bool = False) -> Permitted:
        """The weight after a lookup of `index`: unchanged, but for looked-up rows whose norm exceeds max_norm.

        Args:
            weight: the weight before the lookup, of shape (num_embeddings, embedding_dim).
            index: the index, of any shape.
            wide: whether to narrow the bounds to what float32 arithmetic achieves that neither overflows nor underflows
                on the way.
        """
        if self.max_norm is not None and index.dtype in OPTIONAL_INDEX_DTYPES:
            return Anything(weight.dtype, weight.shape, f"{index.dtype} indices are not documented")
        if self.max_norm is None or self._refuses(index) is not None:
            return Exactly(weight)
        after = self._renormalised(weight, list(map(int, index.components())), wide=wide)
        return Rows(weight.dtype, weight.shape, AllBut(weight, after))

    def _refuses(self, index: Tensor) -> Raises | None:
        if index.dtype not in INDEX_DTYPES:
            return WRONG_DTYPE
        if any(not 0 <= i < self.num_embeddings for i in index.components()):
            return OUT_OF_RANGE
        return None

    # -- max_norm, norm_type ------------------------------------------------------------------------------------------

    def _renormalised(self, weight: Tensor, positions: Sequence[int], *, wide: bool = False) -> dict[int, Permitted]:
        """What becomes of each row that is looked up; `positions` are the indices in the order of the index tensor."""
        return {r: self._renormalised_row(r, weight.entry(r), wide=wide) for r in dict.fromkeys(positions)}

    def _renormalised_row(self, row: int, values: Tensor, *, wide: bool) -> Permitted:
        """A row whose norm exceeds max_norm is rescaled to it; one that does not stays as it is."""
        undocumented = self.freeze or row == self.padding_row
        if any(getattr(type(self), name) is not getattr(Embedding, name) for name in ("_norm", "_limit", "_factors")):
            return self.rule(values, undocumented=undocumented, wide=wide)
        return _rule(self.max_norm, self.norm_type, values, undocumented=undocumented, wide=wide)

    def rule(self, values: Tensor, *, undocumented: bool, wide: bool) -> Permitted:
        """The rule of a row; where it is `undocumented`, the row may also stay as it is."""
        form, unchanged = values.format, Exactly(values)
        components = values.components()
        if not all(map(math.isfinite, components)):
            return Anything(values.dtype, values.shape, "the norm of a row with NaN or infinity is not documented")
        if self.max_norm is None or not self.max_norm >= 0 or math.isinf(self.max_norm):
            return Anything(values.dtype, values.shape, "max_norm below zero, NaN or infinite is not documented")
        if not self.norm_type > 0:
            return Anything(values.dtype, values.shape, "norm_type of zero, below zero or NaN is not documented")
        norm = self._norm(values, wide=wide)
        limit = self._limit(self.max_norm)
        slack = norms.storing_error(self.max_norm, form)  # the limit may be rounded to the dtype before it is compared
        if norm.high is not None and norm.high <= limit - slack:
            return unchanged
        factors = self._factors(norm, form, wide=wide)
        lost = Fraction(0) if wide else norms.lost_between(norm, self.max_norm, form)
        products = {c: norms.product_interval(c, factors, form, lost) for c in set(components)}
        if not wide:
            products = {c: norms.overflowing(c, one, norm, self.max_norm, form) for c, one in products.items()}
        rescaled = Within(values.dtype, values.shape, tuple(products[c] for c in components))
        limit_overflows = not wide and limit >= form.overflow  # then no norm exceeds it
        above = norm.low > limit + slack and not limit_overflows
        return rescaled if above and not undocumented else OneOf((unchanged, rescaled))

    def _norm(self, values: Tensor, *, wide: bool) -> norms.Norm:
        """The norm of a row."""
        components = tuple(values.components())
        return norms.norm_interval_of_tuple(components, self.norm_type, values.format, wide=wide)

    def _limit(self, max_norm: float) -> Fraction:
        """The norm above which a row is rescaled."""
        return Fraction(max_norm)

    def _factors(self, norm: norms.Norm, form: Format, *, wide: bool) -> tuple[Fraction, Fraction]:
        """The least and the greatest factor by which a row of this norm is multiplied."""
        return norms.rescaling(norm, self.max_norm or 0.0, form, wide=wide)

    # -- gradient: padding_idx, scale_grad_by_freq, sparse ------------------------------------------------------------

    def gradient(self, dtype: str, lookups: Sequence[Lookup], *, wide: bool = False) -> Permitted:
        """The weight's gradient, as a dense table, after the backward of every lookup.

        Row r is the sum of the upstream gradients at the places where r was looked up. The row at padding_idx gets
        exactly zero. With scale_grad_by_freq the upstream gradients of a lookup are divided by how often r occurs in
        the whole of that lookup's index tensor. `sparse` changes how the gradient is stored, not what it is.

        Args:
            dtype: the weight's dtype.
            lookups: (index, upstream gradient) pairs, each from a call of its own.
            wide: whether to narrow the bounds to what an accumulator of at least float32 achieves.
        """
        per_row: dict[int, list[Contribution]] = {}
        for number, contributions in enumerate(self.contributions_of_each(lookups)):
            for row, terms, divisor in contributions:
                per_row.setdefault(row, []).append((tuple(terms), divisor, number))
        form, some = FORMATS[dtype], {}
        alike: dict[tuple[Contribution, ...], list[Interval]] = {}  # the rows of a large case repeat each other
        for row, contributions_to_it in sorted(per_row.items()):
            added = tuple(contributions_to_it)
            if added not in alike:
                terms, divisors, parts = zip(*added)
                alike[added] = sums.gradient_intervals(terms, divisors, form, lookups=len(set(parts)), wide=wide)
            some[row] = alike[added]
        intervals = ZeroBut(self.num_embeddings, self.embedding_dim * form.components, some)
        return Within(dtype, (self.num_embeddings, self.embedding_dim), intervals)

    def second_order(self, index: Tensor, direction: Tensor) -> Permitted:
        """The derivative, by the upstream gradient, of the inner product of the weight's gradient with `direction`.

        The gradient is linear in the upstream gradient, so this is the row of `direction` at each index, divided as the
        gradient is, and zero at padding_idx; of shape index.shape + (embedding_dim,).

        Args:
            index: of the lookup.
            direction: of the weight's shape and dtype, finite.
        """
        form = direction.format
        positions = [int(i) for i in index.components()]
        occurrences = Counter(positions)
        of_row: dict[int, list[Interval]] = {}
        for row, occurs in occurrences.items():
            components, count = direction.entry(row).components(), occurs if self.scale_grad_by_freq else 1
            if row == self.padding_row:
                of_row[row] = [ZERO for _ in components]
            else:
                of_row[row] = sums.gradient_intervals([components], [count], form)
        intervals = [interval for row in positions for interval in of_row[row]]
        return Within(direction.dtype, (*index.shape, self.embedding_dim), tuple(intervals))

    def contributions_of_each(self, lookups: Sequence[Lookup]) -> Iterator[Iterable[tuple[int, Sequence[float], int]]]:
        """What each of several lookups adds to the gradient."""
        for index, upstream in lookups:
            yield self.contributions(index, upstream)

    def gradient_form(self, dtype: str, lookups: Sequence[Lookup]) -> Form | None:  # noqa: ARG002 - for fault models
        """The layout, the shape and the dtype of the weight's gradient; None where there must be none."""
        return "sparse" if self.sparse else "dense", (self.num_embeddings, self.embedding_dim), dtype

    def contributions(self, index: Tensor, upstream: Tensor) -> Iterator[tuple[int, Sequence[float], int]]:
        """What one lookup adds to the gradient: for each index that is no pad, its row, its terms and their divisor."""
        positions = [int(i) for i in index.components()]
        occurrences = Counter(positions)
        components = upstream.components()
        width = self.embedding_dim * upstream.format.components
        for place, row in enumerate(positions):
            if row != self.padding_row:
                divisor = occurrences[row] if self.scale_grad_by_freq else 1
                yield row, components[place * width : (place + 1) * width], divisor


@lru_cache(maxsize=8192)
def _rule(max_norm: float | None, norm_type: float, values: Tensor, *, undocumented: bool, wide: bool) -> Permitted:
    """The rule of a row, kept for output and weight, and for the fault models that rescale it as they should."""
    model = Embedding(1, values.shape[0], max_norm=max_norm, norm_type=norm_type)
    return model.rule(values, undocumented=undocumented, wide=wide)
