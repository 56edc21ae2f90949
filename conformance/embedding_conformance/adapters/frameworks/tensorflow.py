"""`tf.nn.embedding_lookup`: a gather of rows of a variable, whose gradient comes as slices of rows."""

from __future__ import annotations

from importlib import metadata
from typing import Any

import numpy as np
import tensorflow as tf

from embedding_conformance.adapters.frameworks.framework import NO_FREEZE, NO_STRIDES, Framework, flushing, without
from embedding_conformance.adapters.frameworks.framework_adapter import FrameworkAdapter
from embedding_conformance.boundary.refusals import Unsupported

CLIPS = "it clips the rows that are returned, and leaves the table as it is"


def tensor(array: Any, dtype: str) -> tf.Tensor:
    """A tensor of TensorFlow; bfloat16 comes as its bits."""
    return tf.constant(array.view(tf.bfloat16.as_numpy_dtype) if dtype == "bfloat16" else array)


def array(tensor: tf.Tensor) -> tuple[Any, str]:
    """The tensor as numpy's."""
    found = np.asarray(tensor)
    return (found.view("uint16") if tensor.dtype == tf.bfloat16 else found), tensor.dtype.name


def make(
    num_embeddings: int, embedding_dim: int, weight: tf.Tensor, *, sparse: bool = False, **arguments: Any
) -> tuple[tf.Variable, bool]:
    """A table with this weight, and whether its gradient is wanted in slices of rows, as it comes."""
    if "max_norm" in arguments:
        raise Unsupported(CLIPS)
    table = tf.Variable(weight, shape=(num_embeddings, embedding_dim))
    tf.nn.embedding_lookup(table, tf.zeros(0, tf.int32), **arguments)  # raises for an argument that it does not have
    return table, sparse


def look_up(embedding: tuple[tf.Variable, bool], index: tf.Tensor) -> tf.Tensor:
    """One lookup."""
    return tf.nn.embedding_lookup(embedding[0], index)


def differentiate(
    embedding: tuple[tf.Variable, bool], indices: list[Any], upstreams: list[Any]
) -> tuple[list[Any], Any]:
    """Outputs, and the vector-Jacobian product of the table: (rows, values) of its slices, or as a whole."""
    table, sparse = embedding
    with tf.GradientTape() as tape:
        outputs = [tf.nn.embedding_lookup(table, index) for index in indices]
    slices = tape.gradient(outputs, table, output_gradients=upstreams)
    return outputs, as_asked(slices, sparse)


def as_asked(slices: tf.IndexedSlices, sparse: bool) -> Any:
    """A gradient as (rows, values) of its slices, or as a whole."""
    return (slices.indices, slices.values) if sparse else tf.convert_to_tensor(slices)


def weight_of(embedding: tuple[tf.Variable, bool]) -> tf.Tensor:
    """The table."""
    return embedding[0].read_value()


def again(embedding: tuple[tf.Variable, bool], lookup: tuple[Any, Any]) -> list[tuple[list[Any], Any]]:
    """One lookup, and its vector-Jacobian product twice."""
    (table, sparse), (index, upstream) = embedding, lookup
    with tf.GradientTape(persistent=True) as tape:
        output = tf.nn.embedding_lookup(table, index)
    twice = [tape.gradient(output, table, output_gradients=upstream) for _ in range(2)]
    return [([output], as_asked(slices, sparse)) for slices in twice]


def beside(embedding: tuple[tf.Variable, bool], weight: tf.Tensor, lookups: list[Any]) -> list[tuple[list[Any], Any]]:
    """A lookup in this table and one in another, which has the weight given, in one vector-Jacobian product."""
    tables, (indices, upstreams) = [embedding[0], tf.Variable(weight)], zip(*lookups)
    with tf.GradientTape() as tape:
        outputs = [tf.nn.embedding_lookup(table, index) for table, index in zip(tables, indices)]
    gradients = tape.gradient(outputs, tables, output_gradients=list(upstreams))
    return [([output], as_asked(slices, embedding[1])) for output, slices in zip(outputs, gradients)]


def second_order(embedding: tuple[tf.Variable, bool], lookup: tuple[Any, Any], direction: tf.Tensor) -> tf.Tensor:
    """The derivative, by the upstream gradient, of the table's gradient along a direction."""
    index, upstream = lookup
    with tf.GradientTape() as tape:
        tape.watch(upstream)
        _, gradient = differentiate((embedding[0], False), [index], [upstream])
    return tape.gradient(gradient, upstream, output_gradients=direction)


TENSORFLOW = Framework(
    name="tf.nn.embedding_lookup",
    packages=(metadata.packages_distributions()["tensorflow"][0].replace("_", "-"),),  # or tensorflow-cpu, and others
    dtypes=("float16", "bfloat16", "float32", "float64", "complex64", "complex128"),
    imports="import tensorflow as tf",
    tensor=tensor,
    array=array,
    make=make,
    look_up=look_up,
    differentiate=differentiate,
    weight_of=weight_of,
    unsupported=(
        *without("padding_idx", "scale_grad_by_freq"),
        *without("max_norm", reason=CLIPS),
        NO_FREEZE,
        *NO_STRIDES,
    ),
    verbs={"again": again, "beside": beside, "second_order": second_order},
    shared=(as_asked,),
    flushes=flushing("bfloat16", "float32", "float64", "complex64", "complex128"),
)


def adapter(_: str) -> FrameworkAdapter:
    """The adapter of the bundled name."""
    return FrameworkAdapter(TENSORFLOW)
