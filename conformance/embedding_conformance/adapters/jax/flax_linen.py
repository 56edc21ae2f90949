"""`flax.linen.Embed`: `jnp.take` in a module that is given its parameters at each call."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from flax import linen

from embedding_conformance.adapters.frameworks.framework_adapter import FrameworkAdapter
from embedding_conformance.adapters.jax import arrays
from embedding_conformance.adapters.jax.arrays import key


def make(num_embeddings: int, embedding_dim: int, weight: jax.Array, **arguments: Any) -> tuple[Any, jax.Array]:
    """The lookup as a function of weight and index, and the weight."""
    # The weight replaces what the initialiser makes, but each call evaluates the initialiser's shape, and the default
    # one fails for a size of 0.
    zeros = linen.initializers.zeros
    embedding = linen.Embed(num_embeddings, embedding_dim, param_dtype=weight.dtype, embedding_init=zeros, **arguments)

    def apply(weight: jax.Array, index: jax.Array) -> jax.Array:
        return embedding.apply({"params": {"embedding": weight}}, index)

    return apply, weight


def make_fresh(num_embeddings: int, embedding_dim: int, dtype: str, **arguments: Any) -> tuple[Any, jax.Array]:
    """The same of an embedding as it initialises itself."""
    embedding = linen.Embed(num_embeddings, embedding_dim, param_dtype=dtype, **arguments)
    parameters = embedding.init(key(), jnp.zeros(0, "int32"))["params"]
    return make(num_embeddings, embedding_dim, parameters["embedding"], **arguments)


def adapter(_: str) -> FrameworkAdapter:
    """The adapter of the bundled name."""
    return arrays.adapter(
        "flax.linen.Embed", "flax", make, make_fresh, imports="from flax import linen", shared=(make,)
    )
