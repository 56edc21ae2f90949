"""Faults of the gradient: what is taken for the upstream gradients of a call."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from embedding_reference.fault_models.bases import Adding, ContributesOtherwise
from embedding_reference.fault_models.fault_model import GRADIENT, FaultModel
from embedding_reference.fault_models.reading.lookups import with_dimensions_swapped
from embedding_reference.formats import FORMATS
from embedding_reference.tensor import Tensor

# -- the upstream gradient of another index ----------------------------------------------------------------------------


class _TakesThatOfAnother(ContributesOtherwise):
    """An index gets the upstream gradient of another."""

    def sources(self, index: Tensor) -> Sequence[int]:
        """The place whose upstream gradient each place gets."""
        raise NotImplementedError

    def instead(self, adding: Sequence[Adding], index: Tensor) -> Sequence[Adding | None]:
        """The same with other terms."""
        sources = self.sources(index)
        return [(row, adding[source][1], divisor) for (row, _, divisor), source in zip(adding, sources)]


class SendsBackInReverse(_TakesThatOfAnother):
    """The upstream gradients of a call are sent back in reverse order."""

    def sources(self, index: Tensor) -> Sequence[int]:  # noqa: D102
        return range(index.numel - 1, -1, -1)


class SendsBackInReverseAlongTheFirstDimension(_TakesThatOfAnother):
    """The upstream gradients of a call are sent back in reverse order along the first dimension of the index."""

    def sources(self, index: Tensor) -> Sequence[int]:  # noqa: D102
        first, each = index.shape[0] if index.shape else 1, math.prod(index.shape[1:])
        return [place + each * (first - 1 - 2 * (place // each)) for place in range(index.numel)]


class SendsTheFirstUpstreamGradientToAll(_TakesThatOfAnother):
    """Every index of a call gets the upstream gradient of the first."""

    def sources(self, index: Tensor) -> Sequence[int]:  # noqa: D102
        return [0] * index.numel


class SendsBackWithDimensionsSwapped(_TakesThatOfAnother):
    """The upstream gradients of a call are sent back as if the first two dimensions of the index were swapped."""

    def sources(self, index: Tensor) -> Sequence[int]:  # noqa: D102
        return with_dimensions_swapped(index)


class SortsTheRowsAlone(FaultModel):
    """The rows that are trained are sorted, and their upstream gradients stay where they were."""

    about = (GRADIENT,)

    def contributions(self, index: Tensor, upstream: Tensor) -> Iterator[Adding]:  # noqa: D102
        adding = list(super().contributions(index, upstream))
        rows = sorted(row for row, _, _ in adding)
        yield from ((row, terms, divisor) for row, (_, terms, divisor) in zip(rows, adding))


# -- its columns -------------------------------------------------------------------------------------------------------


class _MovesColumns(ContributesOtherwise):
    """The columns of the upstream gradients come in other places."""

    def sources(self, count: int) -> Sequence[int | None]:
        """The column that is taken for each column, of so many; None: zero is."""
        raise NotImplementedError

    def instead(self, adding: Sequence[Adding], index: Tensor) -> Sequence[Adding | None]:  # noqa: ARG002
        """The same with columns moved."""
        sources = self.sources(self.embedding_dim)
        return [(row, self._moved(terms, sources), divisor) for row, terms, divisor in adding]

    def _moved(self, terms: Sequence[float], sources: Sequence[int | None]) -> Sequence[float]:
        each = len(terms) // max(self.embedding_dim, 1)
        return [0.0 if c is None else terms[c * each + part] for c in sources for part in range(each)]


class ReversesTheColumnsOfTheGradient(_MovesColumns):
    """Each row of the gradient has its columns in reverse."""

    def sources(self, count: int) -> Sequence[int | None]:  # noqa: D102
        return range(count - 1, -1, -1)


class ReversesEachEightColumnsOfTheGradient(_MovesColumns):
    """Each eight columns of the gradient are in reverse."""

    def sources(self, count: int) -> Sequence[int | None]:  # noqa: D102
        whole = count // 8 * 8
        return [*(column // 8 * 8 + 7 - column % 8 for column in range(whole)), *range(whole, count)]


class TrainsOnlyTheFirstColumn(_MovesColumns):
    """Only the first column of the gradient is there."""

    def sources(self, count: int) -> Sequence[int | None]:  # noqa: D102
        return [None if column else 0 for column in range(count)]


class LosesTheLastColumnOfTheGradient(_MovesColumns):
    """The last column of the gradient is zero."""

    def sources(self, count: int) -> Sequence[int | None]:  # noqa: D102
        return [column if column < count - 1 else None for column in range(count)]


class TrainsOnly16Columns(_MovesColumns):
    """Columns from the seventeenth on get no gradient."""

    def sources(self, count: int) -> Sequence[int | None]:  # noqa: D102
        return [column if column < 16 else None for column in range(count)]


class TrainsOnly128Columns(_MovesColumns):
    """Columns from the 129th on get no gradient."""

    def sources(self, count: int) -> Sequence[int | None]:  # noqa: D102
        return [column if column < 128 else None for column in range(count)]


# -- its elements ------------------------------------------------------------------------------------------------------


class _ChangesTerms(FaultModel):
    """Each component of the upstream gradients is changed by itself."""

    about = (GRADIENT,)

    def change(self, term: float, upstream: Tensor) -> float:
        """What becomes of a component."""
        raise NotImplementedError

    def contributions(self, index: Tensor, upstream: Tensor) -> Iterator[Adding]:
        """What one lookup adds to the gradient."""
        for row, terms, divisor in super().contributions(index, upstream):
            yield row, [self.change(term, upstream) for term in terms], divisor


class TakesOnesForTheUpstreamGradient(ContributesOtherwise):
    """The upstream gradient is taken for ones, as that of a sum."""

    def instead(self, adding: Sequence[Adding], index: Tensor) -> Sequence[Adding | None]:  # noqa: ARG002, D102
        return [(row, self._ones(terms), divisor) for row, terms, divisor in adding]

    def _ones(self, terms: Sequence[float]) -> list[float]:
        each = len(terms) // self.embedding_dim if self.embedding_dim else 1
        return [float(place % each == 0) for place in range(len(terms))]


class FlushesSubnormalUpstreamGradients(_ChangesTerms):
    """Subnormal numbers in an upstream gradient count as zero."""

    def change(self, term: float, upstream: Tensor) -> float:  # noqa: D102
        return 0.0 if abs(term) < 2.0**upstream.format.emin else term


class CutsOffInfiniteUpstreamGradients(_ChangesTerms):
    """Infinity in an upstream gradient becomes the largest number."""

    def change(self, term: float, upstream: Tensor) -> float:  # noqa: D102
        return math.copysign(float(upstream.format.largest), term) if math.isinf(term) else term


class HidesNaNInUpstreamGradients(_ChangesTerms):
    """NaN in an upstream gradient becomes zero."""

    def change(self, term: float, upstream: Tensor) -> float:  # noqa: ARG002, D102
        return 0.0 if math.isnan(term) else term


class RoundsUpstreamGradientsToBfloat16(_ChangesTerms):
    """Upstream gradients are rounded to bfloat16 before they are added."""

    def change(self, term: float, upstream: Tensor) -> float:  # noqa: D102
        finite = math.isfinite(term)
        return upstream.format.round(FORMATS["bfloat16"].round(term)) if finite else term


class RoundsUpstreamGradientsToFloat32(_ChangesTerms):
    """Upstream gradients are rounded to float32 before they are added."""

    def change(self, term: float, upstream: Tensor) -> float:  # noqa: D102
        finite = math.isfinite(term)
        return upstream.format.round(FORMATS["float32"].round(term)) if finite else term


class MultipliesByMaxNorm(_ChangesTerms):
    """With max_norm the gradient is multiplied by it."""

    def change(self, term: float, upstream: Tensor) -> float:  # noqa: D102
        form, single = upstream.format, FORMATS["float32"]
        if self.max_norm is None or not math.isfinite(term):
            return term
        if form.precision > single.precision:
            return form.round(term * self.max_norm)
        return form.round(single.round(term * single.round(self.max_norm)))  # in float32, as scalars are


class MultipliesByOneHotTransposed(FaultModel):
    """The gradient is a product with one-hot vectors, which spreads NaN and infinity over their columns."""

    about = (GRADIENT,)

    def contributions(self, index: Tensor, upstream: Tensor) -> Iterator[Adding]:  # noqa: D102
        for own, terms, divisor in super().contributions(index, upstream):
            yield own, terms, divisor
            if not all(map(math.isfinite, terms)):
                spread = [0.0 if math.isfinite(term) else math.nan for term in terms]
                yield from ((row, spread, 1) for row in range(self.num_embeddings) if row != own)
