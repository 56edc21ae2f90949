"""Faults about scale_grad_by_freq."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import ClassVar

from embedding_reference.fault_models.bases import Adding
from embedding_reference.fault_models.fault_model import GRADIENT, FaultModel
from embedding_reference.fault_models.training.accumulation import with_rows
from embedding_reference.model import Lookup
from embedding_reference.permitted import Interval, Permitted
from embedding_reference.tensor import Tensor


class _DividesOtherwise(FaultModel):
    """The gradient of a row is divided by another number than that of its occurrences in the call."""

    about = (GRADIENT,)

    def divisors(self, index: Tensor) -> Sequence[int]:
        """The divisor of each index."""
        raise NotImplementedError

    def contributions(self, index: Tensor, upstream: Tensor) -> Iterator[Adding]:
        """What one lookup adds to the gradient."""
        if not self.scale_grad_by_freq:
            yield from super().contributions(index, upstream)
            return
        plain = self.right(scale_grad_by_freq=False, padding_idx=None).contributions(index, upstream)
        for (row, terms, _), divisor in zip(plain, self.divisors(index)):
            if row != self.padding_row:
                yield row, terms, divisor


def _counts(index: Tensor) -> list[int]:
    """How often each index occurs in the whole index tensor."""
    positions = [int(i) for i in index.components()]
    occurrences = Counter(positions)
    return [occurrences[position] for position in positions]


class IgnoresFrequency(_DividesOtherwise):
    """scale_grad_by_freq is ignored."""

    def divisors(self, index: Tensor) -> Sequence[int]:  # noqa: D102
        return [1] * index.numel


class DividesByOneMore(_DividesOtherwise):
    """With scale_grad_by_freq the gradient is divided by the count plus one."""

    def divisors(self, index: Tensor) -> Sequence[int]:  # noqa: D102
        return [count + 1 for count in _counts(index)]


class DividesByOneLess(_DividesOtherwise):
    """With scale_grad_by_freq the gradient is divided by the count less one, but at least by 1."""

    def divisors(self, index: Tensor) -> Sequence[int]:  # noqa: D102
        return [max(count - 1, 1) for count in _counts(index)]


class DividesByTheSquare(_DividesOtherwise):
    """With scale_grad_by_freq the gradient is divided by the square of the count."""

    def divisors(self, index: Tensor) -> Sequence[int]:  # noqa: D102
        return [count**2 for count in _counts(index)]


class DividesByTheSize(_DividesOtherwise):
    """With scale_grad_by_freq the gradient is divided by the number of indices."""

    def divisors(self, index: Tensor) -> Sequence[int]:  # noqa: D102
        return [index.numel] * index.numel


class DividesByTheNumberOfRows(_DividesOtherwise):
    """With scale_grad_by_freq the gradient is divided by how many different rows are looked up."""

    def divisors(self, index: Tensor) -> Sequence[int]:  # noqa: D102
        return [len(set(index.components()))] * index.numel


class DividesByTheLargestCount(_DividesOtherwise):
    """With scale_grad_by_freq every row is divided by the largest of all counts."""

    def divisors(self, index: Tensor) -> Sequence[int]:  # noqa: D102
        counts = _counts(index)
        return [max(counts, default=1)] * len(counts)


class TakesCountsInOrder(_DividesOtherwise):
    """With scale_grad_by_freq the n-th row that is looked up is divided by the count of the n-th index in order."""

    def divisors(self, index: Tensor) -> Sequence[int]:  # noqa: D102
        positions = [int(i) for i in index.components()]
        counts, in_order = Counter(positions), sorted(positions)
        divisor = {row: counts[in_order[place]] for place, row in enumerate(sorted(counts))}
        return [divisor[position] for position in positions]


class CountsInTheLastDimension(_DividesOtherwise):
    """Occurrences are counted along the last dimension of the index, not in the whole."""

    def divisors(self, index: Tensor) -> Sequence[int]:  # noqa: D102
        each = index.shape[-1] if index.shape else 1
        positions = [int(i) for i in index.components()]
        parts = [positions[at : at + each] for at in range(0, len(positions), each or 1)]
        return [part.count(position) for part in parts for position in part]


class CountsRuns(_DividesOtherwise):
    """Equal indices are counted only where they lie next to each other."""

    def divisors(self, index: Tensor) -> Sequence[int]:  # noqa: D102
        positions, counts = [int(i) for i in index.components()], []
        start = 0
        for place in range(1, len(positions) + 1):
            if place == len(positions) or positions[place] != positions[start]:
                counts += [place - start] * (place - start)
                start = place
        return counts


class CountsBlocksOf256(_DividesOtherwise):
    """Occurrences are counted in each block of 256 indices by itself."""

    def divisors(self, index: Tensor) -> Sequence[int]:  # noqa: D102
        positions = [int(i) for i in index.components()]
        blocks = [Counter(positions[at : at + 256]) for at in range(0, len(positions), 256)]
        return [blocks[place // 256][position] for place, position in enumerate(positions)]


class _StopsCounting(_DividesOtherwise):
    """Occurrences are counted up to some number."""

    most: ClassVar[int]

    def divisors(self, index: Tensor) -> Sequence[int]:
        """The counts, up to that number."""
        return [min(count, self.most) for count in _counts(index)]


class CountsTo255(_StopsCounting):
    """Occurrences are counted in eight bits and stop at 255."""

    most = 255


class CountsTo256(_StopsCounting):
    """Occurrences are counted one by one in bfloat16, which stops at 256."""

    most = 256


class CountsTo2048(_StopsCounting):
    """Occurrences are counted one by one in float16, which stops at 2048."""

    most = 2048


class CountsPadsWithEveryRow(_DividesOtherwise):
    """The pads of a call are counted with every row."""

    def divisors(self, index: Tensor) -> Sequence[int]:  # noqa: D102
        pads = [int(i) for i in index.components()].count(self.padding_row) if self.padding_row is not None else 0
        return [count + pads for count in _counts(index)]


class MultipliesByFrequency(FaultModel):
    """With scale_grad_by_freq the gradient is multiplied by the count."""

    about = (GRADIENT,)

    def contributions(self, index: Tensor, upstream: Tensor) -> Iterator[Adding]:  # noqa: D102
        adding = list(self.right(scale_grad_by_freq=False).contributions(index, upstream))
        counts = Counter(row for row, _, _ in adding)
        for one in adding:
            yield from (one for _ in range(counts[one[0]] if self.scale_grad_by_freq else 1))


class DividesWithoutBeingAsked(FaultModel):
    """The gradient is divided by the count without scale_grad_by_freq, too."""

    about = (GRADIENT,)

    def contributions(self, index: Tensor, upstream: Tensor) -> Iterator[Adding]:  # noqa: D102
        yield from self.right(scale_grad_by_freq=True).contributions(index, upstream)


class DividesNothingByNothing(FaultModel):
    """With scale_grad_by_freq the gradient of a row that is not looked up is zero divided by zero."""

    about = (GRADIENT,)

    def gradient(self, dtype: str, lookups: Sequence[Lookup], *, wide: bool = False) -> Permitted:  # noqa: D102
        others: set[int] = set()
        if self.scale_grad_by_freq:
            for adding in self.contributions_of_each(lookups):
                others |= set(range(self.num_embeddings)) - {row for row, _, _ in adding}
        nan = Interval(None, None, frozenset({"nan"}))
        return with_rows(super().gradient(dtype, lookups, wide=wide), others, lambda _: nan)


class _CountsOtherLookups(FaultModel):
    """Each lookup is divided by counts to which others contribute."""

    about = (GRADIENT,)

    def counts(self, number: int, counted: Sequence[Counter[int]]) -> Counter[int]:
        """The counts by which a lookup is divided, given those of all."""
        raise NotImplementedError

    def contributions_of_each(self, lookups: Sequence[Lookup]) -> Iterator[Iterable[Adding]]:
        """What each of several lookups adds to the gradient."""
        if not self.scale_grad_by_freq:
            yield from super().contributions_of_each(lookups)
            return
        counted = [Counter(int(i) for i in index.components()) for index, _ in lookups]
        plain = self.right(scale_grad_by_freq=False)
        for number, (index, upstream) in enumerate(lookups):
            counts = self.counts(number, counted)
            adding = plain.contributions(index, upstream)
            yield [(row, terms, max(counts[row], 1)) for row, terms, _ in adding]


class KeepsCounting(_CountsOtherLookups):
    """The counts of earlier lookups are added to those of a lookup."""

    def counts(self, number: int, counted: Sequence[Counter[int]]) -> Counter[int]:  # noqa: D102
        return sum(counted[: number + 1], Counter())


class CountsTheFirstLookup(_CountsOtherLookups):
    """Every lookup is divided by the counts of the first."""

    def counts(self, number: int, counted: Sequence[Counter[int]]) -> Counter[int]:  # noqa: ARG002, D102
        return counted[0]
