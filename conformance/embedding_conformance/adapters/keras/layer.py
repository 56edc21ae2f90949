"""`keras.layers.Embedding`: one layer, whose lookup each backend of Keras does in its own way.

Keras reads KERAS_BACKEND when it is imported, so an adapter sets it first, and then imports this module.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from embedding_conformance.adapters.frameworks.framework import NO_FREEZE, NO_STRIDES, without
from embedding_conformance.boundary.description import Declared
from embedding_conformance.cases.features import NOT_NORMAL

DTYPES = ("float16", "bfloat16", "float32", "float64")

POSITIVE_SIZES = (
    Declared({"num_embeddings": 0}, "a table without rows: input_dim must be a positive integer"),
    Declared({"embedding_dim": 0}, "rows without elements: output_dim must be a positive integer"),
)
OWN_WAY = Declared(NOT_NORMAL, "a fresh weight is drawn in Keras's own way, uniformly")
UNSUPPORTED = (
    *without("padding_idx", "max_norm", "scale_grad_by_freq", "sparse"),
    NO_FREEZE,
    *NO_STRIDES,
    OWN_WAY,
    *POSITIVE_SIZES,
)


def require(backend: str) -> None:
    """Make sure that Keras runs on this backend.

    Raises:
        ImportError: it was imported before, on another.
    """
    if keras.backend.backend() != backend:
        raise ImportError(f"keras is already imported here, on {keras.backend.backend()}: run this in its own process")


def array(tensor: Any) -> tuple[Any, str]:
    """The tensor of TensorFlow, or its variable, as numpy's."""
    found = np.asarray(tensor)
    return (found.view("uint16") if found.dtype.name == "bfloat16" else found), found.dtype.name


def layer_with(num_embeddings: int, embedding_dim: int, weight: Any, **arguments: Any) -> Any:
    """A layer with this weight."""
    dtype = keras.backend.standardize_dtype(weight.dtype)
    layer = keras.layers.Embedding(num_embeddings, embedding_dim, dtype=dtype, **arguments)
    layer.build()
    layer.embeddings.assign(weight)
    return layer


def fresh_layer(num_embeddings: int, embedding_dim: int, dtype: str, **arguments: Any) -> Any:
    """A layer as it initialises itself."""
    layer = keras.layers.Embedding(num_embeddings, embedding_dim, dtype=dtype, **arguments)
    layer.build()
    return layer


def look_up(layer: Any, index: Any) -> Any:
    """One lookup."""
    return layer(index)


def weight_of(layer: Any) -> Any:
    """The weight."""
    return layer.embeddings.value
