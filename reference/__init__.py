"""The oracle: what `torch.nn.Embedding` is documented to do, in plain Python.

Standard library only. Nothing here imports torch, numpy, or the rest of this project.
"""

from __future__ import annotations

from reference.embedding import Embedding
from reference.formats import FORMATS, Format
from reference.permitted import Anything, Exactly, Interval, OneOf, Permitted, Raises, Rows, Within
from reference.tensor import Tensor

__all__ = [
    "FORMATS",
    "Anything",
    "Embedding",
    "Exactly",
    "Format",
    "Interval",
    "OneOf",
    "Permitted",
    "Raises",
    "Rows",
    "Tensor",
    "Within",
]
