"""`haiku.Embed`: an indexed array in a function that is transformed to take its parameters."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import haiku
import jax

from embedding_conformance.adapters.frameworks.framework_adapter import FrameworkAdapter
from embedding_conformance.adapters.jax import arrays
from embedding_conformance.boundary.description import Declared


@functools.cache
def transformed(num_embeddings: int, embedding_dim: int, **arguments: Any) -> Callable[..., jax.Array]:
    """The lookup as a function of parameters and index; one for each shape, so that it is compiled once."""

    def embed(index: jax.Array) -> jax.Array:
        return haiku.Embed(num_embeddings, embedding_dim, **arguments)(index)

    apply: Callable[..., jax.Array] = jax.jit(haiku.without_apply_rng(haiku.transform(embed)).apply)
    return apply


def make(num_embeddings: int, embedding_dim: int, weight: jax.Array, **arguments: Any) -> tuple[Any, jax.Array]:
    """The lookup as a function of weight and index, and the weight."""
    embed = transformed(num_embeddings, embedding_dim, **arguments)

    def apply(weight: jax.Array, index: jax.Array) -> jax.Array:
        return embed({"embed": {"embeddings": weight}}, index)

    return apply, weight


def adapter(_: str) -> FrameworkAdapter:
    """The adapter of the bundled name."""
    zero = "the constructor takes a size of 0 for one that was not given, and raises"
    return arrays.adapter(
        "haiku.Embed",
        "dm-haiku",
        make,
        imports="import functools\nimport haiku",
        shared=(transformed,),
        unsupported=(Declared({"embedding_dim": 0}, zero), Declared({"num_embeddings": 0}, zero)),
    )
