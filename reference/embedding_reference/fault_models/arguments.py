"""Faults of what is kept of the arguments, and of arguments that must be refused."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from embedding_reference.fault_models.bases import Adding
from embedding_reference.fault_models.fault_model import (
    ATTRIBUTES,
    FORM,
    GRADIENT,
    OUTPUT,
    REFUSAL,
    WEIGHT,
    FaultModel,
)
from embedding_reference.model import Embedding, Form, Lookup
from embedding_reference.permitted import Permitted, Raises
from embedding_reference.tensor import Tensor


class _HasOtherArguments(FaultModel):
    """The embedding is one with other arguments than those that it was given."""

    def other(self) -> Embedding:
        """The embedding that it is."""
        raise NotImplementedError

    def output(self, weight: Tensor, index: Tensor) -> Permitted:
        """The output of the other embedding."""
        return self.other().output(weight, index)

    def weight_after(self, weight: Tensor, index: Tensor, *, wide: bool = False) -> Permitted:
        """The weight after a lookup of the other embedding."""
        return self.other().weight_after(weight, index, wide=wide)

    def contributions(self, index: Tensor, upstream: Tensor) -> Iterator[Adding]:
        """What one lookup adds to the gradient of the other embedding."""
        yield from self.other().contributions(index, upstream)

    def gradient_form(self, dtype: str, lookups: Sequence[Lookup]) -> Form | None:
        """The form of the gradient of the other embedding."""
        return self.other().gradient_form(dtype, lookups)

    def attributes(self) -> dict[str, object]:
        """The attributes of the other embedding."""
        return self.other().attributes()


class ForgetsPadding(_HasOtherArguments):
    """padding_idx is not kept."""

    about = (GRADIENT, ATTRIBUTES)

    def other(self) -> Embedding:  # noqa: D102
        return self.right(padding_idx=None)


class TakesRowZeroForNoPadding(_HasOtherArguments):
    """padding_idx=0 stands for no padding at all."""

    about = (GRADIENT, ATTRIBUTES)

    def other(self) -> Embedding:  # noqa: D102
        return self.right(padding_idx=self.padding_idx or None)


class TakesMinusOneForNoPadding(_HasOtherArguments):
    """padding_idx=-1 stands for no padding at all."""

    about = (GRADIENT, ATTRIBUTES)

    def other(self) -> Embedding:  # noqa: D102
        return self.right(padding_idx=None if self.padding_idx == -1 else self.padding_idx)


class MirrorsNegativePadding(_HasOtherArguments):
    """A padding_idx of -k names row k - 1."""

    about = (GRADIENT, ATTRIBUTES)

    def other(self) -> Embedding:  # noqa: D102
        negative = self.padding_idx is not None and self.padding_idx < 0
        return self.right(padding_idx=-self.padding_idx - 1) if negative and self.padding_idx else self.right()


class ForgetsMaxNorm(_HasOtherArguments):
    """max_norm is not kept."""

    about = (OUTPUT, WEIGHT, ATTRIBUTES)

    def other(self) -> Embedding:  # noqa: D102
        return self.right(max_norm=None)


class TakesZeroForNoLimit(_HasOtherArguments):
    """max_norm=0 is taken for no limit."""

    about = (OUTPUT, WEIGHT, ATTRIBUTES)

    def other(self) -> Embedding:  # noqa: D102
        return self.right(max_norm=self.max_norm or None)


class ForgetsNormType(_HasOtherArguments):
    """norm_type is not kept, and is 2."""

    about = (OUTPUT, WEIGHT, ATTRIBUTES)

    def other(self) -> Embedding:  # noqa: D102
        return self.right(norm_type=2.0)


class TakesOneForNormType(_HasOtherArguments):
    """norm_type is taken for 1."""

    about = (OUTPUT, WEIGHT, ATTRIBUTES)

    def other(self) -> Embedding:  # noqa: D102
        return self.right(norm_type=1.0)


class ForgetsSparse(_HasOtherArguments):
    """sparse is not kept."""

    about = (FORM, ATTRIBUTES)

    def other(self) -> Embedding:  # noqa: D102
        return self.right(sparse=False)


class SwapsScaleAndSparse(_HasOtherArguments):
    """scale_grad_by_freq is taken for sparse and the other way round."""

    about = (GRADIENT, FORM, ATTRIBUTES)

    def other(self) -> Embedding:  # noqa: D102
        return self.right(scale_grad_by_freq=self.sparse, sparse=self.scale_grad_by_freq)


class UsesNoArguments(_HasOtherArguments):
    """No argument has an effect: all of them are at their defaults."""

    about = (OUTPUT, WEIGHT, GRADIENT, FORM)

    def other(self) -> Embedding:  # noqa: D102
        return Embedding(self.num_embeddings, self.embedding_dim, freeze=self.freeze)

    def attributes(self) -> dict[str, object]:  # noqa: D102
        return self.right().attributes()


class _TakesAnyPadding(FaultModel):
    """A padding_idx out of range is not refused."""

    about = (REFUSAL,)

    def is_taken(self, padding_idx: int) -> bool:
        """Whether a padding_idx out of range is taken."""
        raise NotImplementedError

    @property
    def refusal(self) -> Raises | None:
        """The refusal that is left."""
        taken = self.padding_idx is not None and self.is_taken(self.padding_idx)
        return None if taken else super().refusal


class WrapsPadding(_TakesAnyPadding):
    """A padding_idx out of range is taken modulo num_embeddings."""

    def is_taken(self, padding_idx: int) -> bool:  # noqa: ARG002, D102
        return self.num_embeddings > 0


class AllowsPaddingAtTheEnd(_TakesAnyPadding):
    """padding_idx may be num_embeddings, one row too far."""

    def is_taken(self, padding_idx: int) -> bool:  # noqa: D102
        return padding_idx == self.num_embeddings


class AllowsPaddingBeforeTheStart(_TakesAnyPadding):
    """padding_idx may be -num_embeddings - 1, one row too far."""

    def is_taken(self, padding_idx: int) -> bool:  # noqa: D102
        return padding_idx == -self.num_embeddings - 1
