"""Fault models: variations of the reference model, each wrong in one way, which its docstring says in a sentence.

A fault model answers like the model: with what an implementation that has its fault may do. Each overrides what it is
wrong about and nothing else.
"""

from __future__ import annotations

from embedding_reference.fault_models import arguments, padding_idx, scale_grad_by_freq
from embedding_reference.fault_models.fault_model import (
    ATTRIBUTES,
    FORM,
    GRADIENT,
    OUTPUT,
    REFUSAL,
    SECOND_ORDER,
    WEIGHT,
    FaultModel,
)
from embedding_reference.fault_models.reading import columns, lookups, output_forms, outputs, refused_lookups, tables
from embedding_reference.fault_models.rescaling import max_norm, norm_type, rescaled_rows
from embedding_reference.fault_models.training import (
    accumulation,
    forms,
    gradients,
    second_order,
    upstream_gradients,
)
from embedding_reference.fault_models.undocumented import UNDOCUMENTED

MODULES = (
    lookups,
    outputs,
    columns,
    output_forms,
    refused_lookups,
    gradients,
    upstream_gradients,
    accumulation,
    forms,
    padding_idx,
    max_norm,
    rescaled_rows,
    norm_type,
    scale_grad_by_freq,
    second_order,
    tables,
    arguments,
)

FAULT_MODELS = tuple(
    member
    for module in MODULES
    for member in vars(module).values()
    if isinstance(member, type)
    and issubclass(member, FaultModel)
    and member.__module__ == module.__name__
    and not member.__name__.startswith("_")
)
"""All of them; those of one module stand in its order, the most general first."""

__all__ = [
    "ATTRIBUTES",
    "FAULT_MODELS",
    "FORM",
    "GRADIENT",
    "OUTPUT",
    "REFUSAL",
    "SECOND_ORDER",
    "UNDOCUMENTED",
    "WEIGHT",
    "FaultModel",
    "accumulation",
    "arguments",
    "columns",
    "forms",
    "gradients",
    "lookups",
    "max_norm",
    "norm_type",
    "output_forms",
    "outputs",
    "padding_idx",
    "refused_lookups",
    "rescaled_rows",
    "scale_grad_by_freq",
    "second_order",
    "tables",
    "upstream_gradients",
]
