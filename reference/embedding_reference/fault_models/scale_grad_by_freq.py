"""Faults about scale_grad_by_freq."""

from __future__ import annotations

from collections import Counter
from typing import Iterator, Sequence  # noqa: UP035 - evaluated on Python 3.8 too

from embedding_reference.fault_models.fault_model import GRADIENT, FaultModel
from embedding_reference.fault_models.gradients import Adding
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


class IgnoresFrequencyWithPadding(_DividesOtherwise):
    """scale_grad_by_freq is ignored where there is a padding_idx."""

    def divisors(self, index: Tensor) -> Sequence[int]:  # noqa: D102
        return _counts(index) if self.padding_idx is None else [1] * index.numel


class IgnoresFrequencyWithMaxNorm(_DividesOtherwise):
    """scale_grad_by_freq is ignored where there is a max_norm."""

    def divisors(self, index: Tensor) -> Sequence[int]:  # noqa: D102
        return _counts(index) if self.max_norm is None else [1] * index.numel


class DividesByOneMore(_DividesOtherwise):
    """With scale_grad_by_freq the gradient is divided by the count plus one."""

    def divisors(self, index: Tensor) -> Sequence[int]:  # noqa: D102
        return [count + 1 for count in _counts(index)]


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


class CountsTo255(_DividesOtherwise):
    """Occurrences are counted in eight bits and stop at 255."""

    def divisors(self, index: Tensor) -> Sequence[int]:  # noqa: D102
        return [min(count, 255) for count in _counts(index)]


class CountsPadsWithEveryRow(_DividesOtherwise):
    """The pads of a call are counted with every row."""

    def divisors(self, index: Tensor) -> Sequence[int]:  # noqa: D102
        pads = [int(i) for i in index.components()].count(self.padding_row) if self.padding_row is not None else 0
        return [count + pads for count in _counts(index)]


class CountsAScalarTwice(_DividesOtherwise):
    """A 0-d index counts as two occurrences."""

    def divisors(self, index: Tensor) -> Sequence[int]:  # noqa: D102
        return _counts(index) if index.shape else [2]


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
