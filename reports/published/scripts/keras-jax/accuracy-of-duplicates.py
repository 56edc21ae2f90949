"""The gradient of Embedding on JAX loses duplicates in float16 and bfloat16: rows are added in that dtype.

Clauses: gradient.accuracy
"""

import os
import sys

os.environ["KERAS_BACKEND"] = "jax"

import jax
import jax.numpy as jnp
import keras

COUNT = 3000
seen = []
for dtype in ("float16", "bfloat16", "float32"):
    layer = keras.layers.Embedding(1, 1, dtype=dtype)
    layer.build()
    index = jnp.zeros(COUNT, "int32")
    output, pull_back = jax.vjp(
        lambda weight, layer=layer, index=index: layer.stateless_call([weight], [], index)[0], layer.embeddings.value
    )
    seen.append(float(pull_back(jnp.ones_like(output))[0][0, 0]))
    print(f"{dtype}: row 0 was looked up {COUNT} times, each with upstream gradient 1; its gradient is {seen[-1]}")
print("a sum in float32, rounded once, is 3000 in float16 and 3008 in bfloat16")

sys.exit(0 if seen == [2048, 256, COUNT] else 1)
