"""Embeddings that look up right and differentiate wrong."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from embedding_reference import fault_models
from trigger import LONG, Accumulated, Gradient, Inputs, Output, Together
from twin import Twin, in_storage_order, through


class _ChangesUpstream(Twin):
    """The gradient is right for something other than the upstream gradient."""

    def gradient(self, index: Tensor, upstream: Tensor) -> Tensor | None:
        return super().gradient(index, self.changed(index, upstream))

    def changed(self, index: Tensor, upstream: Tensor) -> Tensor:
        raise NotImplementedError


# -- sums --------------------------------------------------------------------------------------------------------------


class Negates(_ChangesUpstream):
    model = fault_models.gradients.NegatesTheGradient
    trips = ("gradient.sum", "max_norm.gradient", "max_norm.clone-used-first")
    grade = "easy"
    trigger = Gradient()

    def changed(self, index: Tensor, upstream: Tensor) -> Tensor:  # noqa: ARG002
        return -upstream


class AveragesOverTheCall(_ChangesUpstream):
    model = fault_models.gradients.DividesByTheNumberOfIndices
    trips = ("gradient.sum", "gradient.accumulates")
    grade = "easy"
    trigger = Gradient()

    def changed(self, index: Tensor, upstream: Tensor) -> Tensor:
        return upstream / max(index.numel(), 1)


class LetsTheLastDuplicateWin(Twin):
    model = fault_models.gradients.KeepsTheLastDuplicate
    trips = ("gradient.sum",)
    grade = "medium"
    trigger = Gradient(index=(1, 1))

    def dense_gradient(self, rows: Tensor, entries: Tensor) -> Tensor:
        table = torch.zeros(self.weight.shape, dtype=entries.dtype)
        for row, entry in zip(rows.tolist(), entries):
            table[row] = entry
        return table.to(self.weight.dtype)


class SkipsNeighbours(_ChangesUpstream):
    model = fault_models.gradients.KeepsTheFirstOfARun
    trips = ("gradient.sum",)
    grade = "medium"
    trigger = Gradient(index=(1, 1))

    def changed(self, index: Tensor, upstream: Tensor) -> Tensor:
        flat = index.reshape(-1)
        repeated = torch.zeros_like(flat, dtype=torch.bool)
        repeated[1:] = flat[1:] == flat[:-1]
        return upstream.masked_fill(repeated.reshape(*index.shape, 1), 0)


class StopsAt256(_ChangesUpstream):
    model = fault_models.gradients.TrainsOnly256Indices
    trips = ("gradient.sum",)
    grade = "rare"
    trigger = Gradient(index=(1,) * 257, upstream=(1,))

    def changed(self, index: Tensor, upstream: Tensor) -> Tensor:
        later = torch.arange(index.numel()).reshape(*index.shape, 1) >= 256
        return upstream.masked_fill(later, 0)


class DropsAScalarIndex(_ChangesUpstream):
    model = fault_models.gradients.GivesNoGradient
    where = "for a 0-d index"
    trips = ("gradient.sum",)
    grade = "medium"
    trigger = Gradient(index=1)

    def changed(self, index: Tensor, upstream: Tensor) -> Tensor:
        return upstream if index.dim() else torch.zeros_like(upstream)


class DropsTheSeventeenthColumn(_ChangesUpstream):
    model = fault_models.upstream_gradients.TrainsOnly16Columns
    trips = ("gradient.sum",)
    grade = "rare"
    trigger = Gradient(shape=(5, 17))

    def changed(self, index: Tensor, upstream: Tensor) -> Tensor:  # noqa: ARG002
        return upstream.masked_fill(torch.arange(self.embedding_dim) >= 16, 0)


class MixesUpInt32(_ChangesUpstream):
    model = fault_models.upstream_gradients.SendsBackInReverseAlongTheFirstDimension
    where = "for int32 indices"
    trips = ("gradient.sum",)
    grade = "medium"
    trigger = Gradient(index_dtype=torch.int32)

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        self.mixed = input.dtype == torch.int32 and input.dim() > 0
        return super().forward(input)

    def changed(self, index: Tensor, upstream: Tensor) -> Tensor:  # noqa: ARG002
        return upstream.flip(0) if self.mixed else upstream


class LosesTheLastRow(Twin):
    model = fault_models.gradients.LosesTheLastRow
    trips = ("gradient.sum", "padding_idx.none")
    grade = "medium"
    trigger = Gradient(index=(4,))

    def trained(self, index: Tensor) -> Tensor:
        return super().trained(index) & (index != self.num_embeddings - 1)


# -- accuracy ----------------------------------------------------------------------------------------------------------


class _AddsInTheDtype(Twin):
    """Gradients are added one by one, each sum rounded."""

    def dense_gradient(self, rows: Tensor, entries: Tensor) -> Tensor:
        table = torch.zeros_like(self.weight)
        for row, entry in zip(rows.tolist(), entries.to(self.weight.dtype)):
            table[row] += entry
        return table


class AddsInFloat16(_AddsInTheDtype):
    """float16 gradients are added one by one in float16."""

    trips = ("gradient.accuracy",)
    grade = "medium"
    dtype = "float16"
    trigger = Gradient(index=(1, 1, 1), upstream=(2048, 1, 1), shape=(5, 1), alike=False)


class AddsInBfloat16(_AddsInTheDtype):
    """bfloat16 gradients are added one by one in bfloat16."""

    trips = ("gradient.accuracy",)
    grade = "medium"
    dtype = "bfloat16"
    trigger = Gradient(index=(1, 1, 1), upstream=(256, 1, 1), shape=(5, 1), alike=False)


class ForgetsManyDuplicates(_ChangesUpstream):
    model = fault_models.gradients.ForgetsMoreThan256Duplicates
    where = "in bfloat16"
    trips = ("gradient.sum",)
    grade = "rare"
    dtype = "bfloat16"
    trigger = Gradient(index=(1,) * 257, upstream=(1,))

    def changed(self, index: Tensor, upstream: Tensor) -> Tensor:
        return upstream.masked_fill(self.occurrences(index).unsqueeze(-1) > 256, 0)


class AddsInFloat32(Twin):
    model = fault_models.accumulation.AddsInFloat32
    where = "where the weight is float64"
    trips = ("gradient.sum", "gradient.accuracy")
    grade = "medium"
    dtype = "float64"
    trigger = Gradient(index=(1, 1), upstream=(2**24, 1), shape=(5, 1))

    def accumulator(self, dtype: torch.dtype) -> torch.dtype:
        return torch.float32 if dtype == torch.float64 else super().accumulator(dtype)


class RoundsToBfloat16(_ChangesUpstream):
    model = fault_models.upstream_gradients.RoundsUpstreamGradientsToBfloat16
    trips = ("gradient.sum",)
    grade = "easy"
    trigger = Gradient(upstream=(257,))

    def changed(self, index: Tensor, upstream: Tensor) -> Tensor:  # noqa: ARG002
        return upstream if self.sparse else through(upstream, torch.bfloat16)


class TruncatesTheSum(Twin):
    """The float32 sums of bfloat16 gradients are cut off, not rounded."""

    trips = ("gradient.accuracy",)
    grade = "rare"
    dtype = "bfloat16"
    trigger = Gradient(index=(1, 1), upstream=(256, 3), shape=(5, 1))

    def dense_gradient(self, rows: Tensor, entries: Tensor) -> Tensor:
        if self.weight.dtype != torch.bfloat16:
            return super().dense_gradient(rows, entries)
        table = torch.zeros(self.weight.shape, dtype=torch.float32).index_add_(0, rows, entries)
        return (table.view(torch.int32) & ~0xFFFF).view(torch.float32).to(self.weight.dtype)


# -- rows that were not looked up, NaN ---------------------------------------------------------------------------------


class LeavesDustBehind(Twin):
    model = fault_models.accumulation.LeavesDustInRows
    trips = ("gradient.untouched-rows",)
    grade = "easy"
    trigger = Gradient()

    def dense_gradient(self, rows: Tensor, entries: Tensor) -> Tensor:
        table = super().dense_gradient(rows, entries)
        others = torch.ones(self.num_embeddings, dtype=torch.bool)
        others[rows] = False
        table[others] = 1e-45
        return table


class MultipliesByOneHotTransposed(Twin):
    model = fault_models.upstream_gradients.MultipliesByOneHotTransposed
    trips = ("gradient.untouched-rows", "gradient.no-leak")
    grade = "medium"
    trigger = Gradient(upstream=(math.inf,))

    def dense_gradient(self, rows: Tensor, entries: Tensor) -> Tensor:
        one_hot = torch.arange(self.num_embeddings).unsqueeze(1) == rows
        return (one_hot.to(entries.dtype) @ entries).to(self.weight.dtype)


class CutsOffInfinity(_ChangesUpstream):
    model = fault_models.upstream_gradients.CutsOffInfiniteUpstreamGradients
    trips = ("gradient.no-leak",)
    grade = "medium"
    trigger = Gradient(upstream=(math.inf,))

    def changed(self, index: Tensor, upstream: Tensor) -> Tensor:  # noqa: ARG002
        return upstream.nan_to_num(nan=torch.nan)


class HidesNaN(_ChangesUpstream):
    model = fault_models.upstream_gradients.HidesNaNInUpstreamGradients
    trips = ("gradient.no-leak",)
    grade = "medium"
    trigger = Gradient(upstream=(math.nan,))

    def changed(self, index: Tensor, upstream: Tensor) -> Tensor:  # noqa: ARG002
        return upstream.nan_to_num(nan=0.0, posinf=torch.inf, neginf=-torch.inf)


# -- form --------------------------------------------------------------------------------------------------------------


class IsAlwaysSparse(Twin):
    model = fault_models.forms.IsSparseWithoutSparse
    trips = ("gradient.form",)
    grade = "easy"
    trigger = Gradient()

    def dense_gradient(self, rows: Tensor, entries: Tensor) -> Tensor:
        return self.sparse_gradient(rows, entries.to(self.weight.dtype))


class GivesNoneForOneIndex(Twin):
    model = fault_models.forms.GivesNone
    where = "for an index of one element"
    trips = ("gradient.form", "gradient.sum")
    grade = "medium"
    trigger = Gradient(index=(1,))

    def gradient(self, index: Tensor, upstream: Tensor) -> Tensor | None:
        return super().gradient(index, upstream) if index.numel() != 1 else None


# -- layout of the upstream gradient -----------------------------------------------------------------------------------


class IgnoresUpstreamStrides(_ChangesUpstream):
    """The upstream gradient is read in the order of its memory."""

    trips = ("gradient.upstream-layout",)
    grade = "medium"
    trigger = Gradient(upstream_layout="transposed")

    def changed(self, index: Tensor, upstream: Tensor) -> Tensor:  # noqa: ARG002
        return in_storage_order(upstream)


class CountsAnExpandedGradientOnce(_ChangesUpstream):
    model = fault_models.gradients.TrainsOnlyTheFirstSlice
    where = "where the upstream gradient repeats one in memory"
    trips = ("gradient.upstream-layout",)
    grade = "medium"
    trigger = Gradient(upstream_layout="expanded")

    def changed(self, index: Tensor, upstream: Tensor) -> Tensor:
        if index.dim() and upstream.stride(0) == 0:
            return torch.cat([upstream[:1], torch.zeros_like(upstream[1:])])
        return upstream


# -- several calls -----------------------------------------------------------------------------------------------------


class ForgetsTheFirstGradient(Twin):
    model = fault_models.accumulation.ForgetsEarlierLookups
    trips = ("gradient.accumulates", "sequences.life")
    grade = "medium"
    trigger = Accumulated()

    def gradient(self, index: Tensor, upstream: Tensor) -> Tensor | None:
        self.weight.grad = None
        return super().gradient(index, upstream)


class RemembersOnlyTheLastIndex(Twin):
    model = fault_models.accumulation.TakesTheLastIndexForAll
    where = "in one graph"
    setting = "together"
    trips = ("gradient.one-graph",)
    grade = "medium"
    trigger = Together(then=(2, 0))

    def positions(self, index: Tensor) -> Tensor:
        self.latest = super().positions(index)
        return self.latest

    def gradient(self, index: Tensor, upstream: Tensor) -> Tensor | None:
        latest = self.latest.reshape(-1)
        if len(latest):
            index = latest[torch.arange(index.numel()) % len(latest)].reshape(index.shape)
        return super().gradient(index, upstream)


class DifferentiatesOnce(Twin):
    model = fault_models.accumulation.ForgetsEarlierLookups
    where = "where several are in one graph"
    setting = "together"
    trips = ("gradient.one-graph",)
    grade = "medium"
    trigger = Together(then=(2, 0))
    pending = 0

    def rows(self, weight: Tensor, index: Tensor) -> Tensor:
        self.pending += 1
        return super().rows(weight, index)

    def gradient(self, index: Tensor, upstream: Tensor) -> Tensor | None:
        found = super().gradient(index, upstream) if self.pending else None
        self.pending = 0
        return found


class BringsAClearedGradientBack(Twin):
    """A gradient that was cleared comes back with the next one."""

    trips = ("sequences.life",)
    grade = "rare"
    trigger = Accumulated()

    def prepare(self) -> None:
        self.calls: list[tuple[Tensor, Tensor]] = []

    def gradient(self, index: Tensor, upstream: Tensor) -> Tensor | None:
        found = super().gradient(index, upstream)
        if self.calls and self.weight.grad is None:
            found = found + super().gradient(*self.calls[-1])
        self.calls.append((index, upstream))
        return found


# -- frozen weights, the weight itself ---------------------------------------------------------------------------------


class TrainsAFrozenWeight(Twin):
    """The output of a frozen embedding requires a gradient."""

    trips = ("gradient.frozen", "gradient.no-grad", "lookup.device")
    grade = "easy"
    trigger = Output(freeze=True)

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        return super().forward(input).requires_grad_()


class ClearsPaddingInBackward(Twin):
    """A backward sets the row at padding_idx to zeros."""

    trips = ("gradient.leaves-weight",)
    grade = "medium"
    trigger = Inputs(padding_idx=1)

    def gradient(self, index: Tensor, upstream: Tensor) -> Tensor | None:
        with torch.no_grad():
            self.clear_padding()
        return super().gradient(index, upstream)


class StepsInBackward(Twin):
    """A backward already takes a small step."""

    trips = ("gradient.leaves-weight",)
    grade = "easy"
    trigger = Inputs()

    def gradient(self, index: Tensor, upstream: Tensor) -> Tensor | None:
        found = super().gradient(index, upstream)
        if found is not None:
            self.weight.data.sub_(found, alpha=1e-3)
        return found


class DifferentiatesTheRescaling(Twin):
    """Rows that max_norm rescaled get a gradient that is rescaled too."""

    trips = ("max_norm.gradient",)
    grade = "medium"
    trigger = Gradient(**LONG)

    def renormalise(self, index: Tensor) -> None:
        before = self.weight.clone()
        super().renormalise(index)
        self.factors = (self.weight / before).nan_to_num(1.0, 1.0, 1.0)

    def dense_gradient(self, rows: Tensor, entries: Tensor) -> Tensor:
        found = super().dense_gradient(rows, entries)
        return found if self.max_norm is None else found * self.factors
