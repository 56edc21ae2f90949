"""keras.layers.Embedding on TensorFlow takes an index of any dtype, and cuts it to an integer.

Clauses: lookup.wrong-index-dtype
"""

import os

os.environ["KERAS_BACKEND"] = "tensorflow"
import keras
import numpy as np

layer = keras.layers.Embedding(3, 2)
layer.build()
layer.embeddings.assign(np.array([[1, 2], [3, 4], [5, 6]], "float32"))
for index in (1.9, True):
    came = keras.ops.convert_to_numpy(layer(keras.ops.convert_to_tensor([index])))
    print(f"index {index}: expected an exception, came", came.tolist())
