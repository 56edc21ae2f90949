"""Faults about padding_idx."""

from __future__ import annotations

from typing import Iterator, Sequence  # noqa: UP035 - evaluated on Python 3.8 too

from embedding_reference.fault_models.fault_model import GRADIENT, OUTPUT, FaultModel, changed
from embedding_reference.fault_models.gradients import Adding
from embedding_reference.model import INDEX_DTYPES
from embedding_reference.permitted import Permitted
from embedding_reference.tensor import Tensor, rows_of


class _PadsOtherwise(FaultModel):
    """Another row than the one at padding_idx, or none, is left out of the gradient."""

    about = (GRADIENT,)

    def row_left_out(self, index: Tensor) -> int | None:
        """The row that is left out of the gradient of a lookup; None: no row is."""
        raise NotImplementedError

    def contributions(self, index: Tensor, upstream: Tensor) -> Iterator[Adding]:
        """What one lookup adds to the gradient."""
        yield from self.right(padding_idx=self.row_left_out(index)).contributions(index, upstream)


class IgnoresPadding(_PadsOtherwise):
    """padding_idx is ignored in the gradient: its row is trained like any other."""

    def row_left_out(self, index: Tensor) -> int | None:  # noqa: ARG002, D102
        return None


class IgnoresNegativePadding(_PadsOtherwise):
    """A negative padding_idx is ignored in the gradient: its row is trained like any other."""

    def row_left_out(self, index: Tensor) -> int | None:  # noqa: ARG002, D102
        return None if self.padding_idx is not None and self.padding_idx < 0 else self.padding_row


class IgnoresPaddingOfRowZero(_PadsOtherwise):
    """padding_idx=0 is taken for none: row 0 is trained like any other."""

    def row_left_out(self, index: Tensor) -> int | None:  # noqa: ARG002, D102
        return None if self.padding_idx == 0 else self.padding_row


class MirrorsNegativePadding(_PadsOtherwise):
    """A padding_idx of -k names row k - 1."""

    def row_left_out(self, index: Tensor) -> int | None:  # noqa: ARG002, D102
        return -self.padding_idx - 1 if self.padding_idx is not None and self.padding_idx < 0 else self.padding_row


class PadsRowZeroByDefault(_PadsOtherwise):
    """Without padding_idx, row 0 gets no gradient."""

    def row_left_out(self, index: Tensor) -> int | None:  # noqa: ARG002, D102
        return 0 if self.padding_idx is None else self.padding_row


class PadsTheLastRowByDefault(_PadsOtherwise):
    """Without padding_idx, the last row gets no gradient."""

    def row_left_out(self, index: Tensor) -> int | None:  # noqa: ARG002, D102
        return self.num_embeddings - 1 if self.padding_idx is None else self.padding_row


class TrainsNothingButPads(_PadsOtherwise):
    """The row at padding_idx gets a gradient in calls that look up nothing else."""

    def row_left_out(self, index: Tensor) -> int | None:  # noqa: D102
        only = {int(i) for i in index.components()} == {self.padding_row}
        return None if only else self.padding_row


class TrainsAScalarPad(_PadsOtherwise):
    """The row at padding_idx gets a gradient where the index is 0-d."""

    def row_left_out(self, index: Tensor) -> int | None:  # noqa: D102
        return None if index.shape == () else self.padding_row


class TrainsPaddingWhenScaling(_PadsOtherwise):
    """With scale_grad_by_freq the row at padding_idx gets a gradient."""

    def row_left_out(self, index: Tensor) -> int | None:  # noqa: ARG002, D102
        return None if self.scale_grad_by_freq else self.padding_row


class TrainsPaddingWhenSparse(_PadsOtherwise):
    """With sparse the row at padding_idx gets a gradient."""

    def row_left_out(self, index: Tensor) -> int | None:  # noqa: ARG002, D102
        return None if self.sparse else self.padding_row


class TrainsLaterPads(FaultModel):
    """Only the first pad of a call is left out of the gradient."""

    about = (GRADIENT,)

    def contributions(self, index: Tensor, upstream: Tensor) -> Iterator[Adding]:  # noqa: D102
        positions = [int(i) for i in index.components()]
        first = positions.index(self.padding_row) if self.padding_row in positions else -1
        adding = self.right(padding_idx=None).contributions(index, upstream)
        yield from (one for place, one in enumerate(adding) if place != first)


class LosesTheIndexAfterAPad(FaultModel):
    """The index after a pad gets no gradient either."""

    about = (GRADIENT,)

    def contributions(self, index: Tensor, upstream: Tensor) -> Iterator[Adding]:  # noqa: D102
        positions = [int(i) for i in index.components()]
        adding = self.right(padding_idx=None).contributions(index, upstream)
        for place, one in enumerate(adding):
            if self.padding_row not in positions[max(place - 1, 0) : place + 1] or self.padding_row is None:
                yield one


class GivesNoGradientWithAPad(FaultModel):
    """A call with a pad gives no gradient at all."""

    about = (GRADIENT,)

    def contributions(self, index: Tensor, upstream: Tensor) -> Iterator[Adding]:  # noqa: D102
        if self.padding_row not in {int(i) for i in index.components()}:
            yield from super().contributions(index, upstream)


class SendsPadsToRowZero(FaultModel):
    """The gradient of pads goes to row 0."""

    about = (GRADIENT,)

    def contributions(self, index: Tensor, upstream: Tensor) -> Iterator[Adding]:  # noqa: D102
        for row, terms, divisor in self.right(padding_idx=None).contributions(index, upstream):
            yield 0 if row == self.padding_row else row, terms, divisor


class ZeroesTheOutputOfPads(FaultModel):
    """The output at a pad is zero, whatever its row holds."""

    about = (OUTPUT,)

    def output(self, weight: Tensor, index: Tensor) -> Permitted:  # noqa: D102
        if index.dtype not in INDEX_DTYPES:
            return super().output(weight, index)
        pads = [int(i) == self.padding_row for i in index.components()]
        return changed(super().output(weight, index), lambda output: _without(output, pads))


class ZeroesTheOutputOfNothingButPads(FaultModel):
    """The output of a call with nothing but pads is zero."""

    about = (OUTPUT,)

    def output(self, weight: Tensor, index: Tensor) -> Permitted:  # noqa: D102
        right = super().output(weight, index)
        if index.dtype not in INDEX_DTYPES or {int(i) for i in index.components()} != {self.padding_row}:
            return right
        return changed(right, lambda output: Tensor(output.dtype, output.shape, bytes(len(output.data))))


def _without(output: Tensor, pads: Sequence[bool]) -> Tensor:
    """An output with zeros at the pads."""
    rows = rows_of(output)
    data = b"".join(bytes(len(row)) if pad else row for row, pad in zip(rows, pads))
    return Tensor(output.dtype, output.shape, data)
