"""The documented arguments that a constructor does not take, read off its signature.

Runs on Python 3.8 and later, as the worker does.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

ARGUMENTS = (
    "padding_idx",
    "max_norm",
    "norm_type",
    "scale_grad_by_freq",
    "sparse",
    "_weight",
    "_freeze",
    "device",
    "dtype",
)
"""The arguments of `nn.Embedding` after the two sizes, in order."""

FEATURES = ("padding_idx", "max_norm", "scale_grad_by_freq", "sparse")
"""The arguments whose use shows in the features of a case."""


def missing_arguments(signature: Sequence[Sequence[str]]) -> list[str]:
    """The documented arguments that a constructor cannot be given by name.

    Args:
        signature: (name, kind, default) of each parameter (`boundary.adapter.Adapter.signature`).

    Returns:
        Their names, in the order of `ARGUMENTS`; none where the signature does not tell.
    """
    if not signature or any(kind == "VAR_KEYWORD" for _, kind, _ in signature):
        return []
    named = {name for name, kind, _ in signature if kind in ("POSITIONAL_OR_KEYWORD", "KEYWORD_ONLY")}
    return [name for name in ARGUMENTS if name not in named]


def declaration(names: Collection[str], reason: str) -> str:
    """The table, in TOML, that declares in a ledger which arguments the constructor does not take."""
    listed = ", ".join(f'"{name}"' for name in names)
    return f'[[unsupported]]\narguments = [{listed}]\nreason = "{reason}"\n'
