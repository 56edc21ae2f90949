"""Fault models: variations of the reference model, each wrong in one way, which its docstring says in a sentence.

A fault model answers like the model: with what an implementation that has its fault may do. Each overrides what it is
wrong about and nothing else.
"""

from __future__ import annotations

from embedding_reference.fault_models import gradients, lookups, max_norm, padding_idx, scale_grad_by_freq
from embedding_reference.fault_models.fault_model import GRADIENT, OUTPUT, WEIGHT, FaultModel

FAULT_MODELS = tuple(
    member
    for module in (lookups, gradients, padding_idx, max_norm, scale_grad_by_freq)
    for member in vars(module).values()
    if isinstance(member, type)
    and issubclass(member, FaultModel)
    and member.__module__ == module.__name__
    and not member.__name__.startswith("_")
)
"""All of them; those of one module stand in its order, the most general first."""

__all__ = ["FAULT_MODELS", "GRADIENT", "OUTPUT", "WEIGHT", "FaultModel"]
