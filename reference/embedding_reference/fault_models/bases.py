"""Fault models that those of several modules derive from."""

from __future__ import annotations

from typing import Iterator, Sequence, Tuple  # noqa: UP035 - evaluated on Python 3.8 too

from embedding_reference.fault_models.fault_model import GRADIENT, OUTPUT, WEIGHT, FaultModel
from embedding_reference.model import Embedding
from embedding_reference.permitted import Permitted
from embedding_reference.tensor import Tensor

Adding = Tuple[int, Sequence[float], int]  # noqa: UP006 - evaluated on Python 3.8 too
"""What an index adds to the gradient: its row, its terms and their divisor."""


class ContributesOtherwise(FaultModel):
    """What an index adds to the gradient is changed by `instead`."""

    about = (GRADIENT,)

    def instead(self, adding: Sequence[Adding], index: Tensor) -> Sequence[Adding | None]:
        """What each index adds in place of what it should, pads included, which then are left out; None: nothing."""
        raise NotImplementedError

    def contributions(self, index: Tensor, upstream: Tensor) -> Iterator[Adding]:
        """What one lookup adds to the gradient."""
        adding = list(self.right(padding_idx=None).contributions(index, upstream))
        for (row, _, _), one in zip(adding, self.instead(adding, index)):
            if row != self.padding_row and one is not None:
                yield one


class CountsSomeIndices(ContributesOtherwise):
    """Of the indices of a call only some count in the gradient."""

    def counts(self, positions: Sequence[int], index: Tensor) -> Sequence[bool]:
        """Whether each index counts; `positions` are all of them, one after the other."""
        raise NotImplementedError

    def instead(self, adding: Sequence[Adding], index: Tensor) -> Sequence[Adding | None]:
        """What those that count add."""
        counts = self.counts([row for row, _, _ in adding], index)
        return [one if counted else None for one, counted in zip(adding, counts)]


class RescalesAsIf(FaultModel):
    """Rows are rescaled as an embedding with other arguments rescales them."""

    about = (OUTPUT, WEIGHT)

    def other(self) -> Embedding:
        """The embedding that rescales so."""
        raise NotImplementedError

    def output(self, weight: Tensor, index: Tensor) -> Permitted:
        """The output of the other embedding."""
        return super().output(weight, index) if self.max_norm is None else self.other().output(weight, index)

    def weight_after(self, weight: Tensor, index: Tensor, *, wide: bool = False) -> Permitted:
        """The weight after a lookup of the other embedding."""
        other = self.right() if self.max_norm is None else self.other()
        return other.weight_after(weight, index, wide=wide)
