"""`flax.linen.Embed`: `jnp.take` in a module that is given its parameters at each call."""

from __future__ import annotations

from typing import Any

import jax
from flax import linen

from embedding_conformance.adapters.frameworks.framework_adapter import FrameworkAdapter
from embedding_conformance.adapters.jax import arrays


def make(num_embeddings: int, embedding_dim: int, weight: jax.Array, **arguments: Any) -> tuple[Any, jax.Array]:
    """The lookup as a function of weight and index, and the weight."""
    # The weight replaces what the initialiser makes, but each call evaluates the initialiser's shape, and the default
    # one fails for a size of 0.
    zeros = linen.initializers.zeros
    embedding = linen.Embed(num_embeddings, embedding_dim, param_dtype=weight.dtype, embedding_init=zeros, **arguments)

    def apply(weight: jax.Array, index: jax.Array) -> jax.Array:
        return embedding.apply({"params": {"embedding": weight}}, index)

    return apply, weight


def adapter(_: str) -> FrameworkAdapter:
    """The adapter of the bundled name."""
    return arrays.adapter("flax.linen.Embed", "flax", make, imports="from flax import linen")
