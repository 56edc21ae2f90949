"""What is right by the documentation, and unlike torch, is accused on no MUST and no SHOULD."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from embedding_conformance import Unusable, check
from twin import Twin


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


@pytest.mark.parametrize(
    ("embedding", "clauses"),
    [
        (IsSparseOverColumns, "sparse.*"),
        (GivesNoneForNothing, "gradient.*,padding_idx.*,sparse.*,scale_grad_by_freq.*"),
        (RaisesLookupError, "lookup.*"),
        (RaisesWhatItLikes, "construction.given-weight-shape"),
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
