"""`keras.layers.Embedding` on TensorFlow."""

from __future__ import annotations

import os
from typing import Any

os.environ["KERAS_BACKEND"] = "tensorflow"  # Keras reads it when it is imported

import tensorflow as tf

from conformance.adapters import keras_layer
from conformance.adapters.framework import Framework, flushing
from conformance.adapters.framework_adapter import FrameworkAdapter
from conformance.adapters.tensorflow import TENSORFLOW

keras_layer.require("tensorflow")


def differentiate(layer: Any, indices: list[Any], upstreams: list[Any]) -> tuple[list[Any], Any]:
    """Outputs, and the vector-Jacobian product of the weight, as a whole where it comes as slices of rows."""
    with tf.GradientTape() as tape:
        outputs = [layer(index) for index in indices]
    return outputs, tf.convert_to_tensor(tape.gradient(outputs, layer.embeddings, output_gradients=upstreams))


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
    dtypes=keras_layer.DTYPES,
    imports="""\
import os

os.environ["KERAS_BACKEND"] = "tensorflow"
import keras
import tensorflow as tf""",
    tensor=TENSORFLOW.tensor,
    array=TENSORFLOW.array,
    make=keras_layer.make,
    look_up=keras_layer.look_up,
    differentiate=differentiate,
    weight_of=keras_layer.weight_of,
    unsupported=keras_layer.UNSUPPORTED,
    unchecked=keras_layer.unchecked("is refused on CPU alone"),
    casts=keras_layer.CASTS,
    verbs={"second_order": second_order},
    flushes=flushing("bfloat16", "float32", "float64"),
)


def adapter(_: str) -> FrameworkAdapter:
    """The adapter of the bundled name."""
    return FrameworkAdapter(KERAS_TENSORFLOW)
