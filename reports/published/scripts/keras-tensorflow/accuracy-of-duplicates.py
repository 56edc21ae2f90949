"""The dense gradient of Embedding on TensorFlow loses duplicates in float16 and bfloat16: rows are added in that dtype.

Clauses: gradient.accuracy
"""

import os
import sys

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import keras
import tensorflow as tf

COUNT = 3000
seen = []
for dtype in ("float16", "bfloat16", "float32"):
    layer = keras.layers.Embedding(1, 1, dtype=dtype)
    with tf.GradientTape() as tape:
        output = layer(tf.zeros(COUNT, tf.int64))
    gradient = tape.gradient(output, layer.embeddings, output_gradients=tf.ones_like(output))
    seen.append(float(tf.convert_to_tensor(gradient)[0, 0]))
    print(f"{dtype}: row 0 was looked up {COUNT} times, each with upstream gradient 1; its gradient is {seen[-1]}")
print("a sum in float32, rounded once, is 3000 in float16 and 3008 in bfloat16")

sys.exit(0 if seen == [2048, 256, COUNT] else 1)
