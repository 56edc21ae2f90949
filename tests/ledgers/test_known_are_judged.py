"""A ledger hides nothing: what is wrong in another way, in cases that torch's ledger covers, is found.

Each class deviates as torch does on the witness of an entry, so that the entry is in force, and otherwise elsewhere. Of
`max_norm.negative` and `norm_type.not-positive`, which ask for a refusal of any kind, torch's entries say that there is
none: nothing else can be wrong.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from embedding_conformance import check
from embedding_reports.outcomes import Outcome


class Table(nn.Embedding):
    """Does what torch does on tables of one row, or two, which witnesses have; `other` says what on others."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - torch's name
        return super().forward(input) if self.num_embeddings <= 2 else self.other(input)

    def other(self, index: Tensor) -> Tensor:
        raise NotImplementedError


class WipesTheTable(Table):
    """Sets the whole table to zeros when it refuses an index."""

    def other(self, index: Tensor) -> Tensor:
        try:
            return super(Table, self).forward(index)
        except IndexError:
            with torch.no_grad():
                self.weight.zero_()
            raise


class AddsTooMuch(Table):
    """Multiplies the gradient by 1.25 where an index has duplicates."""

    def other(self, index: Tensor) -> Tensor:
        output = super(Table, self).forward(index)
        if output.requires_grad and index.unique().numel() < index.numel():
            output.register_hook(lambda gradient: gradient * 1.25)
        return output


class FillsLongRows(nn.Embedding):
    """Makes ones of rows with infinity, and of those whose norm overflows; unless there are two columns."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - torch's name
        rows = input.reshape(-1).unique().long()
        norms = torch.linalg.vector_norm(self.weight.detach()[rows].to(torch.complex64), dim=-1)
        output = super().forward(input)
        if self.embedding_dim == 2 or self.max_norm is None:
            return output
        with torch.no_grad():
            self.weight[rows[norms.isinf()]] = 1.0
        return nn.functional.embedding(input, self.weight)


class Twice(torch.autograd.Function):
    """Leaves a gradient as it is, and doubles, or refuses, its derivative."""

    @staticmethod
    def forward(ctx: Any, gradient: Tensor) -> Tensor:
        ctx.empty = not gradient.numel()
        return gradient.clone()

    @staticmethod
    def backward(ctx: Any, direction: Tensor) -> Tensor:
        if ctx.empty:
            raise KeyError("nothing here")
        return direction * 2


class Through(torch.autograd.Function):
    """Sends gradients through `Twice`."""

    @staticmethod
    def forward(ctx: Any, output: Tensor) -> Tensor:  # noqa: ARG004
        return output.clone()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:  # noqa: ARG004
        return Twice.apply(gradient)  # type: ignore[no-any-return]


class DoublesTheDerivative(Table):
    """Doubles the derivative of the gradient; of nothing it raises KeyError."""

    def other(self, index: Tensor) -> Tensor:
        output = super(Table, self).forward(index) if index.numel() else self.weight[index]
        return Through.apply(output)  # type: ignore[no-any-return]


class HasAColumn(Table):
    """Gives one column where a table has none."""

    def other(self, index: Tensor) -> Tensor:
        return self.weight.new_zeros((*index.shape, 1)) if not self.embedding_dim else super(Table, self).forward(index)


class ForgetsTheFirst(Table):
    """Drops the gradient that is there before it is differentiated again."""

    def other(self, index: Tensor) -> Tensor:
        self.weight.grad = None
        return super(Table, self).forward(index)


class IsDense(Table):
    """Gives a dense gradient for a scalar."""

    def other(self, index: Tensor) -> Tensor:
        if index.dim():
            return super(Table, self).forward(index)
        return nn.functional.embedding(index, self.weight, self.padding_idx)


@pytest.mark.parametrize(
    ("embedding", "clause", "dtype"),
    [
        (WipesTheTable, "lookup.refusal-changes-nothing", "float32"),
        (AddsTooMuch, "gradient.accuracy", "float16"),
        (AddsTooMuch, "gradient.accuracy", "bfloat16"),
        (FillsLongRows, "max_norm.accuracy", "float32"),
        (FillsLongRows, "max_norm.infinite-row", "float32"),
        (DoublesTheDerivative, "scale_grad_by_freq.second-order", "float32"),
        (DoublesTheDerivative, "gradient.second-order-empty", "float32"),
        (HasAColumn, "max_norm.no-columns", "float32"),
        (ForgetsTheFirst, "sparse.accumulates", "float16"),
        (ForgetsTheFirst, "sparse.accumulates", "bfloat16"),
        (IsDense, "sparse.padding-scalar", "float32"),
    ],
)
def test_what_an_entry_does_not_say_is_found(embedding: type[nn.Embedding], clause: str, dtype: str) -> None:
    for target, outcome in ((nn.Embedding, Outcome.KNOWN_DEVIATION), (embedding, Outcome.DEVIATES)):
        (verdict,) = check(target, clauses=clause, dtypes=dtype, seed=1).verdicts
        assert verdict.outcome is outcome
        assert verdict.known
        assert all(known.deviation for known in verdict.known), "the entries are in force"
