"""`mlx.nn.Embedding`: a plain lookup, in an array framework for Apple silicon that also runs on Linux's CPUs."""

from __future__ import annotations

from typing import Any

import mlx.core as mx
import numpy as np
from mlx import nn

from conformance.adapter import Declared
from conformance.adapters.framework import NO_FREEZE, NO_STRIDES, Framework, without
from conformance.adapters.framework_adapter import FrameworkAdapter


def tensor(array: Any, dtype: str) -> mx.array:
    """An array of MLX; bfloat16 comes as its bits."""
    if dtype == "bfloat16":
        return mx.array(array).view(mx.bfloat16)
    if dtype == "complex128":
        raise TypeError("MLX has no complex128")
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


MLX = Framework(
    name="mlx.nn.Embedding",
    packages=("mlx",),
    dtypes=("float16", "bfloat16", "float32", "complex64"),
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
    unchecked="MLX does not check them, as its documentation says",
)


def adapter(_: str) -> FrameworkAdapter:
    """The adapter of the bundled name."""
    return FrameworkAdapter(MLX)
