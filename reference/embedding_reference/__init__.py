"""The oracle: what `torch.nn.Embedding` is documented to do, in plain Python.

Standard library only. Nothing here imports torch, numpy, or the rest of this project.
"""

from __future__ import annotations

from embedding_reference.formats import FORMATS, Format
from embedding_reference.model import Embedding
from embedding_reference.permitted import AllBut, Anything, Exactly, Interval, OneOf, Permitted, Raises, Rows, Within
from embedding_reference.tensor import Tensor

__all__ = [
    "FORMATS",
    "AllBut",
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
