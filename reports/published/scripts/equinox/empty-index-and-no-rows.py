"""equinox.nn.Embedding without rows, mapped over an empty index, raises instead of giving an empty output.

Clauses: lookup.no-rows
"""

import sys

import equinox
import jax
import jax.numpy as jnp

embedding, index = equinox.nn.Embedding(0, 2, key=jax.random.key(0)), jnp.zeros(0, int)
print("expected: shape (0, 2), as embedding.weight[index] has:", embedding.weight[index].shape)
try:
    output = jax.vmap(embedding)(index)
except IndexError as error:
    print("came: IndexError:", error)
    sys.exit(0)
print("came: shape", output.shape)
sys.exit(1)
