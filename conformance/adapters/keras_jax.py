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
make = keras_layer.make
jax.config.update("jax_enable_x64", True)  # else JAX makes 32 bits of 64


def tensor(array: Any, dtype: str) -> jax.Array:
    """An array of JAX; bfloat16 comes as its bits."""
    return jax.numpy.asarray(array.view(ml_dtypes.bfloat16) if dtype == "bfloat16" else array)


def apply(layer: Any, weight: jax.Array, index: jax.Array) -> jax.Array:
    """One lookup, as a function of the weight."""
    return layer.stateless_call([weight], [], index)[0]


def differentiate(layer: Any, indices: list[Any], upstreams: list[Any]) -> tuple[list[Any], Any]:
    """Outputs, and the vector-Jacobian product of the weight."""
    weight = layer.embeddings.value
    outputs, pull_back = jax.vjp(lambda weight: [apply(layer, weight, index) for index in indices], weight)
    return outputs, pull_back(upstreams)[0]


def again(layer: Any, lookup: tuple[Any, Any]) -> list[tuple[list[Any], Any]]:
    """One lookup, and its vector-Jacobian product twice."""
    index, upstream = lookup
    output, pull_back = jax.vjp(lambda weight: apply(layer, weight, index), layer.embeddings.value)
    return [([output], pull_back(upstream)[0]) for _ in range(2)]


def beside(layer: Any, weight: jax.Array, lookups: list[Any]) -> list[tuple[list[Any], Any]]:
    """A lookup of this layer and one of another, which has the weight given, in one vector-Jacobian product."""
    rows, columns = weight.shape
    layers, (indices, upstreams) = (layer, make(rows, columns, weight)), zip(*lookups)
    weights = [one.embeddings.value for one in layers]
    outputs, pull_back = jax.vjp(lambda *weights: list(map(apply, layers, weights, indices)), *weights)
    return [([output], gradient) for output, gradient in zip(outputs, pull_back(list(upstreams)))]


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
    make=make,
    look_up=keras_layer.look_up,
    differentiate=differentiate,
    weight_of=keras_layer.weight_of,
    unsupported=keras_layer.UNSUPPORTED,
    unchecked=keras_layer.unchecked("comes back as NaN"),
    casts=keras_layer.CASTS,
    forget=jax.clear_caches,
    verbs={"again": again, "beside": beside, "second_order": second_order},
    shared=(make, apply),
    flushes=flushing("bfloat16", "float32", "float64"),
)


def adapter(_: str) -> FrameworkAdapter:
    """The adapter of the bundled name."""
    return FrameworkAdapter(KERAS_JAX)
