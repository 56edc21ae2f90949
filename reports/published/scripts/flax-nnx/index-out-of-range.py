"""flax.nnx.Embed answers an index out of range: the last row for -1, NaN for 3, and row 0 for 2**32.

Clauses: lookup.out-of-range, lookup.refusal-class, lookup.refusal-changes-nothing
"""

import jax
import jax.numpy as jnp
from flax import nnx

jax.config.update("jax_enable_x64", True)  # else 2**32 is no index
table = jnp.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
embedding = nnx.Embed(3, 2, embedding_init=lambda *_: table, rngs=nnx.Rngs(0))


def look_up(index: int) -> jax.Array:
    """One row; whatever raises ends the script."""
    return embedding(jnp.array(index))


for index in (-1, 3, 2**32):
    print(f"index {index} of 3 rows: expected an exception, came", look_up(index).tolist())
