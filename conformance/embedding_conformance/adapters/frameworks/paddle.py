"""`paddle.nn.Embedding`: it has all of the documented arguments, and an implementation of its own."""

from __future__ import annotations

import copy as copies
import pickle
from typing import Any

import numpy as np
import paddle
from paddle import nn
from paddle.nn import functional

from embedding_conformance.adapters.frameworks.framework import Framework, refuses
from embedding_conformance.adapters.frameworks.framework_adapter import FrameworkAdapter
from embedding_conformance.boundary.description import Declared
from embedding_conformance.boundary.refusals import Unsupported
from embedding_conformance.cases.features import NOT_NORMAL


def tensor(array: Any, dtype: str) -> paddle.Tensor:
    """A tensor of Paddle; bfloat16 comes as its bits."""
    return paddle.to_tensor(array.view("int16")).view("bfloat16") if dtype == "bfloat16" else paddle.to_tensor(array)


def array(tensor: paddle.Tensor) -> tuple[Any, str]:
    """The tensor as numpy's; of bfloat16 Paddle gives the bits."""
    return tensor.numpy(), str(tensor.dtype).rpartition(".")[2]


def lay_out(tensor: paddle.Tensor, layout: str) -> paddle.Tensor:
    """The same elements in another memory layout."""
    if layout == "transposed":
        order = list(range(tensor.ndim))
        order[0], order[-1] = order[-1], order[0]
        return tensor.transpose(order).contiguous().transpose(order)
    if layout == "strided":  # every other element of a wider last dimension
        wide = paddle.stack([tensor, paddle.zeros_like(tensor)], axis=-1).flatten(-2)
        return wide[..., ::2]
    if layout == "sliced":  # the middle of a larger block
        block = paddle.concat([paddle.zeros_like(tensor[:1]), tensor, paddle.zeros_like(tensor[:1])])
        return block[1:-1]
    if layout == "columns":  # the middle columns of a wider block
        column = paddle.zeros_like(tensor[..., :1])
        return paddle.concat([column, tensor, column], axis=-1)[..., 1:-1]
    return paddle.as_strided(tensor, tensor.shape, [0, *tensor.strides[1:]])  # expand() copies


def make(num_embeddings: int, embedding_dim: int, weight: paddle.Tensor, **arguments: Any) -> nn.Embedding:
    """An embedding with this weight."""
    embedding = nn.Embedding(num_embeddings, embedding_dim, **arguments).to(dtype=weight.dtype)
    embedding.weight.data = weight
    return embedding


def make_given(num_embeddings: int, embedding_dim: int, weight: paddle.Tensor, **arguments: Any) -> nn.Embedding:
    """An embedding whose constructor is given the weight."""
    return nn.Embedding(num_embeddings, embedding_dim, _weight=weight, **arguments)


def make_fresh(num_embeddings: int, embedding_dim: int, dtype: str, **arguments: Any) -> nn.Embedding:
    """An embedding as it initialises itself."""
    return nn.Embedding(num_embeddings, embedding_dim, dtype=dtype, **arguments)


def make_by_default(num_embeddings: int, embedding_dim: int, dtype: str, **arguments: Any) -> nn.Embedding:
    """An embedding of the default dtype."""
    before = paddle.get_default_dtype()
    paddle.set_default_dtype(dtype)
    try:
        return nn.Embedding(num_embeddings, embedding_dim, **arguments)
    finally:
        paddle.set_default_dtype(before)


class Functional:
    """A weight, and the arguments of `paddle.nn.functional.embedding`."""

    def __init__(self, weight: paddle.Tensor, **arguments: Any) -> None:
        self.weight, self.arguments = weight, arguments

    def __call__(self, index: paddle.Tensor) -> paddle.Tensor:
        """One lookup."""
        return functional.embedding(index, self.weight, **self.arguments)


def make_functional(
    num_embeddings: int,  # noqa: ARG001 - the weight says it
    embedding_dim: int,  # noqa: ARG001 - the weight says it
    weight: paddle.Tensor,
    *,
    _freeze: bool = False,
    **arguments: Any,
) -> Functional:
    """A weight for the functional form."""
    weight.stop_gradient = _freeze
    return Functional(weight, **arguments)


def look_up(embedding: Any, index: paddle.Tensor) -> paddle.Tensor:
    """One lookup."""
    return embedding(index)


def look_up_untracked(embedding: Any, index: paddle.Tensor) -> paddle.Tensor:
    """One lookup under no_grad."""
    with paddle.no_grad():
        return embedding(index)


def is_tracked(output: paddle.Tensor) -> bool:
    """Whether it requires a gradient."""
    return not output.stop_gradient


def parts(gradient: paddle.Tensor | None) -> Any:
    """A gradient as it is where it is dense; else its rows, their values, and the number of rows of the weight."""
    if gradient is None or not gradient.is_selected_rows():
        return gradient
    rows = gradient.get_selected_rows()
    return paddle.to_tensor(np.array(rows.rows(), "int64")), gradient._get_tensor_from_selected_rows(), rows.height()  # noqa: SLF001 - there is no other way


def differentiate(embedding: Any, indices: list[Any], upstreams: list[Any]) -> tuple[list[Any], Any]:
    """Outputs, and the weight's gradient after their backward pass."""
    outputs = [embedding(index) for index in indices]
    if outputs:
        paddle.autograd.backward(outputs, upstreams)
    return outputs, parts(embedding.weight.grad)


def weight_of(embedding: Any) -> paddle.Tensor:
    """The weight."""
    return embedding.weight


def attributes(embedding: nn.Embedding) -> dict[str, Any]:
    """The attributes of the module and its weight, but for the arguments, which are private."""
    weight = embedding.weight
    return {
        "requires_grad": not weight.stop_gradient,
        "dtype": str(weight.dtype).rpartition(".")[2],
        "shape": tuple(weight.shape),
        "device": "cpu" if weight.place.is_cpu_place() else str(weight.place),
        "training": embedding.training,
        "class": type(embedding).__name__,
    }


def overwrite(embedding: Any, lookup: tuple[Any, Any]) -> paddle.Tensor:
    """Look up, overwrite the output, and return the weight."""
    embedding(lookup[0]).detach().fill_(7)
    return embedding.weight


def again(embedding: Any, lookup: tuple[Any, Any]) -> list[tuple[Any, Any]]:
    """Backpropagate twice through one graph."""
    index, upstream = lookup
    output = embedding(index)
    return [([output], parts(paddle.grad(output, embedding.weight, upstream, retain_graph=True)[0])) for _ in range(2)]


def beside(embedding: Any, weight: paddle.Tensor, lookups: list[tuple[Any, Any]]) -> list[tuple[Any, Any]]:
    """Differentiate the lookups of two embeddings in one graph."""
    other = copies.deepcopy(embedding)
    other.weight.data = weight
    embeddings = (embedding, other)
    outputs = [one(index) for one, (index, _) in zip(embeddings, lookups)]
    paddle.autograd.backward(outputs, [upstream for _, upstream in lookups])
    return [([output], parts(one.weight.grad)) for one, output in zip(embeddings, outputs)]


def use_first(embedding: Any, lookup: tuple[Any, Any], *, clone: bool) -> tuple[list[Any], Any]:
    """Use the weight, then look up, then differentiate both."""
    index, upstream = lookup
    used = embedding.weight.clone() if clone else embedding.weight
    squares = used * used  # square() takes no bfloat16
    output = embedding(index)
    paddle.autograd.backward([squares, output], [paddle.ones_like(squares), upstream])
    return [output], parts(embedding.weight.grad)


def clear(embedding: Any, *, to_none: bool = True) -> None:
    """Clear the gradient."""
    if not to_none and getattr(embedding, "_sparse", False):
        raise Unsupported("a sparse gradient is dropped, not set to zeros")
    embedding.weight.clear_gradient(not to_none)  # by name the argument is ignored


def edit(embedding: Any, weight: paddle.Tensor) -> None:
    """Write into the weight."""
    with paddle.no_grad():
        paddle.assign(weight, embedding.weight)


def freeze(embedding: Any, *, frozen: bool) -> None:
    """Exclude the weight from differentiation, or include it again."""
    embedding.weight.stop_gradient = frozen


def mode(embedding: nn.Embedding, *, training: bool) -> None:
    """`train()` or `eval()`."""
    embedding.train() if training else embedding.eval()


def cast(embedding: nn.Embedding, dtype: str, *, by_name: bool = False) -> None:
    """Convert the weight to another dtype."""
    names = {"float16": "half", "bfloat16": "bfloat16", "float32": "float", "float64": "double"}
    getattr(embedding, names[dtype])() if by_name else embedding.to(dtype=dtype)


def state(embedding: nn.Embedding) -> dict[str, paddle.Tensor]:
    """The state."""
    return dict(embedding.state_dict())


def load(embedding: nn.Embedding, state: dict[str, paddle.Tensor]) -> None:
    """Load a state, strictly; Paddle itself only returns the names that did not fit."""
    if any(value.dtype != embedding.weight.dtype for value in state.values()):
        raise Unsupported("set_state_dict takes a state of the weight's own dtype only")
    missing, unexpected = embedding.set_state_dict(state)
    if missing or unexpected:
        raise ValueError(f"missing {missing}, unexpected {unexpected}")


def copy(embedding: nn.Embedding, how: str) -> nn.Embedding:
    """A copy."""
    if how == "save":
        raise Unsupported("paddle.save takes no layer, only its state")
    return copies.deepcopy(embedding) if how == "deepcopy" else pickle.loads(pickle.dumps(embedding))  # noqa: S301 - our own bytes


def optimizer(embedding: Any, name: str, options: dict[str, Any]) -> Any:
    """The optimiser of torch's name.

    Raises:
        Unsupported: it trains no tensor of this dtype.
    """
    weight = embedding.weight
    if not (weight.is_contiguous() or getattr(embedding, "_sparse", False)):
        raise Unsupported("its optimisers refuse a weight that is not contiguous")
    names = {"lr": "learning_rate", "eps": "epsilon", "nesterov": "use_nesterov"}
    given = {names.get(option, option): value for option, value in options.items()}
    if "betas" in given:
        given["beta1"], given["beta2"] = given.pop("betas")
    made = {"RMSprop": "RMSProp", "SparseAdam": "Adam"}.get(name, "Momentum" if "momentum" in options else name)
    if name == "SparseAdam":
        given["lazy_mode"] = True

    def optimizer_of(trained: paddle.Tensor) -> Any:
        return getattr(paddle.optimizer, made)(parameters=[trained], **given)

    try:
        trained = nn.Embedding(1, 1, sparse=getattr(embedding, "_sparse", False)).to(dtype=weight.dtype)
        trained(paddle.to_tensor([0])).sum().backward()
        optimizer_of(trained.weight).step()
    except Exception as error:
        raise Unsupported(f"{made} does not train {weight.dtype} on the CPU", asked=True) from error
    return optimizer_of(weight)


def step(embedding: Any, optimizer: Any, lookups: list[tuple[Any, Any]]) -> None:
    """One step of an optimiser."""
    optimizer.clear_grad(set_to_zero=False)
    for index, upstream in lookups:
        embedding(index).backward(upstream)
    optimizer.step()


PADDLE = Framework(
    name="paddle.nn.Embedding",
    packages=("paddlepaddle",),
    dtypes=("float16", "bfloat16", "float32", "float64"),  # of complex numbers it makes no weight by itself
    imports="""\
import copy as copies
import pickle
from typing import Any

import paddle
from paddle import nn
from paddle.nn import functional""",
    tensor=tensor,
    array=array,
    lay_out=lay_out,
    make=make,
    made={"_weight": make_given, "fresh": make_fresh, "default_dtype": make_by_default, "functional": make_functional},
    look_up=look_up,
    untracked=look_up_untracked,
    is_tracked=is_tracked,
    differentiate=differentiate,
    accumulates=True,
    weight_of=weight_of,
    optimizer=optimizer,
    verbs={
        verb.__name__: verb
        for verb in (
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
            copy,
            step,
        )
    }
    | {"second_order": refuses("the operator embedding_grad has no gradient")},
    shared=(Functional, parts),
    unsupported=(
        Declared(NOT_NORMAL, "a fresh weight is drawn in Paddle's own way, uniformly"),
        Declared({"embedding_dim": 0}, "rows without elements: the constructor refuses them"),
        Declared({"num_embeddings": 0}, "tables without rows: the constructor refuses them"),
        *(
            Declared({"dtype": dtype, feature: True}, f"on the CPU there is no kernel for {feature} with {dtype}")
            for dtype, feature in (
                ("float16", "max_norm"),
                ("bfloat16", "max_norm"),
                ("float16", "sparse"),
            )
        ),
    ),
    blank_pads="a lookup of padding_idx gives zeros, whatever its row holds, as Paddle's documentation says",
)


def adapter(_: str) -> FrameworkAdapter:
    """The adapter of the bundled name."""
    return FrameworkAdapter(PADDLE)
