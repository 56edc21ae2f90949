"""Faults of the lookup itself: which row is read, and what becomes of its elements."""

from __future__ import annotations

import math

from embedding_reference.fault_models.fault_model import OUTPUT, FaultModel, changed, each_component
from embedding_reference.formats import FORMATS
from embedding_reference.model import INDEX_DTYPES
from embedding_reference.permitted import Permitted
from embedding_reference.tensor import Tensor, rows_of


class _ReadsAnotherRow(FaultModel):
    """An index reads the row that `row_of` names."""

    about = (OUTPUT,)

    def row_of(self, index: int) -> int:
        """The row that is read for an index."""
        raise NotImplementedError

    def output(self, weight: Tensor, index: Tensor) -> Permitted:
        """The rows that are read."""
        if self.max_norm is not None or index.dtype not in INDEX_DTYPES or not self.num_embeddings:
            return super().output(weight, index)
        positions = [self.row_of(int(i)) for i in index.components()]
        other = Tensor.of("int64", index.shape, [p if 0 <= p < 2**63 else 2**62 for p in positions])
        return super().output(weight, other)


class ReadsTheNextRow(_ReadsAnotherRow):
    """An index reads the row after its own, and the last index the first row."""

    def row_of(self, index: int) -> int:  # noqa: D102
        return (index + 1) % self.num_embeddings if index < self.num_embeddings else index


class ReadsTheRowBefore(_ReadsAnotherRow):
    """An index reads the row before its own, and the first index the last row."""

    def row_of(self, index: int) -> int:  # noqa: D102
        return (index - 1) % self.num_embeddings if 0 <= index < self.num_embeddings else index


class CountsFromTheEnd(_ReadsAnotherRow):
    """Indices count from the end."""

    def row_of(self, index: int) -> int:  # noqa: D102
        return self.num_embeddings - 1 - index if 0 <= index < self.num_embeddings else index


class ReadsTheFirstRow(_ReadsAnotherRow):
    """Every index reads the first row."""

    def row_of(self, index: int) -> int:  # noqa: D102
        return 0 if 0 <= index < self.num_embeddings else index


class ReadsTheLastRow(_ReadsAnotherRow):
    """Every index reads the last row."""

    def row_of(self, index: int) -> int:  # noqa: D102
        return self.num_embeddings - 1 if 0 <= index < self.num_embeddings else index


class CutsTheIndexToAByte(_ReadsAnotherRow):
    """Of an index only the lower eight bits count."""

    def row_of(self, index: int) -> int:  # noqa: D102
        return index % 256


class CutsTheIndexTo15Bits(_ReadsAnotherRow):
    """Of an index only the lower fifteen bits count."""

    def row_of(self, index: int) -> int:  # noqa: D102
        return index % 2**15


class CutsTheIndexTo16Bits(_ReadsAnotherRow):
    """Of an index only the lower sixteen bits count."""

    def row_of(self, index: int) -> int:  # noqa: D102
        return index % 2**16


class CutsTheIndexTo32Bits(_ReadsAnotherRow):
    """Of an index only the lower 32 bits count."""

    def row_of(self, index: int) -> int:  # noqa: D102
        return index % 2**32


class WrapsTheIndex(_ReadsAnotherRow):
    """An index out of range is taken modulo num_embeddings."""

    def row_of(self, index: int) -> int:  # noqa: D102
        return index % self.num_embeddings


class ClampsTheIndex(_ReadsAnotherRow):
    """An index out of range reads the nearest row."""

    def row_of(self, index: int) -> int:  # noqa: D102
        return min(max(index, 0), self.num_embeddings - 1)


class CountsNegativeFromTheEnd(_ReadsAnotherRow):
    """A negative index counts from the end."""

    def row_of(self, index: int) -> int:  # noqa: D102
        return index + self.num_embeddings if -self.num_embeddings <= index < 0 else index


class TakesTheEnd(_ReadsAnotherRow):
    """The index num_embeddings reads the last row."""

    def row_of(self, index: int) -> int:  # noqa: D102
        return index - (index == self.num_embeddings)


class _ChangesTheOutput(FaultModel):
    """The output is right but for what `change` does to it."""

    about = (OUTPUT,)

    def change(self, output: Tensor) -> Tensor:
        """What becomes of the output."""
        raise NotImplementedError

    def output(self, weight: Tensor, index: Tensor) -> Permitted:
        """The output, changed where it is exact."""
        return changed(super().output(weight, index), self.change)


class ZeroesTheOutput(_ChangesTheOutput):
    """The output is all zeros."""

    def change(self, output: Tensor) -> Tensor:  # noqa: D102
        return Tensor(output.dtype, output.shape, bytes(len(output.data)))


class DoublesTheOutput(_ChangesTheOutput):
    """The output is twice the row."""

    def change(self, output: Tensor) -> Tensor:  # noqa: D102
        return each_component(output, lambda component: 2 * component)


class HalvesTheOutput(_ChangesTheOutput):
    """The output is half the row."""

    def change(self, output: Tensor) -> Tensor:  # noqa: D102
        return each_component(output, lambda component: component / 2)


class NegatesTheOutput(_ChangesTheOutput):
    """The output has the other sign."""

    def change(self, output: Tensor) -> Tensor:  # noqa: D102
        return each_component(output, lambda component: -component)


class RoundsTheOutputToBfloat16(_ChangesTheOutput):
    """The output is rounded to bfloat16."""

    def change(self, output: Tensor) -> Tensor:  # noqa: D102
        return each_component(output, lambda c: float(FORMATS["bfloat16"].round(c)) if math.isfinite(c) else c)


class RoundsTheOutputToFloat16(_ChangesTheOutput):
    """The output is rounded to float16."""

    def change(self, output: Tensor) -> Tensor:  # noqa: D102
        return each_component(output, lambda c: float(FORMATS["float16"].round(c)) if math.isfinite(c) else c)


class RoundsTheOutputToFloat32(_ChangesTheOutput):
    """The output is rounded to float32."""

    def change(self, output: Tensor) -> Tensor:  # noqa: D102
        return each_component(output, lambda c: float(FORMATS["float32"].round(c)) if math.isfinite(c) else c)


class FlushesSubnormals(_ChangesTheOutput):
    """Subnormal numbers come out as zero."""

    def change(self, output: Tensor) -> Tensor:  # noqa: D102
        least = 2.0**output.format.emin * 2.0 ** (output.format.precision - 1)
        return each_component(output, lambda c: 0.0 if 0 < abs(c) < least else c)


class LosesTheSignOfZero(_ChangesTheOutput):
    """-0.0 comes out as 0.0."""

    def change(self, output: Tensor) -> Tensor:  # noqa: D102
        form, size = output.format, output.format.component_size
        minus, zero = form.encode([-0.0]), form.encode([0.0])
        parts = [output.data[at : at + size] for at in range(0, len(output.data), size)]
        return Tensor(output.dtype, output.shape, b"".join(zero if part == minus else part for part in parts))


class ReplacesNaN(_ChangesTheOutput):
    """NaN comes out as zero."""

    def change(self, output: Tensor) -> Tensor:  # noqa: D102
        return each_component(output, lambda component: 0.0 if math.isnan(component) else component)


class ReplacesInfinity(_ChangesTheOutput):
    """Infinity comes out as the largest finite number."""

    def change(self, output: Tensor) -> Tensor:  # noqa: D102
        largest = float(output.format.largest)
        return each_component(output, lambda c: math.copysign(largest, c) if math.isinf(c) else c)


class ReversesTheColumns(_ChangesTheOutput):
    """Each row comes out backwards."""

    def change(self, output: Tensor) -> Tensor:  # noqa: D102
        size = output.format.itemsize
        rows = [[row[at : at + size] for at in range(0, len(row), size)] for row in rows_of(output)]
        return Tensor(output.dtype, output.shape, b"".join(b"".join(row[::-1]) for row in rows))


class ReversesTheLookups(_ChangesTheOutput):
    """The rows of the output come in reverse order."""

    def change(self, output: Tensor) -> Tensor:  # noqa: D102
        return Tensor(output.dtype, output.shape, b"".join(rows_of(output)[::-1]))


class ReadsTheIndexInColumnOrder(_ChangesTheOutput):
    """An index of two dimensions is read column by column."""

    def change(self, output: Tensor) -> Tensor:  # noqa: D102
        if len(output.shape) != 3:
            return output
        rows, (first, second, _) = rows_of(output), output.shape
        columns = [(at % first) * second + at // first for at in range(first * second)]
        return Tensor(output.dtype, output.shape, b"".join(rows[at] for at in columns) if rows else output.data)


class LosesTheLastColumn(_ChangesTheOutput):
    """The last element of each row comes out as zero."""

    def change(self, output: Tensor) -> Tensor:  # noqa: D102
        size = output.format.itemsize
        return Tensor(output.dtype, output.shape, b"".join(row[:-size] + bytes(size) for row in rows_of(output)))


class LosesTheLastLookup(_ChangesTheOutput):
    """The output of the last index of a call is zero."""

    def change(self, output: Tensor) -> Tensor:  # noqa: D102
        rows = rows_of(output)
        return Tensor(output.dtype, output.shape, b"".join([*rows[:-1], bytes(len(rows[-1]))]) if rows else output.data)


class KeepsOnlyTheFirstOfEqualIndices(_ChangesTheOutput):
    """Of several equal rows in an output only the first is there, and zeros in place of the others."""

    def change(self, output: Tensor) -> Tensor:  # noqa: D102
        rows = rows_of(output)
        kept = [row if row not in rows[:place] else bytes(len(row)) for place, row in enumerate(rows)]
        return Tensor(output.dtype, output.shape, b"".join(kept))
