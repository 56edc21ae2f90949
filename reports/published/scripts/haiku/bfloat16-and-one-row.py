"""haiku.Embed with one row makes zeros of bfloat16's subnormal numbers, and quiets signalling NaNs, on the CPU.

Clauses: lookup.bits, lookup.nan-payload, lookup.narrow-index-dtype, lookup.one-hot, gradient.second-order, gradient.two-tables
"""

import sys

import haiku
import jax
import jax.numpy as jnp
import numpy as np

stored = np.array([[0x0010, 0x8010, 0x7F81, 0x3F80]], "uint16")  # two subnormal numbers, a signalling NaN, and 1
weight, index = jnp.asarray(stored.view(jnp.bfloat16)), jnp.zeros(3, int)
embed = haiku.without_apply_rng(haiku.transform(lambda: haiku.Embed(1, 4)(index)))
output = jax.jit(embed.apply)({"embed": {"embeddings": weight}})
came = np.asarray(output).view("uint16")
print("stored and expected, for each of three lookups:", [hex(bits) for bits in stored[0]])
print("came:", [hex(bits) for bits in came[0]])
sys.exit(bool((came == stored).all()))
