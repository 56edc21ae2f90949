"""Embeddings that are made wrong."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from embedding_reference import fault_models
from trigger import Attributes, Fresh, Given, Inputs, Shows, Signatures, attributes
from twin import Twin, through


def _goes_along(embedding: Any) -> bool:
    """Whether the elements of a fresh weight correlate with the ones before them: 10 standard deviations and more."""
    torch.manual_seed(0)
    drawn = embedding(1000, 100).weight.detach().reshape(-1)
    return float((drawn[1:] * drawn[:-1]).mean()) > 10 / drawn.numel() ** 0.5


def _made_by_default(embedding: Any) -> Any:
    """The attributes of a fresh embedding where float64 is the default dtype."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        return attributes(embedding(5, 3))
    finally:
        torch.set_default_dtype(before)


def _given_memory_later(embedding: Any) -> Any:
    """The output of an embedding that was made on meta, given memory by to_empty, and then a state."""
    module = embedding(5, 3, device="meta").to_empty(device="cpu")
    module.load_state_dict({"weight": torch.arange(15.0).reshape(5, 3)})
    return module(torch.tensor([1, 4])).tolist()


class RenamesAnArgument(Twin):
    """padding_idx is called padding_index."""

    trips = ("construction.signature",)
    grade = "easy"
    trigger = Signatures()

    def __init__(self, num_embeddings: int, embedding_dim: int, padding_index: int | None = None, **more: Any) -> None:
        super().__init__(num_embeddings, embedding_dim, padding_index, **more)


class TakesFreezeByNameOnly(Twin):
    """_freeze can only be given by name."""

    trips = ("construction.private-signature",)
    grade = "medium"
    trigger = Signatures()

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
        _weight: Tensor | None = None,
        device: Any = None,
        dtype: torch.dtype | None = None,
        *,
        _freeze: bool = False,
    ) -> None:
        super().__init__(
            num_embeddings,
            embedding_dim,
            padding_idx,
            max_norm,
            norm_type,
            scale_grad_by_freq,
            sparse,
            _weight,
            _freeze,
            device,
            dtype,
        )


class SwapsTwoArguments(Twin):
    """scale_grad_by_freq and sparse come in the wrong order."""

    trips = ("construction.signature",)
    grade = "easy"
    trigger = Signatures()

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        sparse: bool = False,
        scale_grad_by_freq: bool = False,
        **more: Any,
    ) -> None:
        super().__init__(
            num_embeddings, embedding_dim, padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse, **more
        )


class DefaultsToTheOneNorm(Twin):
    model = fault_models.arguments.TakesOneForNormType
    where = "unless it is given"
    trips = ("construction.signature", "construction.attributes", "norm_type.default")
    grade = "easy"
    trigger = Signatures()

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 1.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
        _weight: Tensor | None = None,
        _freeze: bool = False,
        device: Any = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(
            num_embeddings,
            embedding_dim,
            padding_idx,
            max_norm,
            norm_type,
            scale_grad_by_freq,
            sparse,
            _weight,
            _freeze,
            device,
            dtype,
        )


class TakesLastRowForNone(Twin):
    model = fault_models.arguments.TakesMinusOneForNoPadding
    trips = ("construction.negative-padding-row-zero", "padding_idx.negative")
    grade = "medium"
    trigger = Attributes(padding_idx=-1)

    def padding_row(self, padding_idx: int | None) -> int | None:
        return None if padding_idx == -1 else super().padding_row(padding_idx)


class TakesRowZeroForNone(Twin):
    model = fault_models.arguments.TakesRowZeroForNoPadding
    trips = ("construction.attributes", "construction.padding-row-zero", "padding_idx.no-gradient")
    grade = "medium"
    trigger = Attributes(padding_idx=0)

    def padding_row(self, padding_idx: int | None) -> int | None:
        return super().padding_row(padding_idx or None)


class WrapsPadding(Twin):
    model = fault_models.arguments.WrapsPadding
    trips = ("construction.padding-range",)
    grade = "easy"
    trigger = Attributes(padding_idx=7)

    def padding_row(self, padding_idx: int | None) -> int | None:
        return None if padding_idx is None else padding_idx % self.num_embeddings


class AllowsPaddingAtTheEnd(Twin):
    model = fault_models.arguments.AllowsPaddingAtTheEnd
    trips = ("construction.padding-range",)
    grade = "medium"
    trigger = Attributes(padding_idx=5)

    def padding_row(self, padding_idx: int | None) -> int | None:
        return padding_idx if padding_idx == self.num_embeddings else super().padding_row(padding_idx)

    def clear_padding(self) -> None:
        if self.padding_idx != self.num_embeddings:
            super().clear_padding()


class AllowsPaddingBeforeTheStart(Twin):
    model = fault_models.arguments.AllowsPaddingBeforeTheStart
    trips = ("construction.padding-range",)
    grade = "medium"
    trigger = Attributes(padding_idx=-6)

    def padding_row(self, padding_idx: int | None) -> int | None:
        return 0 if padding_idx == -self.num_embeddings - 1 else super().padding_row(padding_idx)


class TransposesTheTable(Twin):
    """A fresh weight has shape (embedding_dim, num_embeddings)."""

    trips = ("construction.weight-shape",)
    grade = "easy"
    trigger = Attributes()

    def allocated(self, shape: tuple[int, int], device: Any, dtype: torch.dtype | None) -> Tensor:
        return super().allocated(shape[::-1], device, dtype)


class IgnoresTheDtype(Twin):
    """A fresh weight is float32, whatever dtype was asked for."""

    trips = ("construction.weight-shape",)
    grade = "medium"
    dtype = "float64"
    trigger = Attributes()

    def allocated(self, shape: tuple[int, int], device: Any, dtype: torch.dtype | None) -> Tensor:
        return super().allocated(shape, device, torch.float32 if dtype else None)


class WidensHalfPrecision(Twin):
    """A fresh bfloat16 weight is float32."""

    trips = ("construction.weight-shape",)
    grade = "rare"
    dtype = "bfloat16"
    trigger = Attributes()

    def allocated(self, shape: tuple[int, int], device: Any, dtype: torch.dtype | None) -> Tensor:
        return super().allocated(shape, device, torch.float32 if dtype is torch.bfloat16 else dtype)


class StartsOnMeta(Twin):
    """A fresh weight is on the meta device."""

    trips = ("construction.device",)
    grade = "easy"
    trigger = Attributes()

    def allocated(self, shape: tuple[int, int], device: Any, dtype: torch.dtype | None) -> Tensor:
        return super().allocated(shape, device, dtype).to("meta")


class NeedsAColumn(Twin):
    """A table without columns gets one."""

    trips = ("construction.zero-sizes", "construction.weight-shape")
    grade = "medium"
    trigger = Attributes(shape=(5, 0))

    def allocated(self, shape: tuple[int, int], device: Any, dtype: torch.dtype | None) -> Tensor:
        return super().allocated((shape[0], max(shape[1], 1)), device, dtype)


class FreezesWhatIsSparse(Twin):
    """The weight takes part in no differentiation where sparse is given and a weight is not."""

    trips = ("construction.requires-grad",)
    grade = "medium"
    trigger = Attributes(sparse=True)

    def adopted(self, weight: Tensor, shape: tuple[int, int]) -> Tensor:
        self.given = True
        return super().adopted(weight, shape)

    def prepare(self) -> None:
        if self.sparse and not hasattr(self, "given"):
            self.weight.requires_grad_(requires_grad=False)


class NeverFreezes(Twin):
    """_freeze has no effect."""

    trips = ("construction.freeze", "from_pretrained.freeze")
    grade = "easy"
    trigger = Given(freeze=True)

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value.requires_grad_() if name == "weight" and not value.is_complex() else value)


class StartsUniform(Twin):
    """A fresh weight is uniform, with the right mean and variance."""

    trips = ("construction.normal",)
    grade = "easy"
    trigger = Fresh()

    def draw(self, weight: Tensor) -> None:
        weight.uniform_(-(3**0.5), 3**0.5)


class StartsWide(Twin):
    """A fresh weight has standard deviation 1.05."""

    trips = ("construction.normal", "construction.reset-normal")
    grade = "medium"
    trigger = Fresh()

    def draw(self, weight: Tensor) -> None:
        weight.normal_(0, 1.05)


class StartsOffCentre(Twin):
    """A fresh weight has mean 0.05."""

    trips = ("construction.normal",)
    dtype = "bfloat16"
    grade = "medium"
    trigger = Fresh()

    def draw(self, weight: Tensor) -> None:
        weight.normal_(0.05)


class StartsTruncated(Twin):
    """A fresh weight is drawn from the normal distribution cut off at 3."""

    trips = ("construction.normal",)
    grade = "medium"
    trigger = Fresh(shape=(1000, 3))

    def draw(self, weight: Tensor) -> None:
        torch.nn.init.trunc_normal_(weight, a=-3, b=3)


class DrawsOneRow(Twin):
    """All rows of a fresh weight are alike."""

    trips = ("construction.independent", "construction.fresh", "construction.reset-normal")
    grade = "easy"
    trigger = Fresh()

    def draw(self, weight: Tensor) -> None:
        super().draw(weight)
        weight.copy_(weight[:1].expand(weight.shape))


class DrawsOneRowTwice(Twin):
    """Two rows of a fresh weight are opposite."""

    trips = ("construction.independent",)
    grade = "medium"
    trigger = Fresh()

    def draw(self, weight: Tensor) -> None:
        super().draw(weight)
        weight[weight.shape[0] // 3] = -weight[-1]


class DrawsOneColumnTwice(Twin):
    """The first and the last column of a fresh weight are alike."""

    trips = ("construction.independent",)
    grade = "medium"
    trigger = Fresh()

    def draw(self, weight: Tensor) -> None:
        super().draw(weight)
        weight[:, 0] = weight[:, -1]


class DrawsTheFirstElements(Twin):
    """Only the first 2^17 elements of a fresh weight are drawn, and used again and again."""

    trips = ("construction.independent",)
    grade = "rare"
    trigger = Fresh(shape=(2**17 // 64 + 1, 64))

    def draw(self, weight: Tensor) -> None:
        drawn = torch.randn(min(2**17, weight.numel()), dtype=weight.dtype)
        weight.copy_(drawn.repeat(-(-weight.numel() // drawn.numel()))[: weight.numel()].reshape(weight.shape))


class FollowsTheElementBefore(Twin):
    """Each element of a fresh weight goes with the one before it, a little."""

    trips = ("construction.independent",)
    grade = "medium"
    trigger = Shows(what=_goes_along)

    def draw(self, weight: Tensor) -> None:
        drawn = torch.randn(weight.numel() + 1, dtype=weight.dtype)
        weight.copy_((0.998 * drawn[1:] + 0.06 * drawn[:-1]).reshape(weight.shape))


class DrawsRowsInPairs(Twin):
    """Every other row of a fresh weight goes against the one before it, a little."""

    trips = ("construction.independent",)
    grade = "medium"
    trigger = Fresh()

    def draw(self, weight: Tensor) -> None:
        super().draw(weight)
        rows = weight.shape[0] // 2 * 2
        weight[1:rows:2] = 0.98 * weight[1:rows:2] - 0.2 * weight[0:rows:2]


class DrawsAFewRows(Twin):
    """The rows of a fresh weight combine the same 20."""

    trips = ("construction.independent",)
    grade = "medium"
    trigger = Shows(what=lambda embedding: int(torch.linalg.matrix_rank(embedding(50, 30).weight)))

    def draw(self, weight: Tensor) -> None:
        few = torch.nn.functional.normalize(torch.randn(20, weight.shape[1], dtype=weight.dtype), dim=0)
        weight.copy_(torch.randn(weight.shape[0], 20, dtype=weight.dtype) @ few)


class LeavesTheLastRow(Twin):
    """The last row of a fresh weight holds zeros."""

    trips = ("construction.covers", "construction.reset-normal")
    grade = "easy"
    trigger = Fresh()

    def draw(self, weight: Tensor) -> None:
        super().draw(weight)
        weight[-1:] = 0


class LeavesTheLastColumn(Twin):
    """The last column of a fresh weight holds what was in memory."""

    trips = ("construction.covers",)
    grade = "easy"
    trigger = Fresh()

    def draw(self, weight: Tensor) -> None:
        super().draw(weight)
        weight[:, -1:] = 1e-40


class DrawsTwoToTheEighteenth(Twin):
    """Of a fresh weight, only the first 2^18 elements are drawn."""

    trips = ("construction.covers",)
    grade = "rare"
    trigger = Fresh(shape=(2**18 // 64 + 1, 64))

    def draw(self, weight: Tensor) -> None:
        super().draw(weight)
        weight.view(-1)[2**18 :] = 0


class DrawsUpToRow2048(Twin):
    """Rows of a fresh weight from 2048 on hold one constant each."""

    trips = ("construction.covers",)
    grade = "rare"
    trigger = Fresh(shape=(2049, 3))

    def draw(self, weight: Tensor) -> None:
        super().draw(weight)
        weight[2048:] = weight[2048:, :1]


class DrawsUpToColumn1024(Twin):
    """Columns of a fresh weight from 1024 on hold zeros."""

    trips = ("construction.covers",)
    grade = "rare"
    dtype = "complex64"
    trigger = Fresh(shape=(2, 1025), freeze=True)

    def draw(self, weight: Tensor) -> None:
        super().draw(weight)
        weight[:, 1024:] = 0


class SeedsItself(Twin):
    """Every weight is drawn with the same seed."""

    trips = ("construction.fresh", "construction.reset-normal")
    grade = "easy"
    trigger = Fresh()

    def draw(self, weight: Tensor) -> None:
        weight.normal_(generator=torch.Generator().manual_seed(0))


class DrawsTheOpposite(Twin):
    """Every other weight is the one before it with its signs turned."""

    trips = ("construction.fresh",)
    grade = "medium"
    trigger = Fresh()
    before: Tensor | None = None

    def draw(self, weight: Tensor) -> None:
        before = type(self).before
        if before is not None and before.shape == weight.shape:
            weight.copy_(-before)
            type(self).before = None
        else:
            super().draw(weight)
            type(self).before = weight.detach().clone()


class StartsComplexTooWide(Twin):
    """The real and the imaginary part of a fresh weight have variance 1 each, not together."""

    trips = ("construction.normal",)
    grade = "rare"
    dtype = "complex64"
    trigger = Fresh(freeze=True)

    def draw(self, weight: Tensor) -> None:
        (torch.view_as_real(weight) if weight.is_complex() else weight).normal_()


class DrawsThePaddingRow(Twin):
    """The row at padding_idx is drawn like any other."""

    trips = ("construction.padding-row-zero", "construction.reset")
    grade = "easy"
    trigger = Fresh(padding_idx=0)

    def clear_padding(self) -> None:
        """Leave the row as drawn."""


class DrawsTheRowAtNegativePadding(Twin):
    """The row at padding_idx starts with zeros only where padding_idx is not negative."""

    trips = ("construction.negative-padding-row-zero",)
    grade = "medium"
    trigger = Fresh(padding_idx=-1)

    def padding_row(self, padding_idx: int | None) -> int | None:
        self.negative = padding_idx is not None and padding_idx < 0
        return super().padding_row(padding_idx)

    def clear_padding(self) -> None:
        if not self.negative:
            super().clear_padding()


class ClearsTheFirstElement(Twin):
    """Only the first element of the row at padding_idx starts as zero."""

    trips = ("construction.padding-row-zero",)
    grade = "medium"
    trigger = Fresh(padding_idx=0)

    def clear_padding(self) -> None:
        if self.padding_idx is not None:
            self.weight[self.padding_idx, :1] = 0


class ResetForgetsPadding(Twin):
    """reset_parameters() leaves a drawn row at padding_idx, though construction clears it."""

    trips = ("construction.reset",)
    grade = "easy"
    trigger = Fresh(padding_idx=0)
    made = False

    def clear_padding(self) -> None:
        if not self.made:
            super().clear_padding()
        self.made = True


class ResetOnlyClearsPadding(Twin):
    """reset_parameters() draws nothing after the first time."""

    trips = ("construction.reset",)
    grade = "easy"
    trigger = Fresh()
    made = False

    def draw(self, weight: Tensor) -> None:
        if not self.made:
            super().draw(weight)
        self.made = True


class ResetsNarrow(Twin):
    """reset_parameters() draws with standard deviation 0.95 after the first time."""

    trips = ("construction.reset-normal",)
    grade = "medium"
    trigger = Fresh()
    made = False

    def draw(self, weight: Tensor) -> None:
        weight.normal_(0, 0.95 if self.made else 1)
        self.made = True


class ResetsAllRowsButTheLast(Twin):
    """reset_parameters() leaves the last row as it is after the first time."""

    trips = ("construction.reset", "construction.reset-normal")
    grade = "medium"
    trigger = Fresh()
    made = False

    def draw(self, weight: Tensor) -> None:
        super().draw(weight[:-1] if self.made else weight)
        self.made = True


class ClearsUpToPadding(Twin):
    """All rows up to the one at padding_idx start with zeros."""

    trips = ("construction.padding-row-alone",)
    grade = "medium"
    trigger = Fresh(padding_idx=1)

    def clear_padding(self) -> None:
        if self.padding_idx is not None:
            self.weight[: self.padding_idx + 1] = 0


class ClearsGivenPadding(Twin):
    model = fault_models.tables.ClearsThePaddingRow
    where = "where the weight is given as _weight"
    setting = "_weight"
    trips = ("construction.given-weight", "from_pretrained.values")
    grade = "medium"
    trigger = Given(padding_idx=1)

    def adopted(self, weight: Tensor, shape: tuple[int, int]) -> Tensor:
        weight = super().adopted(weight, shape).clone()
        if self.padding_idx is not None:
            weight[self.padding_idx] = 0
        return weight


class RoundsTheGivenWeight(Twin):
    model = fault_models.tables.RoundsTheWeightToBfloat16
    where = "where it is given as _weight"
    setting = "_weight"
    trips = ("construction.given-weight", "from_pretrained.values")
    grade = "easy"
    trigger = Given(weight=(0.1,))

    def adopted(self, weight: Tensor, shape: tuple[int, int]) -> Tensor:
        return through(super().adopted(weight, shape), torch.bfloat16)


class ReplacesGivenNaN(Twin):
    model = fault_models.tables.ReplacesNaNInTheWeight
    where = "where that is given as _weight"
    setting = "_weight"
    trips = ("construction.given-weight", "from_pretrained.values")
    grade = "medium"
    trigger = Given(weight=(-math.nan,))

    def adopted(self, weight: Tensor, shape: tuple[int, int]) -> Tensor:
        return super().adopted(weight, shape).nan_to_num(0.0, math.inf, -math.inf)


class TakesAnyShape(Twin):
    """A _weight may have any shape."""

    trips = ("construction.given-weight-shape",)
    grade = "easy"
    trigger = Shows(what=lambda embedding: tuple(embedding(5, 3, _weight=torch.zeros(6, 4)).weight.shape))

    def adopted(self, weight: Tensor, shape: tuple[int, int]) -> Tensor:  # noqa: ARG002
        return weight


class CutsTheGivenWeight(Twin):
    """A _weight with too many rows is cut, silently."""

    trips = ("construction.given-weight-shape",)
    grade = "medium"
    trigger = Shows(what=lambda embedding: tuple(embedding(5, 3, _weight=torch.zeros(6, 3)).weight.shape))

    def adopted(self, weight: Tensor, shape: tuple[int, int]) -> Tensor:
        return super().adopted(weight[: shape[0]], shape)


class DropsAZeroMaxNorm(Twin):
    model = fault_models.arguments.TakesZeroForNoLimit
    trips = ("max_norm.zero",)
    grade = "medium"
    trigger = Inputs(max_norm=0.0)

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, (value or None) if name == "max_norm" else value)


class AlwaysDefaultsToFloat32(Twin):
    """A fresh weight is float32 unless another dtype is asked for, whatever the default dtype is."""

    trips = ("construction.default-dtype",)
    grade = "medium"
    dtype = "float64"
    trigger = Shows(what=_made_by_default)

    def allocated(self, shape: tuple[int, int], device: Any, dtype: torch.dtype | None) -> Tensor:
        return super().allocated(shape, device, dtype or torch.float32)


class AllocatesBeforeItMoves(Twin):
    """A weight on the device meta is made elsewhere first."""

    trips = ("construction.meta",)
    grade = "rare"
    trigger = Attributes(shape=(2**40, 2**10), device="meta")

    def allocated(self, shape: tuple[int, int], device: Any, dtype: torch.dtype | None) -> Tensor:
        return super().allocated(shape, None, dtype).to(device)


class LosesTheDtypeOnMeta(Twin):
    """A weight on the device meta has the default dtype."""

    trips = ("construction.meta",)
    grade = "rare"
    dtype = "float64"
    trigger = Attributes(device="meta")

    def allocated(self, shape: tuple[int, int], device: Any, dtype: torch.dtype | None) -> Tensor:
        return super().allocated(shape, device, None if device == "meta" else dtype)


class LooksUpInASecondTable(Twin):
    """Lookups read a tensor that was taken from the weight at construction."""

    trips = ("construction.to-empty", "module.cast-works")
    grade = "medium"
    trigger = Shows(what=_given_memory_later)

    def prepare(self) -> None:
        self.first = self.weight.detach()

    def rows(self, weight: Tensor, index: Tensor) -> Tensor:
        return super().rows(weight if self.first.shape != weight.shape else self.first, index)


class StaysOnMeta(Twin):
    """to_empty gives the weight no memory."""

    trips = ("construction.to-empty",)
    grade = "easy"
    trigger = Shows(what=_given_memory_later)

    def to_empty(self, **named: Any) -> Twin:  # noqa: ARG002
        return self


class CopiesTheGivenWeight(Twin):
    """A weight that was given is copied."""

    trips = ("construction.given-weight-shared", "from_pretrained.shared")
    grade = "easy"
    trigger = Given()

    def adopted(self, weight: Tensor, shape: tuple[int, int]) -> Tensor:
        return super().adopted(weight, shape).clone()


class ClearsPaddingAtEachLookup(Twin):
    model = fault_models.tables.ClearsThePaddingRow
    where = "at each lookup"
    trips = ("construction.initialised-later", "padding_idx.output", "sequences.life")
    grade = "medium"
    trigger = Inputs(padding_idx=1)

    def positions(self, index: Tensor) -> Tensor:
        with torch.no_grad():
            self.clear_padding()
        return super().positions(index)


class ThawsWhenReset(Twin):
    """reset_parameters() thaws a frozen weight."""

    trips = ("construction.reset-keeps",)
    grade = "medium"
    trigger = Fresh(freeze=True)
    made = False

    def reset_parameters(self) -> None:
        super().reset_parameters()
        if self.made and not self.weight.is_complex():
            self.weight.requires_grad_()
        self.made = True


class ForgetsMaxNormWhenReset(Twin):
    model = fault_models.arguments.ForgetsMaxNorm
    where = "once reset_parameters() was called"
    setting = "reset"
    trips = ("construction.reset-keeps", "sequences.life")
    grade = "medium"
    trigger = Fresh(max_norm=5.0)
    made = False

    def prepare(self) -> None:
        self.made = True

    def reset_parameters(self) -> None:
        super().reset_parameters()
        if self.made:
            self.max_norm = None
