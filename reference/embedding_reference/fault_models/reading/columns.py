"""Faults of the columns of the output: elements of a row come out elsewhere, or not at all."""

from __future__ import annotations

from collections.abc import Sequence

from embedding_reference.fault_models.fault_model import OUTPUT, FaultModel
from embedding_reference.fault_models.rules import by_row, picked
from embedding_reference.permitted import Permitted
from embedding_reference.tensor import Tensor


class _MovesColumns(FaultModel):
    """The elements of each row of the output are the right ones, in other places."""

    about = (OUTPUT,)

    def sources(self, count: int) -> Sequence[int | None]:
        """The column that each column should have gone to, of so many; None: zero comes out."""
        raise NotImplementedError

    def output(self, weight: Tensor, index: Tensor) -> Permitted:
        """The output with its elements moved."""
        columns = self.sources(self.embedding_dim)
        return by_row(super().output(weight, index), lambda rules: [picked(rule, columns) for rule in rules])


class ReversesTheColumns(_MovesColumns):
    """Each row comes out backwards."""

    def sources(self, count: int) -> Sequence[int | None]:  # noqa: D102
        return range(count - 1, -1, -1)


class SwapsTheLastTwoColumns(_MovesColumns):
    """The last two elements of each row change places."""

    def sources(self, count: int) -> Sequence[int | None]:  # noqa: D102
        return [*range(count - 2), *range(count - 1, max(count - 3, -1), -1)]


class LosesTheLastColumn(_MovesColumns):
    """The last element of each row comes out as zero."""

    def sources(self, count: int) -> Sequence[int | None]:  # noqa: D102
        return [column if column < count - 1 else None for column in range(count)]


class DropsTheTailOf4(_MovesColumns):
    """Elements beyond a multiple of 4 come out as zero, unless the row is shorter than that."""

    def sources(self, count: int) -> Sequence[int | None]:  # noqa: D102
        return [column if column < max(count // 4 * 4, 4) else None for column in range(count)]


class DropsTheTailOf32(_MovesColumns):
    """Elements beyond a multiple of 32 come out as zero, unless the row is shorter than that."""

    def sources(self, count: int) -> Sequence[int | None]:  # noqa: D102
        return [column if column < max(count // 32 * 32, 32) else None for column in range(count)]


class LosesColumnsFrom64(_MovesColumns):
    """Columns from the 65th on come out as zero."""

    def sources(self, count: int) -> Sequence[int | None]:  # noqa: D102
        return [column if column < 64 else None for column in range(count)]


class RepeatsColumnsFrom1024(_MovesColumns):
    """Columns from the 1025th on are read from the start of the row again."""

    def sources(self, count: int) -> Sequence[int | None]:  # noqa: D102
        return [column % 1024 for column in range(count)]
