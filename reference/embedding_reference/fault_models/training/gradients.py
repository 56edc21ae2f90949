"""Faults of the gradient: which indices of a call count in it, and for which row."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import islice
from typing import ClassVar

from embedding_reference.fault_models.bases import Adding, ContributesOtherwise, CountsSomeIndices
from embedding_reference.fault_models.fault_model import GRADIENT, FaultModel
from embedding_reference.formats import FORMATS
from embedding_reference.model import Lookup
from embedding_reference.permitted import Interval, Permitted, Within
from embedding_reference.tensor import Tensor


class GivesNoGradient(FaultModel):
    """The gradient is all zeros."""

    about = (GRADIENT,)

    def contributions(self, index: Tensor, upstream: Tensor) -> Iterator[Adding]:  # noqa: ARG002, D102
        return iter(())


class DoublesTheGradient(FaultModel):
    """The gradient is twice what it should be."""

    about = (GRADIENT,)

    def contributions(self, index: Tensor, upstream: Tensor) -> Iterator[Adding]:  # noqa: D102
        for one in super().contributions(index, upstream):
            yield from (one, one)


class HalvesTheGradient(ContributesOtherwise):
    """The gradient is half what it should be."""

    def instead(self, adding: Sequence[Adding], index: Tensor) -> Sequence[Adding | None]:  # noqa: ARG002, D102
        return [(row, terms, divisor * 2) for row, terms, divisor in adding]


class NegatesTheGradient(ContributesOtherwise):
    """The gradient has the other sign."""

    def instead(self, adding: Sequence[Adding], index: Tensor) -> Sequence[Adding | None]:  # noqa: ARG002, D102
        return [(row, [-term for term in terms], divisor) for row, terms, divisor in adding]


class DividesByTheNumberOfIndices(ContributesOtherwise):
    """The gradient is divided by the number of indices, as that of a mean."""

    def instead(self, adding: Sequence[Adding], index: Tensor) -> Sequence[Adding | None]:  # noqa: D102
        return [(row, terms, divisor * index.numel) for row, terms, divisor in adding]

    def gradient(self, dtype: str, lookups: Sequence[Lookup], *, wide: bool = False) -> Permitted:  # noqa: D102
        found = super().gradient(dtype, lookups, wide=wide)
        assert isinstance(found, Within)
        # With scale_grad_by_freq a term may be divided twice, and lose half a subnormal number each time.
        lost = FORMATS[dtype].quantum * sum(index.numel for index, _ in lookups) if self.scale_grad_by_freq else 0
        intervals = [
            _widened(interval, lost) if interval.low != interval.high else interval for interval in found.intervals
        ]
        return Within(found.dtype, found.shape, tuple(intervals))


def _widened(interval: Interval, by: Fraction | int) -> Interval:
    if interval.low is None or interval.high is None:
        return interval
    return Interval(interval.low - by, interval.high + by, interval.also)


class AveragesDuplicates(ContributesOtherwise):
    """The upstream gradients of a row are averaged, not added."""

    def instead(self, adding: Sequence[Adding], index: Tensor) -> Sequence[Adding | None]:  # noqa: ARG002, D102
        counts = Counter(row for row, _, _ in adding)
        return [(row, terms, divisor * counts[row]) for row, terms, divisor in adding]


# -- which indices count -----------------------------------------------------------------------------------------------


class KeepsTheLastDuplicate(CountsSomeIndices):
    """Of several lookups of a row only the last counts in the gradient."""

    def counts(self, positions: Sequence[int], index: Tensor) -> Sequence[bool]:  # noqa: ARG002, D102
        last = {row: place for place, row in enumerate(positions)}
        return [last[row] == place for place, row in enumerate(positions)]


class _CountsTheFirstOfEachRow(CountsSomeIndices):
    """Of several lookups of a row only so many count in the gradient."""

    most: ClassVar[int]

    def counts(self, positions: Sequence[int], index: Tensor) -> Sequence[bool]:  # noqa: ARG002
        """Whether there were not too many of the row before."""
        before: Counter[int] = Counter()
        counted = []
        for row in positions:
            counted.append(before[row] < self.most)
            before[row] += 1
        return counted


class KeepsTheFirstDuplicate(_CountsTheFirstOfEachRow):
    """Of several lookups of a row only the first counts in the gradient."""

    most = 1


class Keeps256Duplicates(_CountsTheFirstOfEachRow):
    """Of several lookups of a row only the first 256 count in the gradient."""

    most = 256


class Keeps1024Duplicates(_CountsTheFirstOfEachRow):
    """Of several lookups of a row only the first 1024 count in the gradient."""

    most = 1024


class KeepsTheFirstOfARun(CountsSomeIndices):
    """Of equal indices that lie next to each other only the first counts in the gradient."""

    def counts(self, positions: Sequence[int], index: Tensor) -> Sequence[bool]:  # noqa: ARG002, D102
        return [not place or positions[place - 1] != row for place, row in enumerate(positions)]


class TrainsOnlyDistinctIndices(CountsSomeIndices):
    """A row that is looked up more than once gets no gradient."""

    def counts(self, positions: Sequence[int], index: Tensor) -> Sequence[bool]:  # noqa: ARG002, D102
        occurrences = Counter(positions)
        return [occurrences[row] == 1 for row in positions]


class ForgetsMoreThan256Duplicates(CountsSomeIndices):
    """A row that is looked up more than 256 times gets no gradient."""

    def counts(self, positions: Sequence[int], index: Tensor) -> Sequence[bool]:  # noqa: ARG002, D102
        occurrences = Counter(positions)
        return [occurrences[row] <= 256 for row in positions]


class _CountsTheFirstIndices(CountsSomeIndices):
    """Only the first indices of a call count in the gradient."""

    most: ClassVar[int]

    def counts(self, positions: Sequence[int], index: Tensor) -> Sequence[bool]:  # noqa: ARG002
        """Whether an index is among the first."""
        return [place < self.most for place in range(len(positions))]


class TrainsOnlyTheFirstIndex(_CountsTheFirstIndices):
    """Only the first index of a call gets a gradient."""

    most = 1


class TrainsOnly256Indices(_CountsTheFirstIndices):
    """Indices from the 257th of a call on get no gradient."""

    most = 256


class TrainsOnly1000Indices(_CountsTheFirstIndices):
    """Indices from the 1001st of a call on get no gradient."""

    most = 1000


class TrainsOnly3072Indices(_CountsTheFirstIndices):
    """Indices from the 3073rd of a call on get no gradient."""

    most = 3072


class LosesTheLastIndex(CountsSomeIndices):
    """The last index of a call gets no gradient."""

    def counts(self, positions: Sequence[int], index: Tensor) -> Sequence[bool]:  # noqa: ARG002, D102
        return [place < len(positions) - 1 for place in range(len(positions))]


class TrainsOnlyTheFirstSlice(CountsSomeIndices):
    """Only the first entry along the first dimension of an index gets a gradient."""

    def counts(self, positions: Sequence[int], index: Tensor) -> Sequence[bool]:  # noqa: D102
        each = math.prod(index.shape[1:])
        return [not index.shape or place < each for place in range(len(positions))]


class KeepsOnly1024Entries(FaultModel):
    """Of the indices of a call that are no pads only the first 1024 count in the gradient."""

    about = (GRADIENT,)

    def contributions(self, index: Tensor, upstream: Tensor) -> Iterator[Adding]:  # noqa: D102
        yield from islice(super().contributions(index, upstream), 1024)


class LosesTheFirstRow(CountsSomeIndices):
    """The first row of the table gets no gradient."""

    def counts(self, positions: Sequence[int], index: Tensor) -> Sequence[bool]:  # noqa: ARG002, D102
        return [row != 0 for row in positions]


class LosesTheLastRow(CountsSomeIndices):
    """The last row of the table gets no gradient."""

    def counts(self, positions: Sequence[int], index: Tensor) -> Sequence[bool]:  # noqa: ARG002, D102
        return [row != self.num_embeddings - 1 for row in positions]


class TrainsOnly1000Rows(CountsSomeIndices):
    """Rows of the table from the 1001st on get no gradient."""

    def counts(self, positions: Sequence[int], index: Tensor) -> Sequence[bool]:  # noqa: ARG002, D102
        return [row < 1000 for row in positions]


# -- which row they count for ------------------------------------------------------------------------------------------


class _TrainsAnotherRow(ContributesOtherwise):
    """What an index adds goes to the row that `trained` names."""

    def trained(self, row: int) -> int:
        """The row that gets the gradient of a row."""
        raise NotImplementedError

    def instead(self, adding: Sequence[Adding], index: Tensor) -> Sequence[Adding | None]:  # noqa: ARG002
        """The same for other rows."""
        return [(self.trained(row), terms, divisor) for row, terms, divisor in adding]


class TrainsTheNextRow(_TrainsAnotherRow):
    """The gradient of a row goes to the row after it, and that of the last row to the first."""

    def trained(self, row: int) -> int:  # noqa: D102
        return (row + 1) % self.num_embeddings


class TrainsTheRowBefore(_TrainsAnotherRow):
    """The gradient of a row goes to the row before it, and that of the first row to the last."""

    def trained(self, row: int) -> int:  # noqa: D102
        return (row - 1) % self.num_embeddings


class TrainsTheFirstRow(_TrainsAnotherRow):
    """All of the gradient goes to the first row."""

    def trained(self, row: int) -> int:  # noqa: ARG002, D102
        return 0


class CutsTrainedRowsTo7Bits(_TrainsAnotherRow):
    """Of a row's number only the lower seven bits count in the gradient."""

    def trained(self, row: int) -> int:  # noqa: D102
        return row % 2**7
