"""The gradient of Embedding on torch loses duplicates in float16 and bfloat16: rows are added in that dtype (CPU).

Clauses: gradient.accuracy
"""

import os
import sys

os.environ["KERAS_BACKEND"] = "torch"

import keras
import torch

COUNT = 3000
seen = []
for dtype in ("float16", "bfloat16", "float32"):
    layer = keras.layers.Embedding(1, 1, dtype=dtype)
    output = layer(torch.zeros(COUNT, dtype=torch.int64))
    (gradient,) = torch.autograd.grad(output, layer.embeddings.value, torch.ones_like(output))
    seen.append(gradient.item())
    print(f"{dtype}: row 0 was looked up {COUNT} times, each with upstream gradient 1; its gradient is {seen[-1]}")
print("a sum in float32, rounded once, is 3000 in float16 and 3008 in bfloat16")

sys.exit(0 if seen == [2048, 256, COUNT] else 1)
