"""`mindspore.nn.Embedding`: a gather, in a framework for Huawei's accelerators that also runs on CPUs."""

from __future__ import annotations

from typing import Any

import mindspore as ms
from mindspore import nn

from embedding_conformance.adapters.frameworks.framework import NO_FREEZE, NO_STRIDES, Framework, flushing, without
from embedding_conformance.adapters.frameworks.framework_adapter import FrameworkAdapter
from embedding_conformance.boundary.description import Declared
from embedding_conformance.boundary.refusals import Unsupported

# Else a kernel raises only when its values are read, and the next backward pass may miss them.
ms.runtime.launch_blocking()

PADDING = "padding_idx zeroes a row of a table that is being initialised, and has no part in lookup or gradient"


def tensor(array: Any, dtype: str) -> ms.Tensor:
    """A tensor of MindSpore; bfloat16 comes as its bits."""
    made = ms.Tensor(array)
    return made.view(ms.bfloat16) if dtype == "bfloat16" else made


def array(tensor: ms.Tensor) -> tuple[Any, str]:
    """The tensor as numpy's."""
    found = tensor.asnumpy()
    return found, found.dtype.name


def make(num_embeddings: int, embedding_dim: int, weight: ms.Tensor, **arguments: Any) -> nn.Embedding:
    """An embedding with this weight."""
    if "padding_idx" in arguments:
        raise Unsupported(PADDING)
    return nn.Embedding(num_embeddings, embedding_dim, embedding_table=weight, **arguments)


def look_up(embedding: nn.Embedding, index: ms.Tensor) -> ms.Tensor:
    """One lookup."""
    return embedding(index)


def differentiate(embedding: nn.Embedding, indices: list[Any], upstreams: list[Any]) -> tuple[Any, Any]:
    """Outputs, and the vector-Jacobian product of the weight."""

    def outputs_of(*indices: Any) -> Any:
        return tuple(embedding(index) for index in indices)

    outputs, product = ms.vjp(outputs_of, *indices, weights=(embedding.embedding_table,))
    _, (gradient,) = product(*upstreams)
    return outputs, gradient


def weight_of(embedding: nn.Embedding) -> ms.Tensor:
    """The weight."""
    return embedding.embedding_table


MINDSPORE = Framework(
    name="mindspore.nn.Embedding",
    packages=("mindspore",),
    dtypes=("float16", "float32", "float64", "complex64", "complex128"),
    imports="from typing import Any\nimport mindspore as ms\nfrom mindspore import nn\n\nms.runtime.launch_blocking()",
    tensor=tensor,
    array=array,
    make=make,
    look_up=look_up,
    differentiate=differentiate,
    weight_of=weight_of,
    unsupported=(
        *without("padding_idx", reason=PADDING),
        *without("max_norm", "scale_grad_by_freq", "sparse"),
        NO_FREEZE,
        *NO_STRIDES,
        Declared({"embedding_dim": 0}, "rows without elements: their gradient is refused"),
        Declared({"num_embeddings": 0}, "a table without rows: its gradient is refused"),
    ),
    # Its threads set the processor's mode for this, which float16 does not have.
    flushes=flushing("float32", "float64", "complex64", "complex128"),
)


def adapter(_: str) -> FrameworkAdapter:
    """The adapter of the bundled name."""
    return FrameworkAdapter(MINDSPORE)
