"""`keras.layers.Embedding` on JAX."""

from __future__ import annotations

import os
from typing import Any

os.environ["KERAS_BACKEND"] = "jax"  # Keras reads it when it is imported

import jax
import ml_dtypes

from conformance.adapters import keras_layer
from conformance.adapters.framework import Framework, flushing
from conformance.adapters.framework_adapter import FrameworkAdapter

keras_layer.require("jax")
jax.config.update("jax_enable_x64", True)  # else JAX makes 32 bits of 64


def tensor(array: Any, dtype: str) -> jax.Array:
    """An array of JAX; bfloat16 comes as its bits."""
    return jax.numpy.asarray(array.view(ml_dtypes.bfloat16) if dtype == "bfloat16" else array)


def differentiate(layer: Any, indices: list[Any], upstreams: list[Any]) -> tuple[list[Any], Any]:
    """Outputs, and the vector-Jacobian product of the weight."""

    def outputs_of(weight: jax.Array) -> list[jax.Array]:
        return [layer.stateless_call([weight], [], index)[0] for index in indices]

    outputs, pull_back = jax.vjp(outputs_of, layer.embeddings.value)
    return outputs, pull_back(upstreams)[0]


def second_order(layer: Any, lookup: tuple[Any, Any], direction: jax.Array) -> jax.Array:
    """The derivative, by the upstream gradient, of the weight's gradient along a direction."""
    index, upstream = lookup
    _, pull_back = jax.vjp(lambda given: differentiate(layer, [index], [given])[1], upstream)
    return pull_back(direction)[0]


KERAS_JAX = Framework(
    name="keras.layers.Embedding on JAX",
    packages=("keras", "jax", "jaxlib"),
    dtypes=keras_layer.DTYPES,
    imports="""\
import os

os.environ["KERAS_BACKEND"] = "jax"
import jax
import keras
import ml_dtypes

jax.config.update("jax_enable_x64", True)""",
    tensor=tensor,
    array=keras_layer.array,
    make=keras_layer.make,
    look_up=keras_layer.look_up,
    differentiate=differentiate,
    weight_of=keras_layer.weight_of,
    unsupported=keras_layer.UNSUPPORTED,
    unchecked=keras_layer.unchecked("comes back as NaN"),
    casts=keras_layer.CASTS,
    verbs={"second_order": second_order},
    flushes=flushing("bfloat16", "float32", "float64"),
)


def adapter(_: str) -> FrameworkAdapter:
    """The adapter of the bundled name."""
    return FrameworkAdapter(KERAS_JAX)
