"""Embeddings that are right, unless they are made by `from_pretrained`."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from embedding_reference import fault_models
from trigger import Pretrained, Shows, Signatures
from twin import Twin


class RenamesTheTable(Twin):
    """The first parameter of from_pretrained is called weight."""

    trips = ("from_pretrained.signature",)
    grade = "easy"
    trigger = Signatures()

    @classmethod
    def from_pretrained(cls, weight: Tensor, *more: Any, **named: Any) -> Twin:
        return super().from_pretrained(weight, *more, **named)


class ThawsByDefault(Twin):
    """from_pretrained freezes only where freeze=True is given."""

    trips = ("from_pretrained.signature", "from_pretrained.freeze")
    grade = "easy"
    trigger = Signatures()

    @classmethod
    def from_pretrained(
        cls,
        embeddings: Tensor,
        freeze: bool = False,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
    ) -> Twin:
        return super().from_pretrained(embeddings, freeze, padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse)


class _Changes(Twin):
    """What from_pretrained is given is changed on the way."""

    @classmethod
    def pretrained(cls, embeddings: Tensor, **arguments: Any) -> Twin:
        return super().pretrained(embeddings, **cls.changed(arguments))

    @classmethod
    def changed(cls, arguments: dict[str, Any]) -> dict[str, Any]:
        raise NotImplementedError


class FreezesAlways(_Changes):
    """from_pretrained freezes although freeze=False is given."""

    trips = ("from_pretrained.freeze", "from_pretrained.trains")
    grade = "easy"
    trigger = Pretrained()

    @classmethod
    def changed(cls, arguments: dict[str, Any]) -> dict[str, Any]:
        return {**arguments, "_freeze": True}


class StaysFrozen(Twin):
    """What is frozen when it is made gets no gradient later on either."""

    trips = ("from_pretrained.trains",)
    grade = "medium"
    trigger = Shows(what=lambda embedding: _thawed(embedding)(torch.tensor([0])).requires_grad)

    def prepare(self) -> None:
        self.made_frozen = not self.weight.requires_grad

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - torch's name
        output = super().forward(input)
        return output.detach() if self.made_frozen else output


def _thawed(embedding: Any) -> Any:
    return embedding.from_pretrained(torch.ones(3, 2)).requires_grad_()


class DropsPaddingIdx(_Changes):
    model = fault_models.arguments.ForgetsPadding
    where = "by from_pretrained"
    setting = "from_pretrained"
    trips = ("from_pretrained.keywords", "from_pretrained.trains")
    grade = "easy"
    trigger = Pretrained(padding_idx=1)

    @classmethod
    def changed(cls, arguments: dict[str, Any]) -> dict[str, Any]:
        return {**arguments, "padding_idx": None}


class DropsNormType(_Changes):
    model = fault_models.arguments.ForgetsNormType
    where = "by from_pretrained"
    setting = "from_pretrained"
    trips = ("from_pretrained.keywords",)
    grade = "medium"
    trigger = Pretrained(norm_type=1.0)

    @classmethod
    def changed(cls, arguments: dict[str, Any]) -> dict[str, Any]:
        return {**arguments, "norm_type": 2.0}


class DropsSparseWithPadding(_Changes):
    model = fault_models.arguments.ForgetsSparse
    where = "by from_pretrained, where padding_idx is given too"
    setting = "from_pretrained"
    trips = ("from_pretrained.keywords", "from_pretrained.trains")
    grade = "rare"
    trigger = Pretrained(padding_idx=1, sparse=True)

    @classmethod
    def changed(cls, arguments: dict[str, Any]) -> dict[str, Any]:
        return {**arguments, "sparse": arguments["sparse"] and arguments["padding_idx"] is None}


class SwapsTwoKeywords(_Changes):
    model = fault_models.arguments.SwapsScaleAndSparse
    where = "by from_pretrained"
    setting = "from_pretrained"
    trips = ("from_pretrained.keywords",)
    grade = "medium"
    trigger = Pretrained(sparse=True)

    @classmethod
    def changed(cls, arguments: dict[str, Any]) -> dict[str, Any]:
        scale, sparse = arguments["scale_grad_by_freq"], arguments["sparse"]
        return {**arguments, "scale_grad_by_freq": sparse, "sparse": scale}


class SwapsSizes(Twin):
    """from_pretrained takes the sizes in the wrong order."""

    trips = ("from_pretrained.keywords",)
    grade = "easy"
    trigger = Pretrained()

    @classmethod
    def pretrained(cls, embeddings: Tensor, **arguments: Any) -> Twin:
        made = super().pretrained(embeddings, **arguments)
        made.num_embeddings, made.embedding_dim = made.embedding_dim, made.num_embeddings
        return made


class ClearsThePaddingRow(Twin):
    model = fault_models.tables.ClearsThePaddingRow
    where = "by from_pretrained"
    setting = "from_pretrained"
    trips = ("from_pretrained.values",)
    grade = "easy"
    trigger = Pretrained(padding_idx=1)

    @classmethod
    def pretrained(cls, embeddings: Tensor, **arguments: Any) -> Twin:
        made = super().pretrained(embeddings.clone(), **arguments)
        with torch.no_grad():
            made.clear_padding()
        return made


class DrawsAfresh(Twin):
    """from_pretrained keeps only the sizes of the tensor."""

    trips = ("from_pretrained.values",)
    grade = "easy"
    trigger = Pretrained()

    @classmethod
    def pretrained(cls, embeddings: Tensor, **arguments: Any) -> Twin:
        made = super().pretrained(embeddings.clone(), **arguments)
        made.reset_parameters()
        return made


class TakesARow(Twin):
    """from_pretrained takes a 1-d tensor for a table of one row."""

    trips = ("from_pretrained.not-2d",)
    grade = "medium"
    trigger = Shows(what=lambda embedding: tuple(embedding.from_pretrained(torch.ones(3)).weight.shape))

    @classmethod
    def pretrained(cls, embeddings: Tensor, **arguments: Any) -> Twin:
        return super().pretrained(embeddings[None] if embeddings.dim() == 1 else embeddings, **arguments)


class FlattensABlock(Twin):
    """from_pretrained takes a 3-d tensor and flattens its rows."""

    trips = ("from_pretrained.not-2d",)
    grade = "medium"
    trigger = Shows(what=lambda embedding: tuple(embedding.from_pretrained(torch.ones(2, 2, 2)).weight.shape))

    @classmethod
    def pretrained(cls, embeddings: Tensor, **arguments: Any) -> Twin:
        return super().pretrained(embeddings.flatten(1) if embeddings.dim() > 2 else embeddings, **arguments)


class HalvesItsGradient(Twin):
    model = fault_models.gradients.HalvesTheGradient
    where = "where the weight was given"
    setting = "from_pretrained"
    trips = ("from_pretrained.trains",)
    grade = "easy"
    trigger = Pretrained()
    given = False

    def adopted(self, weight: Tensor, shape: tuple[int, int]) -> Tensor:
        self.given = True
        return super().adopted(weight, shape)

    def gradient(self, index: Tensor, upstream: Tensor) -> Tensor | None:
        return super().gradient(index, upstream / 2 if self.given else upstream)


class ForgetsTheSubclass(Twin):
    """from_pretrained of a derived class makes one of the base class."""

    trips = ("from_pretrained.subclass",)
    grade = "easy"
    trigger = Pretrained()

    @classmethod
    def pretrained(cls, embeddings: Tensor, **arguments: Any) -> Twin:
        return Twin.pretrained(embeddings, **arguments)


class DropsNegativePadding(_Changes):
    model = fault_models.arguments.ForgetsPadding
    where = "by from_pretrained, where it is negative"
    setting = "from_pretrained"
    trips = ("from_pretrained.padding-negative",)
    grade = "medium"
    trigger = Pretrained(padding_idx=-2)

    @classmethod
    def changed(cls, named: dict[str, Any]) -> dict[str, Any]:
        padding_idx = named.get("padding_idx")
        return {**named, "padding_idx": None if padding_idx is not None and padding_idx < 0 else padding_idx}


class WrapsPadding(Twin):
    model = fault_models.arguments.WrapsPadding
    where = "by from_pretrained"
    setting = "from_pretrained"
    trips = ("from_pretrained.padding-range",)
    grade = "easy"
    trigger = Pretrained(padding_idx=7)

    @classmethod
    def pretrained(cls, embeddings: Tensor, **arguments: Any) -> Twin:
        if arguments["padding_idx"] is not None and embeddings.dim() == 2:
            arguments["padding_idx"] %= len(embeddings)
        return super().pretrained(embeddings, **arguments)


class KeepsTheTableForItself(Twin):
    """from_pretrained copies the tensor."""

    trips = ("from_pretrained.shared",)
    grade = "easy"
    trigger = Pretrained()

    @classmethod
    def pretrained(cls, embeddings: Tensor, **arguments: Any) -> Twin:
        return super().pretrained(embeddings.clone(), **arguments)
