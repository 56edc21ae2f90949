"""Embeddings that look up wrong."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from embedding_reference import fault_models
from trigger import LONG, Inputs, Output, Outputs, Shows
from twin import Twin, in_storage_order, through, with_default_nan, without_subnormals

# -- bits --------------------------------------------------------------------------------------------------------------


class ReplacesNaN(Twin):
    model = fault_models.outputs.LosesThePayloadOfNaN
    trips = ("lookup.nan-payload",)
    grade = "medium"
    trigger = Output(weight=(-math.nan,))

    def rows(self, weight: Tensor, index: Tensor) -> Tensor:
        return with_default_nan(super().rows(weight, index))


class LosesTheSignOfZero(Twin):
    model = fault_models.outputs.LosesTheSignOfZero
    trips = ("lookup.bits",)
    grade = "medium"
    trigger = Output(weight=(-0.0,))

    def rows(self, weight: Tensor, index: Tensor) -> Tensor:
        return super().rows(weight, index) + 0.0


class FlushesSubnormals(Twin):
    model = fault_models.outputs.FlushesSubnormals
    trips = ("lookup.bits",)
    grade = "medium"
    trigger = Output(weight=(1e-40,))

    def rows(self, weight: Tensor, index: Tensor) -> Tensor:
        return without_subnormals(super().rows(weight, index))


class LosesInfinity(Twin):
    model = fault_models.outputs.ReplacesInfinity
    trips = ("lookup.bits",)
    grade = "rare"
    dtype = "float16"
    trigger = Output(weight=(math.inf,))

    def rows(self, weight: Tensor, index: Tensor) -> Tensor:
        found, largest = super().rows(weight, index), torch.finfo(weight.dtype).max
        return torch.where(found.isinf(), found.sign() * largest, found)


class RoundsToFloat32(Twin):
    model = fault_models.outputs.RoundsTheOutputToFloat32
    trips = ("lookup.bits", "lookup.one-hot", "padding_idx.output")
    grade = "medium"
    dtype = "float64"
    trigger = Output(weight=(0.1,))

    def rows(self, weight: Tensor, index: Tensor) -> Tensor:
        return super().rows(through(weight, torch.float32), index)


class DropsTheImaginaryPart(Twin):
    model = fault_models.outputs.DropsTheImaginaryPart
    trips = ("lookup.bits", "lookup.one-hot")
    grade = "medium"
    dtype = "complex64"
    trigger = Output(weight=(1 + 1j,), freeze=True)

    def rows(self, weight: Tensor, index: Tensor) -> Tensor:
        return super().rows(weight, index).real.to(weight.dtype)


class MultipliesByOneHot(Twin):
    model = fault_models.outputs.MultipliesByOneHot
    trips = ("lookup.bits",)
    grade = "medium"
    trigger = Output(weight=(math.inf,))

    def rows(self, weight: Tensor, index: Tensor) -> Tensor:
        if index.numel() * self.num_embeddings > 2**20:  # more than there is memory for
            return super().rows(weight, index)
        return (index.unsqueeze(-1) == torch.arange(self.num_embeddings)).to(weight.dtype) @ weight


class StartsAtOne(Twin):
    model = fault_models.lookups.ReadsTheRowBefore
    trips = ("lookup.bits", "lookup.one-hot")
    grade = "easy"
    trigger = Output()

    def rows(self, weight: Tensor, index: Tensor) -> Tensor:
        return super().rows(weight, (index - 1) % self.num_embeddings)


class StopsAt256(Twin):
    model = fault_models.lookups.ReadsTheFirstRowFrom256
    trips = ("lookup.bits",)
    grade = "rare"
    trigger = Output(index=(1,) * 257)

    def rows(self, weight: Tensor, index: Tensor) -> Tensor:
        later = torch.arange(index.numel()).reshape(index.shape) >= 256
        return super().rows(weight, index.masked_fill(later, 0))


class DropsTheTail(Twin):
    model = fault_models.columns.DropsTheTailOf4
    trips = ("lookup.bits", "lookup.one-hot")
    grade = "medium"
    trigger = Output(shape=(5, 7))

    def rows(self, weight: Tensor, index: Tensor) -> Tensor:
        found = super().rows(weight, index)
        if self.embedding_dim > 4:
            found[..., self.embedding_dim // 4 * 4 :] = 0
        return found


# -- shape, dtype, device ----------------------------------------------------------------------------------------------


class Squeezes(Twin):
    model = fault_models.output_forms.SqueezesTheOutput
    trips = ("lookup.shape",)
    grade = "medium"
    trigger = Output(index=(1,))

    def rows(self, weight: Tensor, index: Tensor) -> Tensor:
        return super().rows(weight, index).squeeze()


class TakesAScalarForAVector(Twin):
    model = fault_models.output_forms.FlattensTheOutput
    where = "where the index is 0-d"
    trips = ("lookup.shape",)
    grade = "medium"
    trigger = Output(index=1)

    def rows(self, weight: Tensor, index: Tensor) -> Tensor:
        return super().rows(weight, index.reshape(1) if index.dim() == 0 else index)


class FlattensDeepIndices(Twin):
    model = fault_models.output_forms.FlattensTheOutput
    where = "where the index has more than two dimensions"
    trips = ("lookup.shape",)
    grade = "medium"
    trigger = Output(index=(((1,),),))

    def rows(self, weight: Tensor, index: Tensor) -> Tensor:
        return super().rows(weight, index.reshape(-1) if index.dim() > 2 else index)


class ForgetsTheShapeOfNothing(Twin):
    model = fault_models.output_forms.FlattensTheOutput
    where = "where the index is empty"
    trips = ("lookup.shape",)
    grade = "rare"
    trigger = Output(index=((), ()))

    def rows(self, weight: Tensor, index: Tensor) -> Tensor:
        return super().rows(weight, index if index.numel() else index.reshape(-1))


class WidensTheOutput(Twin):
    model = fault_models.output_forms.WidensTheOutput
    trips = ("lookup.shape",)
    grade = "medium"
    dtype = "float16"
    trigger = Output()

    def rows(self, weight: Tensor, index: Tensor) -> Tensor:
        return super().rows(weight, index).to(self.accumulator(weight.dtype))


class DetachesTheOutput(Twin):
    """The output takes no part in differentiation."""

    trips = ("lookup.device", "gradient.sum")
    grade = "easy"
    trigger = Output()

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        return super().forward(input).detach()


class DetachesEmptyOutputs(Twin):
    """The output of an empty index takes no part in differentiation."""

    trips = ("lookup.device", "sparse.empty")
    grade = "medium"
    trigger = Output(index=())

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        found = super().forward(input)
        return found if found.numel() else found.detach()


# -- the weight --------------------------------------------------------------------------------------------------------


class IgnoresWeightStrides(Twin):
    """The weight is read in the order of its memory."""

    trips = ("lookup.layout",)
    grade = "medium"
    trigger = Output(weight_layout="transposed")

    def rows(self, weight: Tensor, index: Tensor) -> Tensor:
        return super().rows(in_storage_order(weight), index)


class IgnoresTheOffset(Twin):
    """A weight that lies inside a larger block is read from where the block starts."""

    trips = ("lookup.layout",)
    grade = "medium"
    trigger = Output(weight_layout="sliced")

    def rows(self, weight: Tensor, index: Tensor) -> Tensor:
        return super().rows(weight.as_strided(weight.shape, weight.stride(), 0), index)


class TakesRowsForAdjacent(Twin):
    """A weight whose rows lie further apart than they are long is read as if each began where another ends."""

    trips = ("lookup.layout",)
    grade = "medium"
    trigger = Output(weight_layout="columns")

    def rows(self, weight: Tensor, index: Tensor) -> Tensor:
        if weight.stride(-1) == 1:
            weight = weight.as_strided(weight.shape, (weight.shape[1], 1))
        return super().rows(weight, index)


class TidiesTheWeight(Twin):
    model = fault_models.tables.TidiesTheWeight
    trips = ("lookup.inputs-unchanged",)
    grade = "medium"
    trigger = Inputs(weight=(-0.0,))

    def positions(self, index: Tensor) -> Tensor:
        with torch.no_grad():
            self.weight[self.weight == 0] = 0
        return super().positions(index)


# -- memory, repetition ------------------------------------------------------------------------------------------------


class ViewsASingleRow(Twin):
    """The output of a single index is a view of the weight."""

    trips = ("lookup.new-memory",)
    grade = "medium"
    trigger = Inputs(index=1)

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        found = super().forward(input)
        return self.weight[int(input)].view(found.shape) if input.numel() == 1 else found


class ViewsTheWholeTable(Twin):
    """The output is the weight itself where every row is looked up in order."""

    trips = ("lookup.new-memory",)
    grade = "rare"
    trigger = Inputs(index=(0, 1, 2, 3, 4))

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        found = super().forward(input)
        return self.weight.view_as(found) if input.tolist() == list(range(self.num_embeddings)) else found


class ChangesItsMind(Twin):
    model = fault_models.outputs.RoundsTheOutputToBfloat16
    where = "in every second call"
    setting = "second call"
    trips = ("lookup.repeatable",)
    grade = "medium"
    trigger = Outputs(weight=(257,))
    calls = 0

    def rows(self, weight: Tensor, index: Tensor) -> Tensor:
        self.calls += 1
        return super().rows(weight if self.calls % 2 else through(weight, torch.bfloat16), index)


class AnswersBySize(Twin):
    """A second index of the same size gives what the first one gave."""

    trips = ("sequences.life",)
    grade = "rare"
    trigger = Outputs(then=((2, 2, 2), (2, 2, 2)))

    def prepare(self) -> None:
        self.known: dict[int, Tensor] = {}

    def rows(self, weight: Tensor, index: Tensor) -> Tensor:
        found = super().rows(weight, index)
        return self.known.setdefault(index.numel(), found).clone().reshape(found.shape)


class PassesOnNoArguments(Twin):
    model = fault_models.arguments.UsesNoArguments
    trips = ("lookup.functional",)
    grade = "easy"
    trigger = Inputs(**LONG)

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        return torch.nn.functional.embedding(input, self.weight)


# -- tables without rows -----------------------------------------------------------------------------------------------


class InventsARow(Twin):
    model = fault_models.refused_lookups.GivesZerosOutOfRange
    where = "in a table without rows"
    trips = ("lookup.no-rows",)
    grade = "rare"
    trigger = Output(shape=(0, 3), index=0)

    def check_range(self, index: Tensor) -> None:
        if self.num_embeddings:
            super().check_range(index)

    def rows(self, weight: Tensor, index: Tensor) -> Tensor:
        return super().rows(weight if len(weight) else weight.new_zeros(1, self.embedding_dim), index)


# -- NaN and infinity with max_norm ------------------------------------------------------------------------------------


class NaNStopsRenormalising(Twin):
    model = fault_models.max_norm.StopsAtNaN
    trips = ("lookup.no-leak",)
    grade = "medium"
    trigger = Inputs(shape=(5, 2), weight=(6, 8, math.nan, 0), index=(0, 1), max_norm=5.0)

    def renormalise(self, index: Tensor) -> None:
        if self.weight[index].isfinite().all():
            super().renormalise(index)


class NaNSpreadsWhenRenormalising(Twin):
    model = fault_models.rescaled_rows.SpreadsNaNOverTheCall
    trips = ("lookup.no-leak",)
    grade = "medium"
    trigger = Inputs(shape=(5, 2), weight=(6, 8, math.inf, 0), index=(0, 1), max_norm=5.0, alike=False)

    def renormalise(self, index: Tensor) -> None:
        super().renormalise(index)
        self.weight[index] += (self.weight[index] * 0).sum()


# -- where the output is -----------------------------------------------------------------------------------------------


def _strides(embedding: Any) -> Any:
    """How an output lies in memory."""
    return embedding(5, 2)(torch.tensor([1, 2, 3])).stride()


class LaysTheOutputOutByColumns(Twin):
    """The output is right, and lies in memory column by column."""

    trips = ("lookup.contiguous",)
    grade = "easy"
    trigger = Shows(what=_strides)

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - torch's name
        output = super().forward(input)
        return output.transpose(0, -1).contiguous().transpose(0, -1) if output.dim() > 1 else output


class ForgetsTheDtypeOnMeta(Twin):
    """On the device meta the output is float32, whatever the weight's dtype is."""

    trips = ("lookup.meta",)
    grade = "easy"
    dtype = "float16"
    trigger = Shows(
        what=lambda embedding: (
            embedding(5, 2, device="meta", dtype=torch.float16)(torch.tensor([1], device="meta")).dtype
        )
    )

    def rows(self, weight: Tensor, index: Tensor) -> Tensor:
        output = super().rows(weight, index)
        return output.float() if output.is_meta else output
