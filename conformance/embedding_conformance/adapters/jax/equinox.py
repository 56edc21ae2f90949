"""`equinox.nn.Embedding`: it looks up a single index; `jax.vmap` maps it over more."""

from __future__ import annotations

from typing import Any

import equinox
import jax

from embedding_conformance.adapters.frameworks.framework_adapter import FrameworkAdapter
from embedding_conformance.adapters.jax import arrays
from embedding_conformance.adapters.jax.arrays import key


@equinox.filter_jit  # type: ignore[untyped-decorator]
def mapped(embedding: Any, index: jax.Array) -> jax.Array:
    """The rows of more than one index, compiled, as users mostly do with mapped functions."""
    for _ in index.shape:
        embedding = jax.vmap(embedding)
    return embedding(index)


def make(num_embeddings: int, embedding_dim: int, weight: jax.Array, **arguments: Any) -> tuple[Any, jax.Array]:
    """The lookup as a function of weight and index, and the weight."""
    return function_of(equinox.nn.Embedding(num_embeddings, embedding_dim, weight, **arguments))


def make_fresh(num_embeddings: int, embedding_dim: int, dtype: str, **arguments: Any) -> tuple[Any, jax.Array]:
    """The same of an embedding as it initialises itself."""
    return function_of(equinox.nn.Embedding(num_embeddings, embedding_dim, dtype=dtype, key=key(), **arguments))


def function_of(made: equinox.nn.Embedding) -> tuple[Any, jax.Array]:
    """The lookup as a function of weight and index, and the weight."""

    def apply(weight: jax.Array, index: jax.Array) -> jax.Array:
        embedding = equinox.tree_at(lambda embedding: embedding.weight, made, weight)
        return mapped(embedding, index) if index.shape else embedding(index)

    return apply, made.weight


def adapter(_: str) -> FrameworkAdapter:
    """The adapter of the bundled name."""
    return arrays.adapter(
        "equinox.nn.Embedding", "equinox", make, make_fresh, imports="import equinox", shared=(mapped, function_of)
    )
