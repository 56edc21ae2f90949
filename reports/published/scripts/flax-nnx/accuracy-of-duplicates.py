"""The gradient of flax.nnx.Embed rounds to float16 or bfloat16 at every addition of a repeated index, on the CPU.

Clauses: gradient.accuracy
"""

import sys

import jax.numpy as jnp
from flax import nnx

index = jnp.zeros(5, int)
terms = jnp.array([[2048.0], [8.0], [8.0], [1.0], [1.0]])
deviates = False
for dtype in (jnp.float16, jnp.bfloat16):
    embedding = nnx.Embed(2, 1, param_dtype=dtype, rngs=nnx.Rngs(0))
    gradient_of = nnx.grad(lambda embedding, terms: (embedding(index) * terms).sum())
    gradient = gradient_of(embedding, terms.astype(dtype)).embedding[...]
    expected = terms.sum().astype(dtype)
    print(f"{expected.dtype}: expected {expected}, which is the sum {terms.sum()} rounded once; came {gradient[0, 0]}")
    deviates = deviates or gradient[0, 0] != expected
sys.exit(not deviates)
