"""`keras.layers.Embedding` on JAX."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

os.environ["KERAS_BACKEND"] = "jax"  # Keras reads it when it is imported

import jax

from conformance.adapters import jax_arrays, keras_layer
from conformance.adapters.framework_adapter import FrameworkAdapter

keras_layer.require("jax")
layer_with = keras_layer.layer_with


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
    of_jax = jax_arrays.adapter(
        "keras.layers.Embedding on JAX",
        "keras",
        make,
        imports=IMPORTS,
        shared=(layer_with,),
        unsupported=keras_layer.POSITIVE_SIZES,
    )
    unchecked = keras_layer.unchecked("comes back as NaN")
    return FrameworkAdapter(
        replace(of_jax.framework, dtypes=keras_layer.DTYPES, unchecked=unchecked, casts=keras_layer.CASTS)
    )
