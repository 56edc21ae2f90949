"""Clauses run on one embedding and dtype, as `check()` runs them for users."""

from __future__ import annotations

import torch

from embedding_conformance import Checked, Profile, check
from embedding_conformance.adapters.torch.module import TorchModuleAdapter


def run(clauses: str, embedding: type, dtype: str, examples: int) -> Checked:
    """Run clauses with so many cases each, always the same; a failing one is not shrunk.

    One case that counts is enough, as what is of interest is what the cases reject.
    """
    return check(
        adapter(embedding),
        clauses=clauses,
        dtypes=dtype,
        profile=Profile(f"{examples} cases", examples, enough=1, diagnoses=False),
        isolation="none",
        level="should",
        seed=0,
    )


def adapter(embedding: type) -> TorchModuleAdapter:
    """What drives an embedding class; its functional form is torch's."""
    return TorchModuleAdapter(embedding, functional=torch.nn.functional.embedding)
