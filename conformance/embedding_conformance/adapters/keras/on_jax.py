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
layer_with = layer.layer_with


def make(num_embeddings: int, embedding_dim: int, weight: jax.Array, **arguments: Any) -> tuple[Any, jax.Array]:
    """The lookup as a function of weight and index, and the weight."""
    layer = layer_with(num_embeddings, embedding_dim, weight, **arguments)

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
        imports=IMPORTS,
        shared=(layer_with,),
        unsupported=layer.POSITIVE_SIZES,
    )
    unchecked = layer.unchecked("comes back as NaN")
    return FrameworkAdapter(replace(of_jax.framework, dtypes=layer.DTYPES, unchecked=unchecked, casts=layer.CASTS))
