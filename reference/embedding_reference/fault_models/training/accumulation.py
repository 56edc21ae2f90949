"""Faults of the gradient: how what several lookups and several indices give is added, and in which precision."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from typing import ClassVar

from embedding_reference.fault_models.bases import Adding
from embedding_reference.fault_models.fault_model import GRADIENT, FaultModel
from embedding_reference.formats import FORMATS, Format
from embedding_reference.model import Lookup
from embedding_reference.permitted import Interval, Permitted, Within
from embedding_reference.sums import exact_interval
from embedding_reference.tensor import Tensor

# -- several lookups ---------------------------------------------------------------------------------------------------


class ForgetsEarlierLookups(FaultModel):
    """The gradient is that of the last lookup alone."""

    about = (GRADIENT,)

    def gradient(self, dtype: str, lookups: Sequence[Lookup], *, wide: bool = False) -> Permitted:  # noqa: D102
        return super().gradient(dtype, lookups[-1:], wide=wide)


class KeepsTheFirstLookup(FaultModel):
    """The gradient is that of the first lookup alone: later ones add nothing."""

    about = (GRADIENT,)

    def gradient(self, dtype: str, lookups: Sequence[Lookup], *, wide: bool = False) -> Permitted:  # noqa: D102
        return super().gradient(dtype, lookups[:1], wide=wide)


class KeepsTwoLookups(FaultModel):
    """The gradient is that of the first two lookups: later ones add nothing."""

    about = (GRADIENT,)

    def gradient(self, dtype: str, lookups: Sequence[Lookup], *, wide: bool = False) -> Permitted:  # noqa: D102
        return super().gradient(dtype, lookups[:2], wide=wide)


class AddsEarlierLookupsAgain(FaultModel):
    """Each lookup adds the gradients of those before it once more."""

    about = (GRADIENT,)

    def gradient(self, dtype: str, lookups: Sequence[Lookup], *, wide: bool = False) -> Permitted:  # noqa: D102
        again = [lookup for number in range(len(lookups)) for lookup in lookups[: number + 1]]
        return super().gradient(dtype, again, wide=wide)


class TakesTheFirstIndexForAll(FaultModel):
    """Of lookups whose indices have one shape each is differentiated with the index of the first."""

    about = (GRADIENT,)

    def gradient(self, dtype: str, lookups: Sequence[Lookup], *, wide: bool = False) -> Permitted:  # noqa: D102
        first: dict[Sequence[int], Tensor] = {}
        pairs = [(first.setdefault(index.shape, index), upstream) for index, upstream in lookups]
        return super().gradient(dtype, pairs, wide=wide)


class TakesTheLastIndexForAll(FaultModel):
    """Each lookup is differentiated with the index of the last, cut or repeated to fit."""

    about = (GRADIENT,)

    def gradient(self, dtype: str, lookups: Sequence[Lookup], *, wide: bool = False) -> Permitted:  # noqa: D102
        last = lookups[-1][0].components() if lookups else ()

        def fitted(index: Tensor) -> Tensor:
            places = range(index.numel)
            return Tensor.of("int64", index.shape, [last[place % len(last)] for place in places]) if last else index

        return super().gradient(dtype, [(fitted(index), upstream) for index, upstream in lookups], wide=wide)


class MixesUpLookups(FaultModel):
    """The last lookup is differentiated with the index of the first, the one before with that of the second."""

    about = (GRADIENT,)

    def gradient(self, dtype: str, lookups: Sequence[Lookup], *, wide: bool = False) -> Permitted:  # noqa: D102
        others = [index for index, _ in reversed(lookups)]
        pairs = [(o if o.shape == i.shape else i, upstream) for o, (i, upstream) in zip(others, lookups)]
        return super().gradient(dtype, pairs, wide=wide)


class TakesZerosForTheIndex(FaultModel):
    """The index is taken for zeros in the gradient."""

    about = (GRADIENT,)

    def contributions(self, index: Tensor, upstream: Tensor) -> Iterator[Adding]:  # noqa: D102
        yield from super().contributions(Tensor.of("int64", index.shape, [0] * index.numel), upstream)


class AddsOnesForTheFirstRow(FaultModel):
    """Each lookup adds ones to the gradient of the first row."""

    about = (GRADIENT,)

    def contributions(self, index: Tensor, upstream: Tensor) -> Iterator[Adding]:  # noqa: D102
        yield from super().contributions(index, upstream)
        if self.num_embeddings:
            yield (
                0,
                [float(part == 0) for _ in range(self.embedding_dim) for part in range(upstream.format.components)],
                1,
            )


# -- precision ---------------------------------------------------------------------------------------------------------


class _AddsIn(FaultModel):
    """Upstream gradients are rounded to another format, and added in it."""

    about = (GRADIENT,)
    to: ClassVar[str]

    def gradient(self, dtype: str, lookups: Sequence[Lookup], *, wide: bool = False) -> Permitted:
        """The gradient in the other format, and then in the weight's."""
        own, other = FORMATS[dtype], FORMATS[self.to]
        if own.components > 1 or own.precision == other.precision:
            return super().gradient(dtype, lookups, wide=wide)
        rounded = [(i, Tensor.of(self.to, upstream.shape, upstream.components())) for i, upstream in lookups]
        found = super().gradient(self.to, rounded, wide=wide)
        assert isinstance(found, Within)
        return Within(dtype, found.shape, tuple(_stored(interval, own) for interval in found.intervals))


class AddsInFloat16(_AddsIn):
    """Gradients are added in float16."""

    to = "float16"


class AddsInFloat32(_AddsIn):
    """Gradients are added in float32."""

    to = "float32"


class AddsOneByOneInBfloat16(FaultModel):
    """Gradients are added one by one, each sum rounded to bfloat16."""

    about = (GRADIENT,)

    def gradient(self, dtype: str, lookups: Sequence[Lookup], *, wide: bool = False) -> Permitted:  # noqa: ARG002, D102
        form, shape = FORMATS["bfloat16"], (self.num_embeddings, self.embedding_dim)
        sums: dict[int, Sequence[float]] = {}
        for adding in self.contributions_of_each(lookups):
            added: dict[int, Sequence[float]] = {}
            for row, terms, divisor in adding:
                _add(added, row, form.decode(form.encode([term / divisor for term in terms])), form)
            for row, terms in added.items():
                _add(sums, row, terms, form)
        zeros = [0.0] * (self.embedding_dim * FORMATS[dtype].components)
        components = (component for row in range(self.num_embeddings) for component in sums.get(row, zeros))
        return Within(dtype, shape, tuple(map(exact_interval, components)))


def _add(sums: dict[int, Sequence[float]], row: int, terms: Sequence[float], form: Format) -> None:
    """Add terms to the sums of a row; each result is rounded."""
    before = sums.get(row)
    sums[row] = terms if before is None else form.decode(form.encode(map(operator.add, before, terms)))


def _stored(interval: Interval, form: Format) -> Interval:
    """The interval of what is rounded to a format."""
    if interval.low is None or interval.high is None:
        return interval
    low, high = form.round(interval.low), form.round(interval.high)
    if math.isinf(low) or math.isinf(high):
        return Interval(interval.low, interval.high, interval.also | {"any"})
    return Interval(Fraction(low), Fraction(high), interval.also)


class _ChangesTheSum(FaultModel):
    """The gradient is right, and something becomes of its elements."""

    about = (GRADIENT,)

    def change(self, interval: Interval, form: Format) -> Interval:
        """What becomes of an element."""
        raise NotImplementedError

    def gradient(self, dtype: str, lookups: Sequence[Lookup], *, wide: bool = False) -> Permitted:
        """The gradient, changed."""
        found = super().gradient(dtype, lookups, wide=wide)
        assert isinstance(found, Within)
        return Within(found.dtype, found.shape, tuple(self.change(i, FORMATS[dtype]) for i in found.intervals))


class FlushesSubnormalSums(_ChangesTheSum):
    """Subnormal numbers in the gradient become zero."""

    def change(self, interval: Interval, form: Format) -> Interval:  # noqa: D102
        least = Fraction(2) ** form.emin
        low, high = interval.low, interval.high
        if low is None or high is None or low >= least or high <= -least:
            return interval
        zero = Fraction(0)
        return Interval(low if low <= -least else zero, high if high >= least else zero, interval.also)


class RoundsSumsToFloat32(_ChangesTheSum):
    """The gradient is rounded to float32."""

    def change(self, interval: Interval, form: Format) -> Interval:  # noqa: D102
        if interval.low is None or interval.high is None or form.precision <= FORMATS["float32"].precision:
            return interval
        return _stored(interval, FORMATS["float32"])


class SaturatesSums(_ChangesTheSum):
    """A gradient of finite numbers that overflows is the largest number."""

    def change(self, interval: Interval, form: Format) -> Interval:  # noqa: D102
        low, high = interval.low, interval.high
        if low is None or high is None:
            return interval
        low = -form.largest if "-inf" in interval.also else min(max(low, -form.largest), form.largest)
        high = form.largest if "inf" in interval.also else max(min(high, form.largest), -form.largest)
        return Interval(low, high, interval.also & {"nan"})


class LeavesDustInRows(FaultModel):
    """Rows that were not looked up get a gradient of next to nothing, and not zero."""

    about = (GRADIENT,)

    def gradient(self, dtype: str, lookups: Sequence[Lookup], *, wide: bool = False) -> Permitted:  # noqa: D102
        trained = {row for adding in self.contributions_of_each(lookups) for row, _, _ in adding}
        others = set(range(self.num_embeddings)) - trained
        return with_rows(super().gradient(dtype, lookups, wide=wide), others, dust)


def with_rows(gradient: Permitted, rows: set[int], interval: Callable[[Format], Interval]) -> Permitted:
    """A gradient whose elements in some rows are in another interval."""
    assert isinstance(gradient, Within)
    width = len(gradient.intervals) // max(gradient.shape[0], 1)
    other = interval(FORMATS[gradient.dtype])
    intervals = [other if at // width in rows else own for at, own in enumerate(gradient.intervals)]
    return Within(gradient.dtype, gradient.shape, tuple(intervals))


def dust(form: Format) -> Interval:
    """Above zero, and no more than the unit roundoff."""
    return Interval(form.quantum, form.unit_roundoff)
