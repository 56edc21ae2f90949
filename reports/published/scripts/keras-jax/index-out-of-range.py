"""keras.layers.Embedding on JAX answers an index out of range: the last row for -1, NaN for 3, and row 0 for 2**32.

Clauses: lookup.out-of-range, lookup.refusal-class, lookup.refusal-changes-nothing
"""

import os

os.environ["KERAS_BACKEND"] = "jax"
import jax
import keras
import numpy as np

jax.config.update("jax_enable_x64", True)  # else 2**32 is no index
layer = keras.layers.Embedding(3, 2)
layer.build()
layer.embeddings.assign(np.array([[1, 2], [3, 4], [5, 6]], "float32"))
for index in (-1, 3, 2**32):
    came = keras.ops.convert_to_numpy(layer(keras.ops.convert_to_tensor(np.array([index], "int64"))))
    print(f"index {index} of 3 rows: expected an exception, came", came.tolist())
