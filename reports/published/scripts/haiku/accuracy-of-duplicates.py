"""The gradient of haiku.Embed rounds to float16 or bfloat16 at every addition of a repeated index, on the CPU.

Clauses: gradient.accuracy
"""

import sys

import haiku
import jax
import jax.numpy as jnp

index = jnp.zeros(5, int)
terms = jnp.array([[2048.0], [8.0], [8.0], [1.0], [1.0]])
deviates = False
for dtype in (jnp.float16, jnp.bfloat16):
    embed = haiku.without_apply_rng(haiku.transform(lambda: haiku.Embed(2, 1)(index)))
    params = {"embed": {"embeddings": jnp.zeros((2, 1), dtype)}}
    gradient_of = jax.grad(lambda params, terms, embed=embed: (embed.apply(params) * terms).sum())
    gradient = gradient_of(params, terms.astype(dtype))["embed"]["embeddings"]
    expected = terms.sum().astype(dtype)
    print(f"{expected.dtype}: expected {expected}, which is the sum {terms.sum()} rounded once; came {gradient[0, 0]}")
    deviates = deviates or gradient[0, 0] != expected
sys.exit(not deviates)
