"""flax.nnx.Embed gives another NaN than its bfloat16 table holds, as jnp.take does on the CPU.

Clauses: lookup.nan-payload
"""

import sys

import jax.numpy as jnp
import numpy as np
from flax import nnx

stored = np.array([[0x7FC5, 0x7F81], [0xFFC0, 0x3F80]], "uint16")  # three NaNs, and 1
weight, index = jnp.asarray(stored.view(jnp.bfloat16)), jnp.arange(2)
embedding = nnx.Embed(2, 2, param_dtype=jnp.bfloat16, embedding_init=lambda *_: weight, rngs=nnx.Rngs(0))
output = embedding(index)
came = np.asarray(output).view("uint16")
for name, bits in (("stored and expected", stored), ("came", came)):
    print(f"{name}: {[hex(one) for one in bits.flatten()]}")
print("jnp.take:", [hex(one) for one in np.asarray(jnp.take(weight, index, axis=0)).view("uint16").flatten()])
print("weight[index]:", [hex(one) for one in np.asarray(weight[index]).view("uint16").flatten()])
sys.exit(bool((came == stored).all()))
