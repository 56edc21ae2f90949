"""Faults about max_norm: which rows are rescaled, and what is rescaled."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar, Tuple  # noqa: UP035 - evaluated on Python 3.8 too

from embedding_reference.fault_models.bases import RescalesAsIf
from embedding_reference.fault_models.fault_model import OUTPUT, WEIGHT, FaultModel
from embedding_reference.model import Embedding
from embedding_reference.permitted import Exactly, Permitted
from embedding_reference.tensor import Tensor


class IgnoresMaxNorm(RescalesAsIf):
    """max_norm is ignored."""

    def other(self) -> Embedding:  # noqa: D102
        return self.right(max_norm=None)


class TakesOneForTheLimit(RescalesAsIf):
    """Whatever max_norm is, the limit is 1."""

    def other(self) -> Embedding:  # noqa: D102
        return self.right(max_norm=1.0)


class DoublesTheLimit(RescalesAsIf):
    """The limit is twice max_norm."""

    def other(self) -> Embedding:  # noqa: D102
        return self.right(max_norm=2 * (self.max_norm or 0.0))


class HalvesTheLimit(RescalesAsIf):
    """The limit is half of max_norm."""

    def other(self) -> Embedding:  # noqa: D102
        return self.right(max_norm=(self.max_norm or 0.0) / 2)


class TakesNineTenthsForTheLimit(RescalesAsIf):
    """The limit is nine tenths of max_norm."""

    def other(self) -> Embedding:  # noqa: D102
        return self.right(max_norm=0.9 * (self.max_norm or 0.0))


class CutsTheLimitToAWholeNumber(RescalesAsIf):
    """max_norm is cut to a whole number."""

    def other(self) -> Embedding:  # noqa: D102
        limit = self.max_norm or 0.0
        return self.right(max_norm=float(int(limit)) if math.isfinite(limit) else limit)


# -- what is rescaled --------------------------------------------------------------------------------------------------


class RescalesTheOutputAlone(FaultModel):
    """The output is rescaled, and the weight is not."""

    about = (WEIGHT,)

    def weight_after(self, weight: Tensor, index: Tensor, *, wide: bool = False) -> Permitted:  # noqa: ARG002, D102
        return Exactly(weight)


class RescalesTheWeightAlone(FaultModel):
    """The weight is rescaled, and the output holds the rows as they were."""

    about = (OUTPUT,)

    def output(self, weight: Tensor, index: Tensor) -> Permitted:  # noqa: D102
        return self.right(max_norm=None).output(weight, index)


# -- which rows are rescaled -------------------------------------------------------------------------------------------


class _RescalesOtherRows(FaultModel):
    """Other rows are rescaled than those that are looked up."""

    about: ClassVar[Tuple[str, ...]] = (WEIGHT,)  # noqa: UP006 - evaluated on Python 3.8 too

    def rescaled(self, positions: Sequence[int]) -> Sequence[int]:
        """The rows that are, given the indices of a lookup."""
        raise NotImplementedError

    def _renormalised(self, weight: Tensor, positions: Sequence[int], *, wide: bool = False) -> dict[int, Permitted]:
        kept = {row: Exactly(weight.entry(row)) for row in positions}
        return {**kept, **super()._renormalised(weight, self.rescaled(positions), wide=wide)}


class RescalesTheWholeTable(_RescalesOtherRows):
    """Rows that are not looked up are rescaled, too."""

    def rescaled(self, positions: Sequence[int]) -> Sequence[int]:  # noqa: D102
        return range(self.num_embeddings) if positions else ()


class RescalesNeighbours(_RescalesOtherRows):
    """The row after one that is looked up is rescaled, too."""

    def rescaled(self, positions: Sequence[int]) -> Sequence[int]:  # noqa: D102
        return [*positions, *((row + 1) % self.num_embeddings for row in positions)]


class RescalesTheRowAfterTheLast(_RescalesOtherRows):
    """The row after the highest one that is looked up is rescaled, too."""

    def rescaled(self, positions: Sequence[int]) -> Sequence[int]:  # noqa: D102
        return [*positions, *([(max(positions) + 1) % self.num_embeddings] if positions else ())]


class _RescalesSomeRows(_RescalesOtherRows):
    """Of the rows that are looked up only some are rescaled."""

    about = (OUTPUT, WEIGHT)


class RescalesTheFirstIndex(_RescalesSomeRows):
    """Only the row of the first index of a call is rescaled."""

    def rescaled(self, positions: Sequence[int]) -> Sequence[int]:  # noqa: D102
        return positions[:1]


class Rescales256Indices(_RescalesSomeRows):
    """Only the rows of the first 256 indices of a call are rescaled."""

    def rescaled(self, positions: Sequence[int]) -> Sequence[int]:  # noqa: D102
        return positions[:256]


class RescalesOnlyTheFirstRow(_RescalesSomeRows):
    """Of the rows that are looked up only the one with the lowest number is rescaled."""

    def rescaled(self, positions: Sequence[int]) -> Sequence[int]:  # noqa: D102
        return sorted(positions)[:1]


class Rescales16Rows(_RescalesSomeRows):
    """Of the rows of a call only the sixteen with the lowest numbers are rescaled."""

    def rescaled(self, positions: Sequence[int]) -> Sequence[int]:  # noqa: D102
        return sorted(set(positions))[:16]


class Rescales256Rows(_RescalesSomeRows):
    """Rows of the table from the 257th on are not rescaled."""

    def rescaled(self, positions: Sequence[int]) -> Sequence[int]:  # noqa: D102
        return [row for row in positions if row < 256]


class LeavesTheLastRow(_RescalesSomeRows):
    """Of the rows that are looked up the one with the highest number is not rescaled."""

    def rescaled(self, positions: Sequence[int]) -> Sequence[int]:  # noqa: D102
        return [row for row in positions if row != max(positions)]


class LeavesRowZero(_RescalesSomeRows):
    """Row 0 is never rescaled."""

    def rescaled(self, positions: Sequence[int]) -> Sequence[int]:  # noqa: D102
        return [row for row in positions if row]


class StopsAtNaN(FaultModel):
    """A row with NaN or infinity keeps all rows of the call from being rescaled."""

    about = (OUTPUT, WEIGHT)

    def _renormalised(self, weight: Tensor, positions: Sequence[int], *, wide: bool = False) -> dict[int, Permitted]:
        rows = {row: weight.entry(row) for row in positions}
        if all(math.isfinite(value) for row in rows.values() for value in row.components()):
            return super()._renormalised(weight, positions, wide=wide)
        return {row: Exactly(values) for row, values in rows.items()}
