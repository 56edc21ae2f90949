"""Faults of the form of the gradient: its layout, its shape and its dtype."""

from __future__ import annotations

from collections.abc import Sequence

from embedding_reference.fault_models.fault_model import FORM, FaultModel
from embedding_reference.model import Form, Lookup


class StaysDense(FaultModel):
    """With sparse the gradient is dense."""

    about = (FORM,)

    def gradient_form(self, dtype: str, lookups: Sequence[Lookup]) -> Form | None:  # noqa: D102
        return self.right(sparse=False).gradient_form(dtype, lookups)


class IsSparseWithoutSparse(FaultModel):
    """The gradient is sparse without sparse."""

    about = (FORM,)

    def gradient_form(self, dtype: str, lookups: Sequence[Lookup]) -> Form | None:  # noqa: D102
        return self.right(sparse=True).gradient_form(dtype, lookups)


class IsCompressed(FaultModel):
    """With sparse the gradient is in compressed sparse rows."""

    about = (FORM,)

    def gradient_form(self, dtype: str, lookups: Sequence[Lookup]) -> Form | None:  # noqa: D102
        right = super().gradient_form(dtype, lookups)
        return ("torch.sparse_csr", *right[1:]) if right and self.sparse else right


class HasTooFewRows(FaultModel):
    """The gradient has only as many rows as the highest row that is trained needs."""

    about = (FORM,)

    def gradient_form(self, dtype: str, lookups: Sequence[Lookup]) -> Form | None:  # noqa: D102
        trained = [row for adding in self.contributions_of_each(lookups) for row, _, _ in adding]
        right = super().gradient_form(dtype, lookups)
        return right and (right[0], (max(trained, default=-1) + 1, self.embedding_dim), dtype)


class GivesNone(FaultModel):
    """The weight gets no gradient at all."""

    about = (FORM,)

    def gradient_form(self, dtype: str, lookups: Sequence[Lookup]) -> Form | None:  # noqa: ARG002, D102
        return None
