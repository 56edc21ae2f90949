"""`oneflow.nn.Embedding`: modelled on torch's, with an implementation of its own; on Python 3.10, so in a worker."""

from __future__ import annotations

import copy as copies
import pickle
import tempfile
from typing import Any

import oneflow as flow
from oneflow import nn

from embedding_conformance.adapters.frameworks.framework import Framework, refuses, without
from embedding_conformance.adapters.frameworks.framework_adapter import FrameworkAdapter
from embedding_conformance.boundary.refusals import Unsupported


def tensor(array: Any, dtype: str) -> flow.Tensor:
    """A tensor of OneFlow."""
    if dtype in ("bfloat16", "complex64", "complex128"):
        raise TypeError(f"OneFlow makes no {dtype} of numpy's arrays")
    if not hasattr(flow, dtype):
        raise TypeError(f"OneFlow has no {dtype}")
    return flow.tensor(array, dtype=getattr(flow, dtype))


def array(tensor: flow.Tensor) -> tuple[Any, str]:
    """The tensor as numpy's."""
    return tensor.detach().numpy(), str(tensor.dtype).rpartition(".")[2]


def lay_out(tensor: flow.Tensor, layout: str) -> flow.Tensor:
    """The same elements in another memory layout."""
    if layout == "transposed":
        return tensor.transpose(0, -1).contiguous().transpose(0, -1)
    if layout == "strided":  # every other element of a wider last dimension
        return flow.stack([tensor, flow.zeros_like(tensor)], dim=-1).flatten(-2)[..., ::2]
    if layout == "sliced":  # the middle of a larger block
        return flow.cat([flow.zeros_like(tensor[:1]), tensor, flow.zeros_like(tensor[:1])])[1:-1]
    if layout == "columns":  # the middle columns of a wider block
        column = flow.zeros_like(tensor[..., :1])
        return flow.cat([column, tensor, column], dim=-1)[..., 1:-1]
    return tensor[:1].expand(*tensor.shape)


def make(
    num_embeddings: int, embedding_dim: int, weight: flow.Tensor, *, _freeze: bool = False, **arguments: Any
) -> nn.Embedding:
    """An embedding with this weight."""
    embedding = nn.Embedding(num_embeddings, embedding_dim, **arguments).to(weight.dtype)
    embedding.weight.data = weight
    embedding.weight.requires_grad_(not _freeze)
    return embedding


def make_given(
    num_embeddings: int, embedding_dim: int, weight: flow.Tensor, *, _freeze: bool = False, **arguments: Any
) -> nn.Embedding:
    """An embedding whose constructor is given the weight."""
    if _freeze:
        raise Unsupported("it has no _freeze")
    return nn.Embedding(num_embeddings, embedding_dim, _weight=weight, **arguments)


def make_fresh(
    num_embeddings: int, embedding_dim: int, dtype: str, *, _freeze: bool = False, **arguments: Any
) -> nn.Embedding:
    """An embedding as it initialises itself."""
    embedding = nn.Embedding(num_embeddings, embedding_dim, **arguments).to(getattr(flow, dtype))
    embedding.weight.requires_grad_(not _freeze)
    return embedding


class Functional:
    """A weight, and the arguments of `oneflow.nn.functional.embedding`."""

    def __init__(self, weight: flow.Tensor, **arguments: Any) -> None:
        self.weight, self.arguments = weight, arguments

    def __call__(self, index: flow.Tensor) -> flow.Tensor:
        """One lookup."""
        return nn.functional.embedding(index, self.weight, **self.arguments)


def make_functional(
    num_embeddings: int,  # noqa: ARG001 - the weight says it
    embedding_dim: int,  # noqa: ARG001 - the weight says it
    weight: flow.Tensor,
    *,
    _freeze: bool = False,
    **arguments: Any,
) -> Functional:
    """A weight for the functional form."""
    return Functional(weight.requires_grad_(not _freeze), **arguments)


def look_up(embedding: Any, index: flow.Tensor) -> flow.Tensor:
    """One lookup."""
    return embedding(index)


def look_up_untracked(embedding: Any, index: flow.Tensor) -> flow.Tensor:
    """One lookup under no_grad."""
    with flow.no_grad():
        return embedding(index)


def is_tracked(output: flow.Tensor) -> bool:
    """Whether it requires a gradient."""
    return bool(output.requires_grad)


def differentiate(embedding: Any, indices: list[Any], upstreams: list[Any]) -> tuple[list[Any], Any]:
    """Outputs, and the weight's gradient after their backward pass."""
    outputs = [embedding(index) for index in indices]
    if outputs:
        flow.autograd.backward(outputs, upstreams)
    return outputs, embedding.weight.grad


def weight_of(embedding: Any) -> flow.Tensor:
    """The weight."""
    return embedding.weight


def attributes(embedding: nn.Embedding) -> dict[str, Any]:
    """The attributes of the module and its weight."""
    names = ("num_embeddings", "embedding_dim", "padding_idx", "max_norm", "norm_type", "scale_grad_by_freq", "sparse")
    weight = embedding.weight
    return {
        **{name: getattr(embedding, name) for name in (*names, "training")},
        "requires_grad": weight.requires_grad,
        "dtype": str(weight.dtype).rpartition(".")[2],
        "shape": tuple(weight.shape),
        "device": weight.device.type,
        "class": type(embedding).__name__,
        "repr": repr(embedding),
    }


def overwrite(embedding: Any, lookup: tuple[Any, Any]) -> flow.Tensor:
    """Look up, overwrite the output, and return the weight."""
    embedding(lookup[0]).detach().fill_(7)
    return embedding.weight


def again(embedding: Any, lookup: tuple[Any, Any]) -> list[tuple[Any, Any]]:
    """Backpropagate twice through one graph."""
    index, upstream = lookup
    output = embedding(index)
    return [([output], flow.autograd.grad(output, embedding.weight, upstream, retain_graph=True)[0]) for _ in range(2)]


def beside(embedding: Any, weight: flow.Tensor, lookups: list[tuple[Any, Any]]) -> list[tuple[Any, Any]]:
    """Differentiate the lookups of two embeddings in one graph."""
    other = copies.deepcopy(embedding)
    other.weight.data = weight
    embeddings = (embedding, other)
    outputs = [one(index) for one, (index, _) in zip(embeddings, lookups)]
    flow.autograd.backward(outputs, [upstream for _, upstream in lookups])
    return [([output], one.weight.grad) for one, output in zip(embeddings, outputs)]


def use_first(embedding: Any, lookup: tuple[Any, Any], *, clone: bool) -> tuple[list[Any], Any]:
    """Use the weight, then look up, then differentiate both."""
    index, upstream = lookup
    squares = (embedding.weight.clone() if clone else embedding.weight).square()
    output = embedding(index)
    flow.autograd.backward([squares, output], [flow.ones_like(squares), upstream])
    return [output], embedding.weight.grad


def clear(embedding: nn.Embedding, *, to_none: bool = True) -> None:
    """Clear the gradient."""
    embedding.zero_grad(set_to_none=to_none)


def edit(embedding: Any, weight: flow.Tensor) -> None:
    """Write into the weight."""
    with flow.no_grad():
        embedding.weight.copy_(weight)


def freeze(embedding: Any, *, frozen: bool) -> None:
    """Exclude the weight from differentiation, or include it again."""
    embedding.weight.requires_grad_(not frozen)


def mode(embedding: nn.Embedding, *, training: bool) -> None:
    """`train()` or `eval()`."""
    embedding.train() if training else embedding.eval()


def cast(embedding: nn.Embedding, dtype: str, *, by_name: bool = False) -> None:
    """Convert the weight to another dtype."""
    names = {"float32": "float", "float64": "double"}
    getattr(embedding, names[dtype])() if by_name else embedding.to(getattr(flow, dtype))


def state(embedding: nn.Embedding) -> dict[str, flow.Tensor]:
    """The state."""
    return dict(embedding.state_dict())


def load(embedding: nn.Embedding, state: dict[str, flow.Tensor]) -> None:
    """Load a state."""
    embedding.load_state_dict(state)


def reset(embedding: nn.Embedding) -> None:
    """Draw the weight afresh."""
    embedding.reset_parameters()


def copy(embedding: nn.Embedding, how: str) -> nn.Embedding:
    """A copy."""
    if how == "deepcopy":
        return copies.deepcopy(embedding)
    if how == "pickle":
        return pickle.loads(pickle.dumps(embedding))  # noqa: S301 - our own bytes
    with tempfile.TemporaryDirectory() as folder:
        flow.save(embedding, f"{folder}/embedding")
        return flow.load(f"{folder}/embedding")


def optimizer(embedding: Any, name: str, options: dict[str, Any]) -> Any:
    """The optimiser of the same name."""
    if not hasattr(flow.optim, name):
        raise Unsupported(f"it has no {name}")
    return getattr(flow.optim, name)([embedding.weight], **options)


def step(embedding: Any, optimizer: Any, lookups: list[tuple[Any, Any]]) -> None:
    """One step of an optimiser."""
    optimizer.zero_grad(set_to_none=True)
    for index, upstream in lookups:
        embedding(index).backward(upstream)
    optimizer.step()


VERBS = (
    attributes,
    overwrite,
    again,
    beside,
    use_first,
    clear,
    edit,
    freeze,
    mode,
    cast,
    state,
    load,
    reset,
    copy,
    step,
)

ONEFLOW = Framework(
    name="oneflow.nn.Embedding",
    packages=("oneflow",),
    dtypes=("float32", "float64"),  # on the CPU, float16 has no kernel for a lookup without padding_idx
    imports="""\
import copy as copies
import pickle
import tempfile
from typing import Any

import oneflow as flow
from oneflow import nn""",
    tensor=tensor,
    array=array,
    lay_out=lay_out,
    make=make,
    made={"_weight": make_given, "fresh": make_fresh, "functional": make_functional},
    look_up=look_up,
    untracked=look_up_untracked,
    is_tracked=is_tracked,
    differentiate=differentiate,
    accumulates=True,
    weight_of=weight_of,
    optimizer=optimizer,
    verbs={verb.__name__: verb for verb in VERBS}
    | {"second_order": refuses("the operators of its gradient have no gradient of their own")},
    shared=(Functional,),
    unsupported=without("sparse", reason="it is not implemented, as the constructor says"),
)


def adapter(_: str) -> FrameworkAdapter:
    """The adapter of the bundled name."""
    return FrameworkAdapter(ONEFLOW)
