"""Faults of the gradient that no argument is needed for."""

from __future__ import annotations

from collections import Counter
from typing import Iterator, Sequence, Tuple  # noqa: UP035 - evaluated on Python 3.8 too

from embedding_reference.fault_models.fault_model import GRADIENT, FaultModel
from embedding_reference.model import Lookup
from embedding_reference.permitted import Permitted
from embedding_reference.tensor import Tensor

Adding = Tuple[int, Sequence[float], int]  # noqa: UP006 - evaluated on Python 3.8 too
"""What an index adds to the gradient: its row, its terms and their divisor."""


class _ContributesOtherwise(FaultModel):
    """What a lookup adds to the gradient is changed by `instead`."""

    about = (GRADIENT,)

    def instead(self, adding: list[Adding], index: Tensor) -> list[Adding]:
        """What is added in place of what should be."""
        raise NotImplementedError

    def contributions(self, index: Tensor, upstream: Tensor) -> Iterator[Adding]:
        """What one lookup adds to the gradient."""
        yield from self.instead(list(super().contributions(index, upstream)), index)


class GivesNoGradient(_ContributesOtherwise):
    """The gradient is all zeros."""

    def instead(self, adding: list[Adding], index: Tensor) -> list[Adding]:  # noqa: ARG002, D102
        return []


class KeepsTheLastDuplicate(_ContributesOtherwise):
    """Of several lookups of a row only the last counts in the gradient."""

    def instead(self, adding: list[Adding], index: Tensor) -> list[Adding]:  # noqa: ARG002, D102
        return list({row: (row, terms, divisor) for row, terms, divisor in adding}.values())


class KeepsTheFirstDuplicate(_ContributesOtherwise):
    """Of several lookups of a row only the first counts in the gradient."""

    def instead(self, adding: list[Adding], index: Tensor) -> list[Adding]:  # noqa: ARG002, D102
        return list({row: (row, terms, divisor) for row, terms, divisor in reversed(adding)}.values())


class AveragesDuplicates(_ContributesOtherwise):
    """The upstream gradients of a row are averaged, not added."""

    def instead(self, adding: list[Adding], index: Tensor) -> list[Adding]:  # noqa: ARG002, D102
        counts = Counter(row for row, _, _ in adding)
        return [(row, terms, divisor * counts[row]) for row, terms, divisor in adding]


class DividesByTheNumberOfIndices(_ContributesOtherwise):
    """The gradient is divided by the number of indices, as that of a mean."""

    def instead(self, adding: list[Adding], index: Tensor) -> list[Adding]:  # noqa: D102
        return [(row, terms, divisor * index.numel) for row, terms, divisor in adding]


class TakesOnesForTheUpstreamGradient(_ContributesOtherwise):
    """The upstream gradient is taken for ones, as that of a sum."""

    def instead(self, adding: list[Adding], index: Tensor) -> list[Adding]:  # noqa: ARG002, D102
        return [(row, self._ones(terms), divisor) for row, terms, divisor in adding]

    def _ones(self, terms: Sequence[float]) -> list[float]:
        each = len(terms) // self.embedding_dim if self.embedding_dim else 1
        return [float(place % each == 0) for place in range(len(terms))]


class DoublesTheGradient(_ContributesOtherwise):
    """The gradient is twice what it should be."""

    def instead(self, adding: list[Adding], index: Tensor) -> list[Adding]:  # noqa: ARG002, D102
        return [one for one in adding for _ in range(2)]


class HalvesTheGradient(_ContributesOtherwise):
    """The gradient is half what it should be."""

    def instead(self, adding: list[Adding], index: Tensor) -> list[Adding]:  # noqa: ARG002, D102
        return [(row, terms, divisor * 2) for row, terms, divisor in adding]


class NegatesTheGradient(_ContributesOtherwise):
    """The gradient has the other sign."""

    def instead(self, adding: list[Adding], index: Tensor) -> list[Adding]:  # noqa: ARG002, D102
        return [(row, [-term for term in terms], divisor) for row, terms, divisor in adding]


class TrainsTheNextRow(_ContributesOtherwise):
    """The gradient of a row goes to the row after it, and that of the last row to the first."""

    def instead(self, adding: list[Adding], index: Tensor) -> list[Adding]:  # noqa: ARG002, D102
        return [((row + 1) % self.num_embeddings, terms, divisor) for row, terms, divisor in adding]


class TrainsTheRowBefore(_ContributesOtherwise):
    """The gradient of a row goes to the row before it, and that of the first row to the last."""

    def instead(self, adding: list[Adding], index: Tensor) -> list[Adding]:  # noqa: ARG002, D102
        return [((row - 1) % self.num_embeddings, terms, divisor) for row, terms, divisor in adding]


class TrainsTheFirstRow(_ContributesOtherwise):
    """All of the gradient goes to the first row."""

    def instead(self, adding: list[Adding], index: Tensor) -> list[Adding]:  # noqa: ARG002, D102
        return [(0, terms, divisor) for _, terms, divisor in adding]


class TrainsOnlyTheFirstIndex(_ContributesOtherwise):
    """Only the first index of a call gets a gradient."""

    def instead(self, adding: list[Adding], index: Tensor) -> list[Adding]:  # noqa: ARG002, D102
        return adding[:1]


class LosesTheLastIndex(_ContributesOtherwise):
    """The last index of a call gets no gradient."""

    def instead(self, adding: list[Adding], index: Tensor) -> list[Adding]:  # noqa: ARG002, D102
        return adding[:-1]


class TrainsOnlyDistinctIndices(_ContributesOtherwise):
    """A row that is looked up more than once gets no gradient."""

    def instead(self, adding: list[Adding], index: Tensor) -> list[Adding]:  # noqa: ARG002, D102
        counts = Counter(row for row, _, _ in adding)
        return [one for one in adding if counts[one[0]] == 1]


class SendsBackInReverse(_ContributesOtherwise):
    """The upstream gradients of a call are sent back in reverse order."""

    def instead(self, adding: list[Adding], index: Tensor) -> list[Adding]:  # noqa: ARG002, D102
        reverse = [terms for _, terms, _ in reversed(adding)]
        return [(row, terms, divisor) for (row, _, divisor), terms in zip(adding, reverse)]


class SendsTheFirstUpstreamGradientToAll(_ContributesOtherwise):
    """Every index of a call gets the upstream gradient of the first."""

    def instead(self, adding: list[Adding], index: Tensor) -> list[Adding]:  # noqa: ARG002, D102
        return [(row, adding[0][1], divisor) for row, _, divisor in adding]


class ReversesTheColumnsOfTheGradient(_ContributesOtherwise):
    """Each row of the gradient has its columns in reverse."""

    def instead(self, adding: list[Adding], index: Tensor) -> list[Adding]:  # noqa: ARG002, D102
        return [(row, self._backwards(terms), divisor) for row, terms, divisor in adding]

    def _backwards(self, terms: Sequence[float]) -> list[float]:
        each = len(terms) // self.embedding_dim if self.embedding_dim else 1
        elements = [terms[at : at + each] for at in range(0, len(terms), each)]
        return [component for element in reversed(elements) for component in element]


class TrainsOnlyTheFirstColumn(_ContributesOtherwise):
    """Only the first column of the gradient is there."""

    def instead(self, adding: list[Adding], index: Tensor) -> list[Adding]:  # noqa: ARG002, D102
        each = [len(terms) // self.embedding_dim if self.embedding_dim else 1 for _, terms, _ in adding]
        return [
            (row, [term if at < width else 0.0 for at, term in enumerate(terms)], divisor)
            for (row, terms, divisor), width in zip(adding, each)
        ]


class LosesTheLastColumnOfTheGradient(_ContributesOtherwise):
    """The last column of the gradient is zero."""

    def instead(self, adding: list[Adding], index: Tensor) -> list[Adding]:  # noqa: ARG002, D102
        each = [len(terms) // self.embedding_dim if self.embedding_dim else 1 for _, terms, _ in adding]
        return [
            (row, [term if at < len(terms) - width else 0.0 for at, term in enumerate(terms)], divisor)
            for (row, terms, divisor), width in zip(adding, each)
        ]


class _AddsOtherwise(FaultModel):
    """What several lookups give together is wrong."""

    about = (GRADIENT,)


class ForgetsEarlierLookups(_AddsOtherwise):
    """The gradient is that of the last lookup alone: it replaces what was there."""

    def gradient(self, dtype: str, lookups: Sequence[Lookup], *, wide: bool = False) -> Permitted:  # noqa: D102
        return super().gradient(dtype, lookups[-1:], wide=wide)


class KeepsTheFirstLookup(_AddsOtherwise):
    """The gradient is that of the first lookup alone: later ones add nothing."""

    def gradient(self, dtype: str, lookups: Sequence[Lookup], *, wide: bool = False) -> Permitted:  # noqa: D102
        return super().gradient(dtype, lookups[:1], wide=wide)


class AddsEarlierLookupsAgain(_AddsOtherwise):
    """Each lookup adds the gradients of those before it once more."""

    def gradient(self, dtype: str, lookups: Sequence[Lookup], *, wide: bool = False) -> Permitted:  # noqa: D102
        again = [lookup for number in range(len(lookups)) for lookup in lookups[: number + 1]]
        return super().gradient(dtype, again, wide=wide)


class TakesTheFirstIndexForAll(_AddsOtherwise):
    """Where lookups have one shape, each is differentiated with the index of the first."""

    def gradient(self, dtype: str, lookups: Sequence[Lookup], *, wide: bool = False) -> Permitted:  # noqa: D102
        pairs = [(lookups[0][0] if lookups[0][0].shape == i.shape else i, upstream) for i, upstream in lookups]
        return super().gradient(dtype, pairs, wide=wide)
