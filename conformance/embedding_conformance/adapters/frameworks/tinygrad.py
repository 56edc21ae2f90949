"""`tinygrad.nn.Embedding`: a sum over the rows that an index is equal to, in a framework that compiles each shape."""

from __future__ import annotations

from typing import Any

from tinygrad import Tensor, dtypes, nn

from embedding_conformance.adapters.frameworks.framework import NO_FREEZE, NO_STRIDES, Framework, without
from embedding_conformance.adapters.frameworks.framework_adapter import FrameworkAdapter
from embedding_conformance.boundary.description import Declared
from embedding_conformance.boundary.refusals import Unsupported


def tensor(array: Any, dtype: str) -> Tensor:
    """A tensor of tinygrad; bfloat16 comes as its bits."""
    if dtype.startswith("complex"):
        raise Unsupported(f"tinygrad has no {dtype}")
    made = Tensor(array)
    return (made.bitcast(dtypes.bfloat16) if dtype == "bfloat16" else made).realize()


def array(tensor: Tensor) -> tuple[Any, str]:
    """The tensor as numpy's."""
    if tensor.dtype == dtypes.bfloat16:
        return tensor.bitcast(dtypes.uint16).numpy(), "bfloat16"
    found = tensor.numpy()
    return found, found.dtype.name


def make(num_embeddings: int, embedding_dim: int, weight: Tensor, **arguments: Any) -> nn.Embedding:
    """An embedding with this weight."""
    embedding = nn.Embedding(num_embeddings, embedding_dim, **arguments)
    embedding.weight = weight
    return embedding


def look_up(embedding: nn.Embedding, index: Tensor) -> Tensor:
    """One lookup."""
    return embedding(index).realize()


def differentiate(embedding: nn.Embedding, indices: list[Any], upstreams: list[Any]) -> tuple[list[Any], Any]:
    """Outputs, and the gradient of the weight through one tensor that holds them all."""
    outputs = [embedding(index) for index in indices]
    output, upstream = (Tensor.cat(*(t.flatten() for t in tensors)) for tensors in (outputs, upstreams))
    (gradient,) = output.gradient(embedding.weight, gradient=upstream)
    Tensor.realize(*outputs, gradient)
    return outputs, gradient


def weight_of(embedding: nn.Embedding) -> Tensor:
    """The weight."""
    return embedding.weight


TINYGRAD = Framework(
    name="tinygrad.nn.Embedding",
    packages=("tinygrad",),
    dtypes=("float16", "bfloat16", "float32", "float64"),
    imports="from typing import Any\nfrom tinygrad import Tensor, dtypes, nn",
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
        Declared(
            {"num_embeddings": 0, "embedding_dim": 0},
            "a table without rows or columns: the constructor divides by the sum of both",
        ),
    ),
)

try:
    Tensor([1.0]).cast(dtypes.bfloat16).realize()
except Exception as error:
    raise RuntimeError(
        "tinygrad compiles with clang, 15 or later for bfloat16; install it, or name it in CC"
    ) from error


def adapter(_: str) -> FrameworkAdapter:
    """The adapter of the bundled name."""
    return FrameworkAdapter(TINYGRAD)
