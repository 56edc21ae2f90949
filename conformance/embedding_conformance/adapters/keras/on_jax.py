"""`keras.layers.Embedding` on JAX."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

os.environ["KERAS_BACKEND"] = "jax"  # Keras reads it when it is imported

import jax

from embedding_conformance.adapters.frameworks.framework_adapter import FrameworkAdapter
from embedding_conformance.adapters.jax import arrays
from embedding_conformance.adapters.keras import layer

layer.require("jax")
layer_with, fresh_layer = layer.layer_with, layer.fresh_layer


def make(num_embeddings: int, embedding_dim: int, weight: jax.Array, **arguments: Any) -> tuple[Any, jax.Array]:
    """The lookup as a function of weight and index, and the weight."""
    return function_of(layer_with(num_embeddings, embedding_dim, weight, **arguments))


def make_fresh(num_embeddings: int, embedding_dim: int, dtype: str, **arguments: Any) -> tuple[Any, jax.Array]:
    """The same of a layer as it initialises itself."""
    return function_of(fresh_layer(num_embeddings, embedding_dim, dtype, **arguments))


def function_of(layer: Any) -> tuple[Any, jax.Array]:
    """The lookup as a function of weight and index, and the weight."""

    def apply(weight: jax.Array, index: jax.Array) -> jax.Array:
        return layer.stateless_call([weight], [], index)[0]

    return apply, layer.embeddings.value


IMPORTS = """\
import os

os.environ["KERAS_BACKEND"] = "jax"
import keras"""


def adapter(_: str) -> FrameworkAdapter:
    """The adapter of the bundled name."""
    of_jax = arrays.adapter(
        "keras.layers.Embedding on JAX",
        "keras",
        make,
        make_fresh,
        imports=IMPORTS,
        shared=(layer_with, fresh_layer, function_of),
        unsupported=layer.POSITIVE_SIZES,
    )
    return FrameworkAdapter(replace(of_jax.framework, dtypes=layer.DTYPES))
