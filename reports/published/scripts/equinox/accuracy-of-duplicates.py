"""The gradient of equinox.nn.Embedding rounds to float16 or bfloat16 at every addition of a repeated index, on the CPU.

Clauses: gradient.accuracy
"""

import sys

import equinox
import jax
import jax.numpy as jnp

index = jnp.zeros(5, int)
terms = jnp.array([[2048.0], [8.0], [8.0], [1.0], [1.0]])
deviates = False
for dtype in (jnp.float16, jnp.bfloat16):
    embedding = equinox.nn.Embedding(weight=jnp.zeros((2, 1), dtype))
    gradient = jax.grad(lambda embedding, terms: (jax.vmap(embedding)(index) * terms).sum())(
        embedding, terms.astype(dtype)
    ).weight
    expected = terms.sum().astype(dtype)
    print(f"{expected.dtype}: expected {expected}, which is the sum {terms.sum()} rounded once; came {gradient[0, 0]}")
    deviates = deviates or gradient[0, 0] != expected
sys.exit(not deviates)
