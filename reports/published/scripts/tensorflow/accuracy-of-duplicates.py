"""The dense gradient of embedding_lookup loses duplicates in float16 and bfloat16: rows are added up in that dtype.

Clauses: gradient.accuracy
"""

import os
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import tensorflow as tf

COUNT = 3000
seen = []
for dtype in (tf.float16, tf.bfloat16, tf.float32):
    table = tf.Variable(tf.zeros((1, 1), dtype))
    with tf.GradientTape() as tape:
        output = tf.nn.embedding_lookup(table, tf.zeros(COUNT, tf.int64))
    slices = tape.gradient(output, table, output_gradients=tf.ones_like(output))
    seen.append(float(tf.convert_to_tensor(slices)[0, 0]))
    print(f"{dtype.name}: row 0 was looked up {COUNT} times, each with upstream gradient 1; its gradient is {seen[-1]}")
print("a sum in float32, rounded once, is 3000 in float16 and 3008 in bfloat16")

sys.exit(0 if seen == [2048, 256, COUNT] else 1)
