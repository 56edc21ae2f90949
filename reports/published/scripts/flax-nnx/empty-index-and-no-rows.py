"""flax.nnx.Embed without rows gives an empty index of two dimensions an output of the table's shape, as jnp.take does.

Clauses: lookup.no-rows
"""

import sys

import jax.numpy as jnp
from flax import nnx

table, index = jnp.zeros((0, 2)), jnp.zeros((0, 3), int)
embedding = nnx.Embed(0, 2, embedding_init=lambda *_: table, rngs=nnx.Rngs(0))
print("expected: (0, 3, 2), the index's shape with the features appended")
print("jnp.take:", jnp.take(table, index, axis=0).shape)
print("came:    ", embedding(index).shape)
sys.exit(embedding(index).shape == (0, 3, 2))
