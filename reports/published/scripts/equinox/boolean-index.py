"""equinox.nn.Embedding takes a boolean scalar for an index, and gives the whole table with one more axis.

Clauses: lookup.wrong-index-dtype
"""

import sys

import equinox
import jax
import jax.numpy as jnp

embedding = equinox.nn.Embedding(3, 2, key=jax.random.key(0))
print("expected: an exception, as for jnp.asarray(1.0); a single row has shape", embedding(jnp.asarray(1)).shape)
try:
    output = embedding(jnp.asarray(True))
except (TypeError, ValueError, IndexError) as error:
    print("came:", type(error).__name__)
    sys.exit(1)
print("came: shape", output.shape)
sys.exit(output.shape != (1, 3, 2))
