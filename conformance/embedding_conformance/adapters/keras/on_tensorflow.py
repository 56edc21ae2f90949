"""`keras.layers.Embedding` on TensorFlow."""

from __future__ import annotations

import os
from typing import Any

os.environ["KERAS_BACKEND"] = "tensorflow"  # Keras reads it when it is imported

import tensorflow as tf

from embedding_conformance.adapters.frameworks.framework import Framework, flushing
from embedding_conformance.adapters.frameworks.framework_adapter import FrameworkAdapter
from embedding_conformance.adapters.frameworks.tensorflow import TENSORFLOW
from embedding_conformance.adapters.keras import layer

layer.require("tensorflow")
layer_with = layer.layer_with


def differentiate(layer: Any, indices: list[Any], upstreams: list[Any]) -> tuple[list[Any], Any]:
    """Outputs, and the vector-Jacobian product of the weight, as a whole where it comes as slices of rows."""
    with tf.GradientTape() as tape:
        outputs = [layer(index) for index in indices]
    return outputs, tf.convert_to_tensor(tape.gradient(outputs, layer.embeddings, output_gradients=upstreams))


def again(layer: Any, lookup: tuple[Any, Any]) -> list[tuple[list[Any], Any]]:
    """One lookup, and its vector-Jacobian product twice."""
    index, upstream = lookup
    with tf.GradientTape(persistent=True) as tape:
        output = layer(index)
    twice = [tape.gradient(output, layer.embeddings, output_gradients=upstream) for _ in range(2)]
    return [([output], tf.convert_to_tensor(gradient)) for gradient in twice]


def beside(layer: Any, weight: tf.Tensor, lookups: list[Any]) -> list[tuple[list[Any], Any]]:
    """A lookup of this layer and one of another, which has the weight given, in one vector-Jacobian product."""
    layers, (indices, upstreams) = (layer, layer_with(weight.shape[0], weight.shape[1], weight)), zip(*lookups)
    with tf.GradientTape() as tape:
        outputs = [one(index) for one, index in zip(layers, indices)]
    weights = [one.embeddings for one in layers]
    gradients = tape.gradient(outputs, weights, output_gradients=list(upstreams))
    return [([output], tf.convert_to_tensor(gradient)) for output, gradient in zip(outputs, gradients)]


def second_order(layer: Any, lookup: tuple[Any, Any], direction: tf.Tensor) -> tf.Tensor:
    """The derivative, by the upstream gradient, of the weight's gradient along a direction."""
    index, upstream = lookup
    with tf.GradientTape() as tape:
        tape.watch(upstream)
        _, gradient = differentiate(layer, [index], [upstream])
    return tape.gradient(gradient, upstream, output_gradients=direction)


KERAS_TENSORFLOW = Framework(
    name="keras.layers.Embedding on TensorFlow",
    packages=("keras", *TENSORFLOW.packages),
    dtypes=layer.DTYPES,
    imports="""\
import os

os.environ["KERAS_BACKEND"] = "tensorflow"
import keras
import tensorflow as tf""",
    tensor=TENSORFLOW.tensor,
    array=layer.array,
    make=layer_with,
    made={"fresh": layer.fresh_layer},
    look_up=layer.look_up,
    differentiate=differentiate,
    weight_of=layer.weight_of,
    unsupported=layer.UNSUPPORTED,
    verbs={"again": again, "beside": beside, "second_order": second_order},
    shared=(layer_with,),
    flushes=flushing("bfloat16", "float32", "float64"),
)


def adapter(_: str) -> FrameworkAdapter:
    """The adapter of the bundled name."""
    return FrameworkAdapter(KERAS_TENSORFLOW)
