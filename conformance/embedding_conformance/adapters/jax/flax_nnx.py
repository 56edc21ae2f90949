"""`flax.nnx.Embed`: `jnp.take` in a module that holds its parameters."""

from __future__ import annotations

from typing import Any

import jax
from flax import nnx

from embedding_conformance.adapters.frameworks.framework_adapter import FrameworkAdapter
from embedding_conformance.adapters.jax import arrays
from embedding_conformance.adapters.jax.arrays import key


def make(num_embeddings: int, embedding_dim: int, weight: jax.Array, **arguments: Any) -> tuple[Any, jax.Array]:
    """The lookup as a function of weight and index, and the weight."""
    embedding = nnx.Embed(
        num_embeddings,
        embedding_dim,
        param_dtype=weight.dtype,
        embedding_init=lambda *_: weight,
        rngs=nnx.Rngs(0),
        **arguments,
    )
    return function_of(embedding)


def make_fresh(num_embeddings: int, embedding_dim: int, dtype: str, **arguments: Any) -> tuple[Any, jax.Array]:
    """The same of an embedding as it initialises itself."""
    return function_of(nnx.Embed(num_embeddings, embedding_dim, param_dtype=dtype, rngs=nnx.Rngs(key()), **arguments))


def function_of(embedding: nnx.Embed) -> tuple[Any, jax.Array]:
    """The lookup as a function of weight and index, and the weight."""
    graph, state = nnx.split(embedding)

    def apply(weight: jax.Array, index: jax.Array) -> jax.Array:
        return nnx.merge(graph, jax.tree.map(lambda _: weight, state))(index)

    return apply, embedding.embedding[...]


def adapter(_: str) -> FrameworkAdapter:
    """The adapter of the bundled name."""
    return arrays.adapter(
        "flax.nnx.Embed", "flax", make, make_fresh, imports="from flax import nnx", shared=(function_of,)
    )
