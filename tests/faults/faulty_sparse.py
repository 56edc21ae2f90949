"""Embeddings whose sparse gradient is wrong."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from embedding_reference import fault_models
from trigger import Accumulated, Gradient, Together, Twice
from twin import Twin


class StaysDense(Twin):
    model = fault_models.forms.StaysDense
    trips = ("sparse.layout", "sparse.values")
    grade = "easy"
    trigger = Gradient(sparse=True)

    def sparse_gradient(self, rows: Tensor, entries: Tensor) -> Tensor:
        return self.dense_gradient(rows, entries)


class TakesOneLookupAtATime(Twin):
    """Where the gradient is sparse, a backward of two lookups fails."""

    trips = ("sparse.one-graph",)
    grade = "medium"
    trigger = Together(sparse=True)

    def prepare(self) -> None:
        self.waiting = 0

    def rows(self, weight: Tensor, index: Tensor) -> Tensor:
        self.waiting += weight.requires_grad
        return super().rows(weight, index)

    def sparse_gradient(self, rows: Tensor, entries: Tensor) -> Tensor:
        waiting, self.waiting = self.waiting, 0
        if waiting > 1:
            raise RuntimeError("two sparse gradients cannot be added")
        return super().sparse_gradient(rows, entries)


class StaysDenseForFewIndices(Twin):
    model = fault_models.forms.StaysDense
    where = "for a single index"
    trips = ("sparse.layout",)
    grade = "medium"
    trigger = Gradient(index=1, sparse=True)

    def sparse_gradient(self, rows: Tensor, entries: Tensor) -> Tensor:
        found = super().sparse_gradient(rows, entries)
        return found.to_dense() if len(rows) == 1 else found


class IsCompressed(Twin):
    """The gradient is in compressed sparse rows."""

    trips = ("sparse.layout",)
    grade = "easy"
    trigger = Gradient(sparse=True)

    def sparse_gradient(self, rows: Tensor, entries: Tensor) -> Tensor:
        return super().sparse_gradient(rows, entries).to_dense().to_sparse_csr()


class HasTooFewRows(Twin):
    """The gradient has only as many rows as the largest index needs."""

    trips = ("sparse.layout",)
    grade = "medium"
    trigger = Gradient(index=1, sparse=True)

    def sparse_gradient(self, rows: Tensor, entries: Tensor) -> Tensor:
        size = (int(rows.max()) + 1 if len(rows) else 0, self.embedding_dim)
        return torch.sparse_coo_tensor(rows.unsqueeze(0), entries, size, check_invariants=False)


class PointsOutside(Twin):
    """The gradient has an entry of zeros one row after the last."""

    trips = ("sparse.values", "sparse.empty", "sparse.rows")
    grade = "easy"
    trigger = Gradient(sparse=True)

    def sparse_gradient(self, rows: Tensor, entries: Tensor) -> Tensor:
        rows = torch.cat([rows, torch.tensor([self.num_embeddings])])
        return super().sparse_gradient(rows, torch.cat([entries, entries.new_zeros(1, self.embedding_dim)]))


class DropsDuplicates(Twin):
    model = fault_models.gradients.KeepsTheFirstDuplicate
    where = "with sparse"
    trips = ("sparse.values",)
    grade = "medium"
    trigger = Gradient(index=(1, 1), sparse=True)

    def sparse_gradient(self, rows: Tensor, entries: Tensor) -> Tensor:
        first = [place for place, row in enumerate(rows.tolist()) if row not in rows[:place].tolist()]
        return super().sparse_gradient(rows[first], entries[first])


class AveragesDuplicates(Twin):
    model = fault_models.gradients.AveragesDuplicates
    where = "with sparse"
    trips = ("sparse.values",)
    grade = "medium"
    trigger = Gradient(index=(1, 1), sparse=True)

    def sparse_gradient(self, rows: Tensor, entries: Tensor) -> Tensor:
        return super().sparse_gradient(rows, entries / self.occurrences(rows).unsqueeze(1))


class RoundsEntries(Twin):
    model = fault_models.upstream_gradients.RoundsUpstreamGradientsToBfloat16
    where = "with sparse"
    trips = ("sparse.values",)
    grade = "easy"
    trigger = Gradient(upstream=(257,), sparse=True)

    def sparse_gradient(self, rows: Tensor, entries: Tensor) -> Tensor:
        return super().sparse_gradient(rows, entries.bfloat16().to(entries.dtype))


class SortsRowsButNotEntries(Twin):
    model = fault_models.upstream_gradients.SortsTheRowsAlone
    where = "with sparse"
    trips = ("sparse.values", "sparse.step")
    grade = "medium"
    trigger = Gradient(index=(2, 1), sparse=True)

    def sparse_gradient(self, rows: Tensor, entries: Tensor) -> Tensor:
        return super().sparse_gradient(rows.sort().values, entries)


class ClaimsToBeCoalesced(Twin):
    """The gradient claims to be coalesced, whatever its rows."""

    trips = ("sparse.coalesced",)
    grade = "medium"
    trigger = Twice(index=(2, 1), sparse=True)

    def sparse_gradient(self, rows: Tensor, entries: Tensor) -> Tensor:
        return super().sparse_gradient(rows, entries)._coalesced_(True)


class SortsButDoesNotMerge(Twin):
    """The gradient claims to be coalesced when its rows are in order, though some are there more than once."""

    trips = ("sparse.coalesced",)
    grade = "medium"
    trigger = Twice(index=(1, 1), sparse=True)

    def sparse_gradient(self, rows: Tensor, entries: Tensor) -> Tensor:
        order = rows.argsort(stable=True)
        return super().sparse_gradient(rows[order], entries[order])._coalesced_(True)


class KeepsPads(Twin):
    model = fault_models.padding_idx.IgnoresPadding
    where = "with sparse"
    trips = ("sparse.padding", "padding_idx.no-gradient")
    grade = "easy"
    trigger = Gradient(sparse=True, padding_idx=1)

    def trained(self, index: Tensor) -> Tensor:
        return super().trained(index) | self.sparse


class KeepsAScalarPad(Twin):
    model = fault_models.padding_idx.IgnoresPadding
    where = "with sparse and a 0-d index"
    trips = ("sparse.padding-scalar",)
    grade = "medium"
    trigger = Gradient(index=1, sparse=True, padding_idx=1, alike=False)

    def trained(self, index: Tensor) -> Tensor:
        return super().trained(index) | (self.sparse and index.dim() == 0)


class DropsAScalar(Twin):
    model = fault_models.gradients.GivesNoGradient
    where = "with sparse, padding_idx and a 0-d index"
    trips = ("sparse.padding-scalar",)
    grade = "medium"
    trigger = Gradient(index=1, sparse=True, padding_idx=0, alike=False)

    def trained(self, index: Tensor) -> Tensor:
        return super().trained(index) & (not self.sparse or self.padding_idx is None or index.dim() > 0)


class KeepsNaNPads(Twin):
    model = fault_models.padding_idx.MultipliesPadsByZero
    where = "with sparse"
    trips = ("sparse.padding",)
    grade = "medium"
    trigger = Gradient(index=(0, 1), upstream=(math.nan,), sparse=True, padding_idx=0)

    def gradient(self, index: Tensor, upstream: Tensor) -> Tensor | None:
        if self.sparse and not self.scale_grad_by_freq:
            entries = upstream * self.trained(index).unsqueeze(-1)
            return self.sparse_gradient(index.reshape(-1), entries.reshape(index.numel(), self.embedding_dim))
        return super().gradient(index, upstream)


class FailsOnNothing(Twin):
    """An empty index fails in backward."""

    trips = ("sparse.empty", "sparse.empty-step")
    grade = "medium"
    trigger = Gradient(index=(), sparse=True)

    def sparse_gradient(self, rows: Tensor, entries: Tensor) -> Tensor:
        if not len(rows):
            raise RuntimeError("there is no gradient")
        return super().sparse_gradient(rows, entries)


class GivesAnEntryForNothing(Twin):
    model = fault_models.accumulation.AddsOnesForTheFirstRow
    where = "with sparse, where no index is trained"
    trips = ("sparse.empty", "sparse.empty-step")
    grade = "medium"
    trigger = Gradient(index=(), sparse=True)

    def sparse_gradient(self, rows: Tensor, entries: Tensor) -> Tensor:
        if len(rows):
            return super().sparse_gradient(rows, entries)
        return super().sparse_gradient(torch.tensor([0]), entries.new_ones(1, self.embedding_dim))


class TurnsDenseTheSecondTime(Twin):
    model = fault_models.forms.StaysDense
    where = "from the second backward on"
    trips = ("sparse.accumulates",)
    grade = "medium"
    trigger = Accumulated(sparse=True)

    def sparse_gradient(self, rows: Tensor, entries: Tensor) -> Tensor:
        return (
            super().sparse_gradient(rows, entries) if self.weight.grad is None else self.dense_gradient(rows, entries)
        )


class ForgetsTheFirstGradient(Twin):
    model = fault_models.accumulation.ForgetsEarlierLookups
    where = "with sparse"
    trips = ("sparse.accumulates",)
    grade = "medium"
    trigger = Accumulated(sparse=True)

    def sparse_gradient(self, rows: Tensor, entries: Tensor) -> Tensor:
        self.weight.grad = None
        return super().sparse_gradient(rows, entries)


class IsHalfTheDenseOne(Twin):
    model = fault_models.gradients.HalvesTheGradient
    where = "with sparse"
    trips = ("sparse.step", "sparse.values", "sparse.mixed")
    grade = "easy"
    trigger = Gradient(sparse=True)

    def sparse_gradient(self, rows: Tensor, entries: Tensor) -> Tensor:
        return super().sparse_gradient(rows, entries / 2)


class ListsEveryRow(Twin):
    """The gradient has an entry of zeros for every row of the weight."""

    trips = ("sparse.other-rows",)
    grade = "easy"
    trigger = Gradient(sparse=True)

    def sparse_gradient(self, rows: Tensor, entries: Tensor) -> Tensor:
        everything = torch.arange(self.num_embeddings)
        zeros = entries.new_zeros(self.num_embeddings, self.embedding_dim)
        return super().sparse_gradient(torch.cat([everything, rows]), torch.cat([zeros, entries]))


class HasNoRowsForNothing(Twin):
    """The gradient of an empty index has shape (0, embedding_dim)."""

    trips = ("sparse.empty-step", "sparse.empty")
    grade = "medium"
    trigger = Gradient(index=(), sparse=True)

    def sparse_gradient(self, rows: Tensor, entries: Tensor) -> Tensor:
        if len(rows):
            return super().sparse_gradient(rows, entries)
        return torch.sparse_coo_tensor(rows.unsqueeze(0), entries, (0, self.embedding_dim), check_invariants=False)
