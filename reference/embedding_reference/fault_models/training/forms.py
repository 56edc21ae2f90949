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


class GivesNone(FaultModel):
    """The weight gets no gradient at all."""

    about = (FORM,)

    def gradient_form(self, dtype: str, lookups: Sequence[Lookup]) -> Form | None:  # noqa: ARG002, D102
        return None
