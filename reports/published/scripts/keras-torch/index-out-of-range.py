"""keras.layers.Embedding on torch answers an index out of range: the last row for -1, and row 0 for 2**32.

Clauses: lookup.out-of-range, lookup.refusal-class, lookup.refusal-changes-nothing
"""

import os

os.environ["KERAS_BACKEND"] = "torch"
import keras
import numpy as np

layer = keras.layers.Embedding(3, 2)
layer.build()
layer.embeddings.assign(np.array([[1, 2], [3, 4], [5, 6]], "float32"))
for index in (-1, 2**32):
    came = keras.ops.convert_to_numpy(layer(keras.ops.convert_to_tensor(np.array([index], "int64"))))
    print(f"index {index} of 3 rows: expected an exception, came", came.tolist())
