"""Which of the documented arguments a constructor takes: read off it, so that what it lacks is said once, in words.

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
"""Those of `nn.Embedding` after the two sizes, in order."""

FEATURES = ("padding_idx", "max_norm", "scale_grad_by_freq", "sparse")
"""Those whose use shows in the features of a case."""


def lacking(signature: Sequence[Sequence[str]]) -> list[str]:
    """The documented arguments that a constructor cannot be given by name.

    Args:
        signature: (name, kind, default) of each parameter (`boundary.adapter.Adapter.signature`).
    """
    if not signature or any(kind == "VAR_KEYWORD" for _, kind, _ in signature):
        return []  # not known
    named = {name for name, kind, _ in signature if kind in ("POSITIONAL_OR_KEYWORD", "KEYWORD_ONLY")}
    return [name for name in ARGUMENTS if name not in named]


def declaration(names: Collection[str], reason: str) -> str:
    """The table with which a ledger declares that arguments are not taken."""
    listed = ", ".join(f'"{name}"' for name in names)
    return f'[[unsupported]]\narguments = [{listed}]\nreason = "{reason}"\n'
