"""A bfloat16 Embedding on JAX gives another NaN than its table holds, as jnp.take does on the CPU.

Clauses: lookup.nan-payload
"""

import os
import sys

os.environ["KERAS_BACKEND"] = "jax"

import jax.numpy as jnp
import keras
import numpy as np

stored = np.array([[0x7F81, 0x7FC1], [0xFF81, 0x3F80]], "uint16")  # three NaNs, and 1
layer = keras.layers.Embedding(2, 2, dtype="bfloat16")
layer.build()
layer.embeddings.assign(jnp.asarray(stored.view(jnp.bfloat16)))
held = np.asarray(layer.embeddings.value).view("uint16")
came = np.asarray(layer(jnp.arange(2))).view("uint16")
for name, bits in (("stored and expected", stored), ("held by the layer", held), ("came", came)):
    print(f"{name}: {[hex(one) for one in bits.flatten()]}")
sys.exit(0 if (held == stored).all() and not (came == stored).all() else 1)
