"""`keras.layers.Embedding` on torch."""

from __future__ import annotations

import os
from typing import Any

os.environ["KERAS_BACKEND"] = "torch"  # Keras reads it when it is imported

import torch

from embedding_conformance.adapters.frameworks.framework import Framework
from embedding_conformance.adapters.frameworks.framework_adapter import FrameworkAdapter
from embedding_conformance.adapters.keras import layer

layer.require("torch")
layer_with, weight_of = layer.layer_with, layer.weight_of


def tensor(array: Any, dtype: str) -> torch.Tensor:
    """A tensor of torch; bfloat16 comes as its bits."""
    return torch.from_numpy(array).view(getattr(torch, dtype))


def array(tensor: torch.Tensor) -> tuple[Any, str]:
    """The tensor as numpy's."""
    dtype = str(tensor.dtype).rpartition(".")[2]
    return (tensor.detach().view(torch.uint16) if dtype == "bfloat16" else tensor.detach()).numpy(), dtype


def differentiate(layer: Any, indices: list[Any], upstreams: list[Any]) -> tuple[list[Any], Any]:
    """Outputs, and the vector-Jacobian product of the weight."""
    outputs = [layer(index) for index in indices]
    (gradient,) = torch.autograd.grad(outputs, layer.embeddings.value, upstreams)
    return outputs, gradient


def again(layer: Any, lookup: tuple[Any, Any]) -> list[tuple[list[Any], Any]]:
    """One lookup, and its vector-Jacobian product twice."""
    index, upstream = lookup
    output, weight = layer(index), layer.embeddings.value
    return [([output], torch.autograd.grad(output, weight, upstream, retain_graph=True)[0]) for _ in range(2)]


def beside(layer: Any, weight: torch.Tensor, lookups: list[Any]) -> list[tuple[list[Any], Any]]:
    """A lookup of this layer and one of another, which has the weight given, in one vector-Jacobian product."""
    layers, (indices, upstreams) = (layer, layer_with(weight.shape[0], weight.shape[1], weight)), zip(*lookups)
    outputs = [one(index) for one, index in zip(layers, indices)]
    gradients = torch.autograd.grad(outputs, [one.embeddings.value for one in layers], upstreams)
    return [([output], gradient) for output, gradient in zip(outputs, gradients)]


def overwrite(layer: Any, lookup: tuple[Any, Any]) -> torch.Tensor:
    """The weight, after the output of a lookup was overwritten."""
    index, _ = lookup
    layer(index).detach().view(torch.uint8).bitwise_not_()
    return weight_of(layer)


def second_order(layer: Any, lookup: tuple[Any, Any], direction: torch.Tensor) -> torch.Tensor:
    """The derivative, by the upstream gradient, of the weight's gradient along a direction."""
    index, upstream = lookup
    upstream.requires_grad_()
    (gradient,) = torch.autograd.grad(layer(index), layer.embeddings.value, upstream, create_graph=True)
    return torch.autograd.grad(gradient, upstream, direction)[0]


KERAS_TORCH = Framework(
    name="keras.layers.Embedding on torch",
    packages=("keras", "torch"),
    dtypes=layer.DTYPES,
    imports="""\
import os

os.environ["KERAS_BACKEND"] = "torch"
import keras
import torch""",
    tensor=tensor,
    array=array,
    make=layer_with,
    made={"fresh": layer.fresh_layer},
    look_up=layer.look_up,
    differentiate=differentiate,
    weight_of=weight_of,
    unsupported=layer.UNSUPPORTED,
    verbs={"again": again, "beside": beside, "second_order": second_order, "overwrite": overwrite},
    shared=(layer_with, weight_of),
)


def adapter(_: str) -> FrameworkAdapter:
    """The adapter of the bundled name."""
    return FrameworkAdapter(KERAS_TORCH)
