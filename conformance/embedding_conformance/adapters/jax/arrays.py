"""The adapter that JAX's libraries share: an embedding is a pure function of weight and index, with its weight.

Each library makes that function in its own way; JAX differentiates it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from embedding_conformance.adapters.frameworks.framework import NO_FREEZE, NO_STRIDES, Framework, flushing, without
from embedding_conformance.adapters.frameworks.framework_adapter import FrameworkAdapter
from embedding_conformance.boundary.description import Declared
from embedding_conformance.cases.features import NOT_NORMAL

jax.config.update("jax_enable_x64", True)  # else int64 and float64 would become 32 bits wide


def tensor(array: Any, dtype: str) -> jax.Array:
    """An array of JAX; bfloat16 comes as its bits."""
    return jnp.asarray(array.view(jnp.bfloat16) if dtype == "bfloat16" else array)


def array(tensor: jax.Array) -> tuple[Any, str]:
    """The array as numpy's."""
    found = np.asarray(tensor)
    return (found.view("uint16") if found.dtype == jnp.bfloat16 else found), found.dtype.name


def key() -> jax.Array:
    """A key, from which JAX draws; two are never the same."""
    return jax.random.key(np.random.default_rng().integers(2**31))


def look_up(embedding: tuple[Any, jax.Array], index: jax.Array) -> jax.Array:
    """One lookup."""
    apply, weight = embedding
    return apply(weight, index)


def differentiate(embedding: tuple[Any, jax.Array], indices: list[Any], upstreams: list[Any]) -> tuple[list[Any], Any]:
    """Outputs, and the vector-Jacobian product of the weight."""
    apply, weight = embedding
    outputs, pull_back = jax.vjp(lambda weight: [apply(weight, index) for index in indices], weight)
    return outputs, pull_back(upstreams)[0]


def weight_of(embedding: tuple[Any, jax.Array]) -> jax.Array:
    """The weight."""
    return embedding[1]


def again(embedding: tuple[Any, jax.Array], lookup: tuple[Any, Any]) -> list[tuple[list[Any], Any]]:
    """One lookup, and its vector-Jacobian product twice."""
    (apply, weight), (index, upstream) = embedding, lookup
    output, pull_back = jax.vjp(lambda weight: apply(weight, index), weight)
    return [([output], pull_back(upstream)[0]) for _ in range(2)]


def beside(embedding: tuple[Any, jax.Array], weight: jax.Array, lookups: list[Any]) -> list[tuple[list[Any], Any]]:
    """A lookup with the embedding's weight and one with another, in one vector-Jacobian product."""
    (apply, own), (indices, upstreams) = embedding, zip(*lookups)
    outputs, pull_back = jax.vjp(lambda *weights: list(map(apply, weights, indices)), own, weight)
    return [([output], gradient) for output, gradient in zip(outputs, pull_back(list(upstreams)))]


def second_order(embedding: tuple[Any, jax.Array], lookup: tuple[Any, Any], direction: jax.Array) -> jax.Array:
    """The derivative, by the upstream gradient, of the weight's gradient along a direction."""
    (apply, weight), (index, upstream) = embedding, lookup
    _, pull_back = jax.vjp(lambda weight: apply(weight, index), weight)
    _, back_again = jax.vjp(lambda upstream: pull_back(upstream)[0], upstream)
    return back_again(direction)[0]


def adapter(
    name: str,
    package: str,
    make: Callable[..., tuple[Any, jax.Array]],
    fresh: Callable[..., tuple[Any, jax.Array]] | None = None,
    *,
    imports: str,
    shared: tuple[Callable[..., Any], ...] = (),
    unsupported: tuple[Declared, ...] = (),
) -> FrameworkAdapter:
    """The adapter of a library.

    Args:
        name: as its users call it.
        package: its distribution.
        make: (num_embeddings, embedding_dim, weight, **arguments) -> (apply, weight), where apply(weight, index) looks
            up.
        fresh: (num_embeddings, embedding_dim, dtype, **arguments) -> the same, as it initialises itself.
        imports: the statements that `make` needs, for the script.
        shared: functions that it calls, for the script.
        unsupported: what it does not claim, in addition to what no library of JAX has.
    """
    framework = Framework(
        name=name,
        packages=(package, "jax", "jaxlib"),
        dtypes=("float16", "bfloat16", "float32", "float64", "complex64", "complex128"),
        imports=f'import jax\nimport jax.numpy as jnp\n{imports}\n\njax.config.update("jax_enable_x64", True)',
        tensor=tensor,
        array=array,
        make=make,
        made={"fresh": fresh} if fresh else {},
        look_up=look_up,
        differentiate=differentiate,
        weight_of=weight_of,
        unsupported=(
            *without("padding_idx", "max_norm", "scale_grad_by_freq", "sparse"),
            NO_FREEZE,
            *NO_STRIDES,
            Declared(NOT_NORMAL, "a fresh weight is drawn in the library's own way"),
            *unsupported,
        ),
        # "Sharp bits" in JAX's documentation; float16 is computed in float32, where its subnormal numbers are normal.
        flushes=flushing("bfloat16", "float32", "float64", "complex64", "complex128"),
        forget=jax.clear_caches,  # a compiled program takes 4 MB
        verbs={"again": again, "beside": beside, "second_order": second_order},
        shared=(key, *shared),
    )
    return FrameworkAdapter(framework)
