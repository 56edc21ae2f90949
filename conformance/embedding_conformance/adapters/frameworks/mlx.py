"""`mlx.nn.Embedding`: a plain lookup, in an array framework for Apple silicon that also runs on Linux's CPUs."""

from __future__ import annotations

from typing import Any

import mlx.core as mx
import numpy as np
from mlx import nn

from embedding_conformance.adapters.frameworks.framework import NO_FREEZE, NO_STRIDES, Framework, without
from embedding_conformance.adapters.frameworks.framework_adapter import FrameworkAdapter
from embedding_conformance.boundary.description import Declared
from embedding_conformance.boundary.refusals import Unsupported


def tensor(array: Any, dtype: str) -> mx.array:
    """An array of MLX; bfloat16 comes as its bits."""
    if dtype == "bfloat16":
        return mx.array(array).view(mx.bfloat16)
    if dtype == "complex128":
        raise Unsupported("MLX has no complex128")
    return mx.array(array, dtype=getattr(mx, dtype + "_" * (dtype == "bool")))


def array(tensor: mx.array) -> tuple[Any, str]:
    """The array as numpy's."""
    dtype = str(tensor.dtype).rpartition(".")[2]
    return np.array(tensor.view(mx.uint16) if dtype == "bfloat16" else tensor), dtype


def make(num_embeddings: int, embedding_dim: int, weight: mx.array, **arguments: Any) -> nn.Embedding:
    """An embedding with this weight."""
    embedding = nn.Embedding(num_embeddings, embedding_dim, **arguments)
    embedding.weight = weight
    return embedding


def look_up(embedding: nn.Embedding, index: mx.array) -> mx.array:
    """One lookup."""
    output = embedding(index)
    mx.eval(output)
    return output


def differentiate(embedding: nn.Embedding, indices: list[Any], upstreams: list[Any]) -> tuple[list[Any], Any]:
    """Outputs, and the vector-Jacobian product of the weight."""

    def outputs_of(weight: mx.array) -> list[mx.array]:
        embedding.weight = weight
        return [embedding(index) for index in indices]

    weight = embedding.weight
    outputs, gradients = mx.vjp(outputs_of, [weight], upstreams)
    embedding.weight = weight
    mx.eval(outputs, gradients)
    return outputs, gradients[0]


def weight_of(embedding: nn.Embedding) -> mx.array:
    """The weight."""
    return embedding.weight


def beside(embedding: nn.Embedding, weight: mx.array, lookups: list[Any]) -> list[tuple[list[Any], Any]]:
    """A lookup of this embedding and one of another, which has the weight given, in one vector-Jacobian product."""
    rows, columns = weight.shape
    both, (indices, upstreams) = (embedding, make(rows, columns, weight)), zip(*lookups)

    def outputs_of(*weights: mx.array) -> list[mx.array]:
        for one, traced in zip(both, weights):
            one.weight = traced
        return [one(index) for one, index in zip(both, indices)]

    weights = [one.weight for one in both]
    outputs, gradients = mx.vjp(outputs_of, weights, list(upstreams))
    embedding.weight = weights[0]
    mx.eval(outputs, gradients)
    return [([output], gradient) for output, gradient in zip(outputs, gradients)]


def second_order(embedding: nn.Embedding, lookup: tuple[mx.array, mx.array], direction: mx.array) -> mx.array:
    """The derivative, by the upstream gradient, of the weight's gradient along a direction."""
    index, upstream = lookup

    def gradient_of(upstream: mx.array) -> list[mx.array]:
        return [differentiate(embedding, [index], [upstream])[1]]

    _, derivatives = mx.vjp(gradient_of, [upstream], [direction])
    mx.eval(derivatives)
    return derivatives[0]


def overwrite(embedding: nn.Embedding, lookup: tuple[mx.array, mx.array]) -> mx.array:
    """The weight, after the output of a lookup was overwritten."""
    index, _ = lookup
    output = embedding(index)
    output[...] = output + 1
    mx.eval(output)
    return embedding.weight


MLX = Framework(
    name="mlx.nn.Embedding",
    packages=("mlx",),
    dtypes=("float16", "bfloat16", "float32", "float64", "complex64"),
    imports="import mlx.core as mx\nimport mlx.nn as nn",
    tensor=tensor,
    array=array,
    make=make,
    look_up=look_up,
    differentiate=differentiate,
    weight_of=weight_of,
    unsupported=(
        *without("padding_idx", "max_norm", "scale_grad_by_freq", "sparse"),
        NO_FREEZE,
        *NO_STRIDES,
        Declared({"embedding_dim": 0}, "rows without elements: the constructor divides by embedding_dim"),
    ),
    verbs={"beside": beside, "second_order": second_order, "overwrite": overwrite},
)


def adapter(_: str) -> FrameworkAdapter:
    """The adapter of the bundled name."""
    return FrameworkAdapter(MLX)
