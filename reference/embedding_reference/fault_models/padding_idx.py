"""Faults about padding_idx."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from embedding_reference.fault_models.bases import Adding
from embedding_reference.fault_models.fault_model import GRADIENT, OUTPUT, FaultModel
from embedding_reference.fault_models.rules import by_row, zeros
from embedding_reference.fault_models.training.accumulation import dust, with_rows
from embedding_reference.model import Lookup
from embedding_reference.permitted import Permitted
from embedding_reference.tensor import Tensor


class IgnoresPadding(FaultModel):
    """padding_idx is ignored in the gradient."""

    about = (GRADIENT,)

    def contributions(self, index: Tensor, upstream: Tensor) -> Iterator[Adding]:  # noqa: D102
        yield from self.right(padding_idx=None).contributions(index, upstream)


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


class SendsPadsToRowZero(FaultModel):
    """The gradient of pads goes to row 0."""

    about = (GRADIENT,)

    def contributions(self, index: Tensor, upstream: Tensor) -> Iterator[Adding]:  # noqa: D102
        for row, terms, divisor in self.right(padding_idx=None).contributions(index, upstream):
            yield 0 if row == self.padding_row else row, terms, divisor


class StopsAtAPad(FaultModel):
    """The indices after the first pad along the last dimension of the index get no gradient."""

    about = (GRADIENT,)

    def contributions(self, index: Tensor, upstream: Tensor) -> Iterator[Adding]:  # noqa: D102
        each = index.shape[-1] if index.shape else 1
        pads = [int(i) == self.padding_row for i in index.components()]
        adding = self.right(padding_idx=None).contributions(index, upstream)
        for place, one in enumerate(adding):
            if not any(pads[place // each * each : place + 1]):
                yield one


class MultipliesPadsByZero(FaultModel):
    """The upstream gradients of pads are multiplied by zero instead of left out, which keeps NaN."""

    about = (GRADIENT,)

    def contributions(self, index: Tensor, upstream: Tensor) -> Iterator[Adding]:  # noqa: D102
        for row, terms, divisor in self.right(padding_idx=None).contributions(index, upstream):
            yield row, [term * 0.0 for term in terms] if row == self.padding_row else terms, divisor


class LeavesDustInThePaddingRow(FaultModel):
    """The row at padding_idx gets a gradient of next to nothing, and not zero."""

    about = (GRADIENT,)

    def gradient(self, dtype: str, lookups: Sequence[Lookup], *, wide: bool = False) -> Permitted:  # noqa: D102
        rows = {self.padding_row} if self.padding_row is not None else set()
        return with_rows(super().gradient(dtype, lookups, wide=wide), rows, dust)


class ZeroesTheOutputOfPads(FaultModel):
    """The output at a pad is zero, whatever its row holds."""

    about = (OUTPUT,)

    def output(self, weight: Tensor, index: Tensor) -> Permitted:  # noqa: D102
        def without_pads(rules: Sequence[Permitted]) -> Sequence[Permitted]:
            pads = [int(i) == self.padding_row for i in index.components()]
            return [zeros(rule) if pad else rule for rule, pad in zip(rules, pads)]

        return by_row(super().output(weight, index), without_pads)
