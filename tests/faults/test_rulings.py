"""What is right by the documentation, and unlike torch, is accused on no MUST and no SHOULD."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from embedding_conformance import Unusable, check
from twin import Twin, with_default_nan


class IsSparseOverColumns(Twin):
    """Its sparse gradient has an entry for each element, not for each row."""

    def sparse_gradient(self, rows: Tensor, entries: Tensor) -> Tensor:
        return super().sparse_gradient(rows, entries).to_dense().to_sparse()


class GivesNoneForNothing(Twin):
    """There is no gradient where nothing but pads was looked up."""

    def gradient(self, index: Tensor, upstream: Tensor) -> Tensor | None:
        trained = index.numel() and (self.padding_idx is None or not (index == self.padding_idx).all())
        return super().gradient(index, upstream) if trained else None


class RaisesLookupError(Twin):
    """An index out of range is a LookupError, of which IndexError is one."""

    def check_range(self, index: Tensor) -> None:
        try:
            super().check_range(index)
        except IndexError as error:
            raise LookupError(*error.args) from error


class RaisesWhatItLikes(Twin):
    """An argument or a state that is wrong ends in an exception of no family."""

    def adopted(self, weight: Tensor, shape: tuple[int, int]) -> Tensor:
        if tuple(weight.shape) != shape:
            raise AttributeError("no such table")
        return weight


class KeepsNegativePadding(Twin):
    """A padding_idx below zero is kept as it was given."""

    def padding_row(self, padding_idx: int | None) -> int | None:
        super().padding_row(padding_idx)
        return padding_idx

    def clear_padding(self) -> None:
        if self.padding_idx is not None:
            self.weight.data[self.padding_idx] = 0

    def trained(self, index: Tensor) -> Tensor:
        row = super().padding_row(self.padding_idx)
        return torch.ones_like(index, dtype=torch.bool) if row is None else index != row


class NeedsARow(Twin):
    """A table without rows or columns is refused."""

    def adopted(self, weight: Tensor, shape: tuple[int, int]) -> Tensor:
        return super().adopted(weight, self._nonempty(shape))

    def allocated(self, shape: tuple[int, int], device: Any, dtype: torch.dtype | None) -> Tensor:
        return super().allocated(self._nonempty(shape), device, dtype)

    def _nonempty(self, shape: tuple[int, int]) -> tuple[int, int]:
        if 0 in shape:
            raise ValueError("both sizes must be positive")
        return shape


class LooksUpNothingInNothing(Twin):
    """A table without rows takes no index, not even an empty one."""

    def check_range(self, index: Tensor) -> None:
        if not self.num_embeddings:
            raise IndexError("there are no rows")
        super().check_range(index)


class ReplacesNaN(Twin):
    """A NaN comes out as another."""

    def rows(self, weight: Tensor, index: Tensor) -> Tensor:
        return with_default_nan(super().rows(weight, index))


@pytest.mark.parametrize(
    ("embedding", "clauses"),
    [
        (IsSparseOverColumns, "sparse.*"),
        (GivesNoneForNothing, "gradient.*,padding_idx.*,sparse.*,scale_grad_by_freq.*"),
        (RaisesLookupError, "lookup.*"),
        (RaisesWhatItLikes, "construction.given-weight-shape"),
        (KeepsNegativePadding, "construction.*,from_pretrained.*,padding_idx.*"),
        (NeedsARow, "construction.*,from_pretrained.*,lookup.*,gradient.*,max_norm.*"),
        (LooksUpNothingInNothing, "construction.zero-sizes,lookup.*,gradient.*"),
        (ReplacesNaN, "lookup.b*,lookup.[c-m]*,lookup.layout,lookup.repeatable,padding_idx.output,module.*"),
    ],
)
def test_what_is_right_is_not_accused(embedding: type[Twin], clauses: str) -> None:
    checked = check(embedding, clauses=clauses, dtypes="float32", profile="smoke", isolation="none", seed=1)
    assert checked.ok, str(checked)


def parametrised(*arguments: object, **named: object) -> torch.nn.Module:
    """Torch's own, with a weight that is computed at each access."""
    made = torch.nn.Embedding(*arguments, **named)  # type: ignore[arg-type]
    return torch.nn.utils.parametrizations.weight_norm(made)


def test_a_weight_that_cannot_be_set_is_turned_down_at_the_start() -> None:
    with pytest.raises(Unusable, match="computed anew at each access"):
        check(parametrised, clauses="lookup.bits")
