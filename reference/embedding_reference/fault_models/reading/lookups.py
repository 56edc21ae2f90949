"""Faults of the lookup: which row is read for an index, and to which place of the output it goes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar

from embedding_reference.fault_models.fault_model import GRADIENT, OUTPUT, FaultModel
from embedding_reference.fault_models.rules import by_row, hull, joined, rules_of, zeros
from embedding_reference.model import INDEX_DTYPES, Lookup
from embedding_reference.permitted import Anything, Exactly, Permitted, Raises, Within
from embedding_reference.tensor import Tensor


class _ReadsAnotherRow(FaultModel):
    """An index reads the row that `row_of` names."""

    about = (OUTPUT,)

    def row_of(self, index: int) -> int:
        """The row that is read for an index."""
        raise NotImplementedError

    def output(self, weight: Tensor, index: Tensor) -> Permitted:
        """The rows that are read, as they are after the call."""
        right = super().output(weight, index)
        if isinstance(right, (Raises, Anything)):
            return right
        rules = rules_of(self.right().weight_after(weight, index))
        read = [rules[self.row_of(int(i))] for i in index.components()]
        return joined(weight.dtype, (*index.shape, self.embedding_dim), read)


class ReadsTheNextRow(_ReadsAnotherRow):
    """An index reads the row after its own, and the last index the first row."""

    def row_of(self, index: int) -> int:  # noqa: D102
        return (index + 1) % self.num_embeddings


class ReadsTheRowBefore(_ReadsAnotherRow):
    """An index reads the row before its own, and the first index the last row."""

    def row_of(self, index: int) -> int:  # noqa: D102
        return (index - 1) % self.num_embeddings


class CountsFromTheEnd(_ReadsAnotherRow):
    """Indices count from the end."""

    def row_of(self, index: int) -> int:  # noqa: D102
        return self.num_embeddings - 1 - index


class ReadsTheFirstRow(_ReadsAnotherRow):
    """Every index reads the first row."""

    def row_of(self, index: int) -> int:  # noqa: ARG002, D102
        return 0


class ReadsTheLastRow(_ReadsAnotherRow):
    """Every index reads the last row."""

    def row_of(self, index: int) -> int:  # noqa: ARG002, D102
        return self.num_embeddings - 1


class CutsTheIndexToAByte(_ReadsAnotherRow):
    """Of an index only the lower eight bits count."""

    def row_of(self, index: int) -> int:  # noqa: D102
        return index % 2**8


class CutsTheIndexTo15Bits(_ReadsAnotherRow):
    """Of an index only the lower fifteen bits count."""

    def row_of(self, index: int) -> int:  # noqa: D102
        return index % 2**15


class CutsTheIndexTo16Bits(_ReadsAnotherRow):
    """Of an index only the lower sixteen bits count."""

    def row_of(self, index: int) -> int:  # noqa: D102
        return index % 2**16


class _CutsPlaces(FaultModel):
    """Of an element's place in the table, counted row by row, only some lower bits count."""

    about = (OUTPUT,)
    bits: ClassVar[int]

    def output(self, weight: Tensor, index: Tensor) -> Permitted:
        """The elements at the places that are left."""
        right = super().output(weight, index)
        if isinstance(right, (Raises, Anything)):
            return right
        after, columns = self.right().weight_after(weight, index), range(self.embedding_dim)
        places = [(int(i) * len(columns) + column) % 2**self.bits for i in index.components() for column in columns]
        shape = (*index.shape, len(columns))
        if isinstance(after, Exactly):
            size = weight.format.itemsize
            data = [weight.data[place * size : (place + 1) * size] for place in places]
            return Exactly(Tensor(weight.dtype, shape, b"".join(data)))
        every, each = hull(after), weight.format.components
        return Within(
            weight.dtype, shape, tuple(every[place * each + part] for place in places for part in range(each))
        )


class CutsPlacesToAByte(_CutsPlaces):
    """Of an element's place in the table, counted row by row, only the lower eight bits count."""

    bits = 8


class CutsPlacesTo16Bits(_CutsPlaces):
    """Of an element's place in the table, counted row by row, only the lower sixteen bits count."""

    bits = 16


class _MovesRows(FaultModel):
    """The rows of the output are the right ones, in other places."""

    about = (OUTPUT,)

    def sources(self, index: Tensor) -> Sequence[int | None]:
        """The place that the row of each place should have gone to; None: zeros come out."""
        raise NotImplementedError

    def output(self, weight: Tensor, index: Tensor) -> Permitted:
        """The rows, moved."""

        def moved(rules: Sequence[Permitted]) -> Sequence[Permitted]:
            return [zeros(rules[0]) if place is None else rules[place] for place in self.sources(index)]

        return by_row(super().output(weight, index), moved)


class ReversesTheLookups(_MovesRows):
    """The rows of the output come in reverse order."""

    def sources(self, index: Tensor) -> Sequence[int | None]:  # noqa: D102
        return range(index.numel - 1, -1, -1)


class SwapsDimensionsOfTheOutput(_MovesRows):
    """The rows of the output come as if the first two dimensions of the index were swapped."""

    def sources(self, index: Tensor) -> Sequence[int | None]:  # noqa: D102
        return with_dimensions_swapped(index)


class LosesTheLastLookup(_MovesRows):
    """The output of the last index of a call is zero."""

    def sources(self, index: Tensor) -> Sequence[int | None]:  # noqa: D102
        return [place if place < index.numel - 1 else None for place in range(index.numel)]


class LosesLookupsFrom4096(_MovesRows):
    """The output of indices from the 4097th on is zero."""

    def sources(self, index: Tensor) -> Sequence[int | None]:  # noqa: D102
        return [place if place < 4096 else None for place in range(index.numel)]


class KeepsOnlyTheFirstOfEqualIndices(_MovesRows):
    """Of several equal indices only the first gives its row, and the others give zeros."""

    def sources(self, index: Tensor) -> Sequence[int | None]:  # noqa: D102
        first: dict[float, int] = {}
        return [place if first.setdefault(i, place) == place else None for place, i in enumerate(index.components())]


class ReadsTheFirstRowFrom256(FaultModel):
    """Indices from the 257th on read the first row."""

    about = (OUTPUT,)

    def output(self, weight: Tensor, index: Tensor) -> Permitted:  # noqa: D102
        def later_read_the_first(rules: Sequence[Permitted]) -> Sequence[Permitted]:
            first = rules_of(self.right().weight_after(weight, index))[0]
            return [rule if place < 256 else first for place, rule in enumerate(rules)]

        right = super().output(weight, index)
        return by_row(right, later_read_the_first) if index.numel > 256 else right


class _ReadsTheIndexOtherwise(FaultModel):
    """The elements of the index are read in another order, in lookups and in their backward."""

    about = (OUTPUT, GRADIENT)

    def read(self, index: Tensor) -> Sequence[int]:
        """The place in the index that is read for each place."""
        raise NotImplementedError

    def output(self, weight: Tensor, index: Tensor) -> Permitted:
        """The output for the index as it is read."""
        return super().output(weight, self._as_read(index))

    def weight_after(self, weight: Tensor, index: Tensor, *, wide: bool = False) -> Permitted:
        """The weight, which the order does not matter for."""
        return super().weight_after(weight, self._as_read(index), wide=wide)

    def gradient(self, dtype: str, lookups: Sequence[Lookup], *, wide: bool = False) -> Permitted:
        """The gradient for the index as it is read."""
        return super().gradient(dtype, [(self._as_read(index), upstream) for index, upstream in lookups], wide=wide)

    def _as_read(self, index: Tensor) -> Tensor:
        if index.dtype not in INDEX_DTYPES:
            return index
        positions = index.components()
        return Tensor.of(index.dtype, index.shape, [positions[place] for place in self.read(index)])


class ReadsTheIndexInReverse(_ReadsTheIndexOtherwise):
    """The index is read in reverse order."""

    def read(self, index: Tensor) -> Sequence[int]:  # noqa: D102
        return range(index.numel - 1, -1, -1)


class ReadsTheIndexWithDimensionsSwapped(_ReadsTheIndexOtherwise):
    """The index is read as if its first two dimensions were swapped."""

    def read(self, index: Tensor) -> Sequence[int]:  # noqa: D102
        return with_dimensions_swapped(index)


def with_dimensions_swapped(index: Tensor) -> Sequence[int]:
    """The places of an index in the order in which they lie where the first two dimensions are swapped."""
    if len(index.shape) < 2:
        return range(index.numel)
    first, second, *rest = index.shape
    each = math.prod(rest)
    return [(i * second + j) * each + k for j in range(second) for i in range(first) for k in range(each)]
