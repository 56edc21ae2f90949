"""Embeddings that rescale wrong."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from embedding_reference import fault_models
from trigger import LONG, After, Inputs, Loaded, Outputs, Shows, Together, long_rows, summed
from twin import Twin


def _used_first(embedding: Any) -> Any:
    """The gradient of squares of the weight that were taken before a lookup."""
    module = long_rows(embedding, max_norm=5.0)
    squares = module.weight**2
    module(torch.tensor(1))
    squares.sum().backward()
    return summed(module.weight.grad)


def _factor(before: Tensor, after: Tensor) -> float:
    """What a row was multiplied by."""
    largest = before.abs().max().item() if before.numel() else 0.0
    return after.abs().max().item() / largest if 0 < largest < math.inf else 1.0


# -- which rows, and when ----------------------------------------------------------------------------------------------


class IgnoresMaxNorm(Twin):
    model = fault_models.max_norm.IgnoresMaxNorm
    trips = ("max_norm.renormalises", "max_norm.once", "max_norm.zero", "norm_type.default")
    grade = "easy"
    trigger = Inputs(**LONG)

    def renormalise(self, index: Tensor) -> None:
        """Leave the weight alone."""


class IgnoresMaxNormOfAScalar(Twin):
    model = fault_models.max_norm.IgnoresMaxNorm
    where = "for a 0-d index"
    trips = ("max_norm.renormalises",)
    grade = "medium"
    trigger = Inputs(**LONG, index=1)

    def renormalise(self, index: Tensor) -> None:
        if index.dim():
            super().renormalise(index)


class IgnoresMaxNormForInt32(Twin):
    model = fault_models.max_norm.IgnoresMaxNorm
    where = "for int32 indices"
    trips = ("max_norm.renormalises",)
    grade = "medium"
    trigger = Inputs(**LONG, index_dtype=torch.int32)

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        self.skipped = input.dtype == torch.int32
        return super().forward(input)

    def renormalise(self, index: Tensor) -> None:
        if not self.skipped:
            super().renormalise(index)


class RescalesUp(Twin):
    model = fault_models.rescaled_rows.RescalesUp
    trips = ("max_norm.below",)
    grade = "medium"
    trigger = Inputs(shape=(5, 2), weight=(3, 4), max_norm=10.0)

    def exceeds(self, norm: float, scale: float) -> bool:  # noqa: ARG002
        return norm > 0


class RewritesRowsBelow(Twin):
    model = fault_models.rescaled_rows.RewritesRowsBelow
    trips = ("max_norm.below",)
    grade = "medium"
    trigger = Inputs(shape=(5, 2), weight=(3, 4), max_norm=10.0)

    def exceeds(self, norm: float, scale: float) -> bool:
        return norm > 0 if super().exceeds(norm, scale) else math.isfinite(norm) and norm > 0

    def factor(self, norm: float, scale: float) -> float:
        return super().factor(norm, scale) if super().exceeds(norm, scale) else (1 - 1e-6) / scale


class StartsTooEarly(Twin):
    model = fault_models.rescaled_rows.StartsAtNineTenths
    trips = ("max_norm.below",)
    grade = "medium"
    trigger = Inputs(shape=(5, 2), weight=(57, 76), max_norm=100.0)

    def exceeds(self, norm: float, scale: float) -> bool:
        return super().exceeds(norm / 0.9, scale)


class RescalesAtTheLimit(Twin):
    """A row whose norm is max_norm, and no more, is rescaled."""

    trips = ("max_norm.below",)
    grade = "rare"
    trigger = Inputs(shape=(5, 2), weight=(1, 0), max_norm=1.0)

    def exceeds(self, norm: float, scale: float) -> bool:
        return norm >= self.max_norm * scale

    def factor(self, norm: float, scale: float) -> float:
        return super().factor(norm + 1e-7 * scale, scale)


class RescalesTheWholeTable(Twin):
    model = fault_models.max_norm.RescalesTheWholeTable
    trips = ("max_norm.other-rows",)
    grade = "easy"
    trigger = Inputs(**LONG, index=1)

    def renormalise(self, index: Tensor) -> None:
        super().renormalise(torch.arange(self.num_embeddings) if index.numel() else index)


class RescalesTheNextRow(Twin):
    model = fault_models.max_norm.RescalesTheRowAfterTheLast
    trips = ("max_norm.other-rows",)
    grade = "medium"
    trigger = Inputs(**LONG, index=1)

    def renormalise(self, index: Tensor) -> None:
        super().renormalise(index)
        if index.numel():
            self.renormalise_row((int(index.max()) + 1) % self.num_embeddings)


class RescalesACopy(Twin):
    model = fault_models.max_norm.RescalesTheOutputAlone
    trips = ("max_norm.renormalises", "max_norm.output")
    grade = "easy"
    trigger = Inputs(**LONG)

    def rows(self, weight: Tensor, index: Tensor) -> Tensor:
        if self.max_norm is None:
            return super().rows(weight, index)
        kept = weight.clone()
        super().renormalise(index)
        found = super().rows(weight, index)
        weight.copy_(kept)
        return found

    def renormalise(self, index: Tensor) -> None:
        """Do it later."""


class RescalesTooLate(Twin):
    model = fault_models.max_norm.RescalesTheWeightAlone
    trips = ("max_norm.output",)
    grade = "easy"
    trigger = Outputs(**LONG)

    def rows(self, weight: Tensor, index: Tensor) -> Tensor:
        found = super().rows(weight, index)
        if self.max_norm is not None:
            super().renormalise(index)
        return found

    def renormalise(self, index: Tensor) -> None:
        """Do it later."""


class RescalesEachDuplicate(Twin):
    model = fault_models.rescaled_rows.RescalesEachDuplicate
    trips = ("max_norm.once",)
    grade = "medium"
    trigger = Inputs(**LONG, index=(1, 1))

    def renormalise(self, index: Tensor) -> None:
        before = self.weight.clone()
        super().renormalise(index)
        for row, count in Counter(index.reshape(-1).tolist()).items():
            self.weight[row] *= _factor(before[row], self.weight[row]) ** (count - 1)


class RescalesEachRun(Twin):
    model = fault_models.rescaled_rows.RescalesEachRun
    trips = ("max_norm.once",)
    grade = "rare"
    trigger = Inputs(**LONG, index=(1, 2, 1))

    def renormalise(self, index: Tensor) -> None:
        before = self.weight.clone()
        super().renormalise(index)
        runs = Counter(index.reshape(-1).unique_consecutive().tolist())
        for row, count in runs.items():
            self.weight[row] *= _factor(before[row], self.weight[row]) ** (count - 1)


class RemembersNorms(Twin):
    """A row is rescaled by the norm that it had when it was first looked up."""

    trips = ("max_norm.again",)
    grade = "medium"
    trigger = Outputs(**LONG)

    def prepare(self) -> None:
        self.factors: dict[int, Tensor] = {}

    def renormalise_row(self, row: int) -> None:
        before = self.weight[row].clone()
        if row in self.factors:
            self.weight[row] *= self.factors[row]
            return
        super().renormalise_row(row)
        self.factors[row] = (self.weight[row] / before).nan_to_num(1.0)


class ShrinksTheSecondTime(Twin):
    model = fault_models.max_norm.TakesNineTenthsForTheLimit
    where = "from the second call on"
    setting = "used"
    trips = ("max_norm.again",)
    grade = "medium"
    trigger = Outputs(**LONG)
    calls = 0

    def renormalise(self, index: Tensor) -> None:
        self.calls += 1
        super().renormalise(index)

    def exceeds(self, norm: float, scale: float) -> bool:
        return super().exceeds(norm if self.calls == 1 else norm / 0.9, scale)

    def factor(self, norm: float, scale: float) -> float:
        return super().factor(norm, scale) * (1 if self.calls == 1 else 0.9)


class RescalesInTheFirstCall(Twin):
    model = fault_models.max_norm.IgnoresMaxNorm
    where = "in all calls but the first"
    setting = "used"
    trips = ("max_norm.each-call", "sequences.life")
    grade = "rare"
    trigger = Outputs(**LONG, index=1, then=2)
    called = False

    def renormalise(self, index: Tensor) -> None:
        if not self.called:
            super().renormalise(index)
        self.called = True


class ForgetsMaxNormOnceLoaded(Twin):
    model = fault_models.max_norm.IgnoresMaxNorm
    where = "after load_state_dict"
    setting = "load"
    trips = ("sequences.life",)
    grade = "rare"
    trigger = Loaded(**LONG)
    loaded = False

    def load_state_dict(self, *arguments: Any, **named: Any) -> Any:
        self.loaded = True
        return super().load_state_dict(*arguments, **named)

    def renormalise(self, index: Tensor) -> None:
        if not self.loaded:
            super().renormalise(index)


class SparesThePaddingRow(Twin):
    """The row at padding_idx is not rescaled."""

    trips = ("max_norm.padding-row",)
    grade = "medium"
    trigger = Inputs(**LONG, padding_idx=1)

    def renormalise_row(self, row: int) -> None:
        if row != self.padding_idx:
            super().renormalise_row(row)


class SparesAFrozenWeight(Twin):
    """A frozen weight is not rescaled."""

    trips = ("max_norm.frozen",)
    grade = "medium"
    trigger = Inputs(**LONG, freeze=True)

    def renormalise(self, index: Tensor) -> None:
        if self.weight.requires_grad:
            super().renormalise(index)


# -- by how much -------------------------------------------------------------------------------------------------------


class EndsAtOne(Twin):
    model = fault_models.rescaled_rows.EndsAtOne
    trips = ("max_norm.renormalises", "max_norm.zero")
    grade = "easy"
    trigger = Inputs(**LONG)

    def factor(self, norm: float, scale: float) -> float:  # noqa: ARG002
        return 1 / norm


class Clips(Twin):
    model = fault_models.rescaled_rows.ClipsElements
    trips = ("max_norm.renormalises",)
    grade = "easy"
    trigger = Inputs(**LONG)

    def renormalise_row(self, row: int) -> None:
        self.weight[row] = self.weight[row].clamp(-self.max_norm, self.max_norm)


class AddsTooLargeAnEpsilon(Twin):
    model = fault_models.rescaled_rows.AddsAThousandth
    trips = ("max_norm.renormalises",)
    grade = "easy"
    trigger = Inputs(**LONG)

    def factor(self, norm: float, scale: float) -> float:
        return super().factor(norm + 1e-3 * scale, scale)


class AddsASlightlyTooLargeEpsilon(Twin):
    model = fault_models.rescaled_rows.AddsAHundredThousandth
    trips = ("max_norm.renormalises", "norm_type.default")
    grade = "medium"
    trigger = Inputs(**LONG)

    def factor(self, norm: float, scale: float) -> float:
        return super().factor(norm + 1e-5 * scale, scale)


class SharesOneFactor(Twin):
    model = fault_models.rescaled_rows.SharesOneFactor
    trips = ("max_norm.renormalises",)
    grade = "medium"
    trigger = Inputs(shape=(2, 2), weight=(6, 8, 12, 16), index=(0, 1), max_norm=5.0)

    def renormalise(self, index: Tensor) -> None:
        norms = self.weight[index].abs().double().norm(self.norm_type, dim=-1)
        self.largest = norms.max().item() if index.numel() else 0.0
        super().renormalise(index)

    def factor(self, norm: float, scale: float) -> float:
        return super().factor(max(norm, self.largest * scale), scale)


class RescalesTheFirstElements(Twin):
    model = fault_models.rescaled_rows.RescalesOnly16Elements
    trips = ("max_norm.renormalises",)
    grade = "rare"
    trigger = Inputs(shape=(5, 17), weight=(8,) + (0,) * 15 + (8,), index=0, max_norm=4.0, norm_type=math.inf)

    def renormalise_row(self, row: int) -> None:
        tail = self.weight[row, 16:].clone()
        super().renormalise_row(row)
        self.weight[row, 16:] = tail


# -- the norm ----------------------------------------------------------------------------------------------------------


class ForgetsTheRoot(Twin):
    model = fault_models.norm_type.ForgetsTheRoot
    trips = ("norm_type.default", "max_norm.renormalises")
    grade = "easy"
    trigger = Inputs(**LONG)

    def renormalise_row(self, row: int) -> None:
        norm = float(self.weight[row].norm() ** 2)
        if norm > self.max_norm:
            self.weight[row] *= self.max_norm / norm


class AveragesSquares(Twin):
    model = fault_models.norm_type.AveragesPowers
    where = "where norm_type is 2"
    trips = ("norm_type.default",)
    grade = "easy"
    trigger = Inputs(**LONG)

    def norm(self, magnitudes: Sequence[float]) -> float:
        return super().norm(magnitudes) / (math.sqrt(max(len(magnitudes), 1)) if self.norm_type == 2 else 1)


class IgnoresNormType(Twin):
    model = fault_models.norm_type.IgnoresNormType
    trips = ("norm_type.order",)
    grade = "medium"
    trigger = Inputs(shape=(5, 2), weight=(4, 4), max_norm=4.0, norm_type=1.0)

    def norm(self, magnitudes: Sequence[float]) -> float:
        return math.sqrt(math.fsum(m * m for m in magnitudes))


class TakesTheMaximum(Twin):
    model = fault_models.norm_type.AlwaysTakesTheLargest
    trips = ("norm_type.order", "norm_type.default")
    grade = "medium"
    trigger = Inputs(**LONG)

    def norm(self, magnitudes: Sequence[float]) -> float:
        return max(magnitudes, default=0.0)


class RoundsTheOrder(Twin):
    model = fault_models.norm_type.RoundsTheOrderUp
    trips = ("norm_type.order",)
    grade = "rare"
    trigger = Inputs(shape=(5, 2), weight=(16, 16), max_norm=8.0, norm_type=0.5)

    def norm(self, magnitudes: Sequence[float]) -> float:
        p = self.norm_type
        if math.isfinite(p) and p != math.ceil(p):
            return math.fsum(m ** math.ceil(p) for m in magnitudes) ** (1 / math.ceil(p))
        return super().norm(magnitudes)


class TakesInfinityForTwo(Twin):
    model = fault_models.norm_type.IgnoresNormType
    where = "where norm_type is infinite"
    trips = ("norm_type.order",)
    grade = "medium"
    trigger = Inputs(shape=(5, 2), weight=(8, 8), max_norm=4.0, norm_type=math.inf)

    def norm(self, magnitudes: Sequence[float]) -> float:
        return (
            math.sqrt(math.fsum(m * m for m in magnitudes)) if math.isinf(self.norm_type) else super().norm(magnitudes)
        )


class ForgetsMagnitudes(Twin):
    """The 1-norm and the 3-norm add the elements with their signs."""

    trips = ("norm_type.order",)
    grade = "medium"
    trigger = Inputs(shape=(5, 2), weight=(-4, 4), max_norm=4.0, norm_type=1.0)

    def renormalise_row(self, row: int) -> None:
        if self.norm_type not in {1, 3}:
            super().renormalise_row(row)
            return
        norm = abs(float((self.weight[row].double() ** int(self.norm_type)).sum())) ** (1 / self.norm_type)
        if norm > self.max_norm:
            self.weight[row] *= self.max_norm / norm


class MeasuresRowsByTheirStride(Twin):
    """In a norm a row is as long as the weight's stride from one row to the next, as in torch 2.11 on CUDA."""

    trips = ("max_norm.renormalises",)
    grade = "medium"
    trigger = Inputs(**LONG, weight_layout="transposed", index=1)

    def norm(self, magnitudes: Sequence[float]) -> float:
        return super().norm(magnitudes[: self.weight.stride(0)])


class NeedsAnElement(Twin):
    """The infinity norm of rows without elements fails."""

    trips = ("max_norm.no-columns",)
    grade = "rare"
    trigger = Inputs(shape=(5, 0), max_norm=4.0, norm_type=math.inf, alike=False)

    def norm(self, magnitudes: Sequence[float]) -> float:
        return max(magnitudes) if math.isinf(self.norm_type) else super().norm(magnitudes)


class SquaresInTheDtype(Twin):
    """The norm overflows where its square does, and then the row becomes zero."""

    trips = ("max_norm.accuracy",)
    grade = "medium"
    trigger = Inputs(shape=(5, 2), weight=(6e30, 8e30), max_norm=5.0, alike=False)

    def renormalise_row(self, row: int) -> None:
        norm = float((self.weight[row].abs() ** self.norm_type).sum() ** (1 / self.norm_type))
        if norm > self.max_norm:
            self.weight[row] *= self.max_norm / norm


class RescalesOnlyToAFloat(Twin):
    model = fault_models.max_norm.IgnoresMaxNorm
    where = "where it is an int"
    trips = ("max_norm.whole-number",)
    grade = "medium"
    trigger = Inputs(shape=(5, 2), weight=(6, 8), max_norm=5)

    def renormalise(self, index: Tensor) -> None:
        if not isinstance(self.max_norm, int):
            super().renormalise(index)


# -- what is not documented --------------------------------------------------------------------------------------------


class SpreadsNaN(Twin):
    """A row with NaN becomes NaN throughout."""

    trips = ("max_norm.nan-row",)
    grade = "medium"
    trigger = Inputs(shape=(5, 2), weight=(math.nan, 8), max_norm=5.0)

    def renormalise_row(self, row: int) -> None:
        super().renormalise_row(row)
        if self.weight[row].isnan().any():
            self.weight[row] = torch.nan


class DividesByInfinity(Twin):
    """A row with infinity is multiplied by zero."""

    trips = ("max_norm.infinite-row",)
    grade = "medium"
    trigger = Inputs(shape=(5, 2), weight=(math.inf, 8), max_norm=5.0, alike=False)

    def renormalise_row(self, row: int) -> None:
        super().renormalise_row(row)
        if self.weight[row].isinf().any():
            self.weight[row] *= 0


class TakesNoLimitForZero(Twin):
    """A max_norm that is infinite or NaN is taken for zero."""

    trips = ("max_norm.not-finite",)
    grade = "medium"
    trigger = Inputs(shape=(5, 2), weight=(6, 8), max_norm=math.inf)

    def renormalise_row(self, row: int) -> None:
        super().renormalise_row(row)
        if not math.isfinite(self.max_norm):
            self.weight[row] = 0


class TurnsRowsRound(Twin):
    """A negative max_norm is taken, and turns every sign."""

    trips = ("max_norm.negative",)
    grade = "medium"
    trigger = Inputs(shape=(5, 2), weight=(6, 8), max_norm=-5.0, alike=False)

    def check_norm(self) -> None:
        """Allow any."""


class FallsBackToTwo(Twin):
    """A norm_type that is not above zero is taken for 2."""

    trips = ("norm_type.not-positive",)
    grade = "medium"
    trigger = Inputs(**LONG, norm_type=0.0, alike=False)

    def check_norm(self) -> None:
        if not self.norm_type > 0:
            self.norm_type = 2.0


# -- behind autograd's back --------------------------------------------------------------------------------------------


class RescalesInSecret(Twin):
    """Autograd is not told that the weight has changed, and takes the rescaled values for those that were used."""

    trips = ("max_norm.used-first",)
    grade = "medium"
    trigger = Shows(what=_used_first)

    def renormalise(self, index: Tensor) -> None:
        with torch.autograd._unsafe_preserve_version_counter(self.weight):
            super().renormalise(index)


class NeedsTheWeightAsItWas(Twin):
    """A backward is refused where rows were rescaled since its lookup."""

    trips = ("max_norm.one-graph",)
    grade = "medium"
    trigger = Together(**LONG, index=0, then=1)

    def prepare(self) -> None:
        self.versions: dict[int, int] = {}

    def positions(self, index: Tensor) -> Tensor:
        return super().positions(index).clone()

    def rows(self, weight: Tensor, index: Tensor) -> Tensor:
        self.versions[index.data_ptr()] = weight._version
        return super().rows(weight, index)

    def gradient(self, index: Tensor, upstream: Tensor) -> Tensor | None:
        if self.max_norm is not None and self.versions.get(index.data_ptr()) != self.weight._version:
            raise RuntimeError("the weight has changed since")
        return super().gradient(index, upstream)


class ReplacesTheWeight(Twin):
    """The rescaled weight is a new tensor."""

    trips = ("max_norm.in-place",)
    grade = "easy"
    trigger = Inputs(**LONG)

    def renormalise(self, index: Tensor) -> None:
        self.weight.data = self.weight.data.clone()
        super().renormalise(index)


class RescalesOnlyInTraining(Twin):
    model = fault_models.max_norm.IgnoresMaxNorm
    where = "in evaluation"
    setting = "evaluation"
    trips = ("module.mode", "sequences.life")
    grade = "medium"
    trigger = After(**LONG, index=0, then=1, step=lambda module: module.eval())

    def renormalise(self, index: Tensor) -> None:
        if self.training:
            super().renormalise(index)
