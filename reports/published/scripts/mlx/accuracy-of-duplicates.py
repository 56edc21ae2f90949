"""The gradient of mlx.nn.Embedding rounds to float16 or bfloat16 at every addition of a repeated index.

Clauses: gradient.accuracy
"""

import sys

import mlx.core as mx
from mlx import nn

index = mx.array([0, 0, 0, 0, 0])
terms = mx.array([[2048.0], [8.0], [8.0], [1.0], [1.0]])
embedding = nn.Embedding(1, 1)
loss_and_gradient = nn.value_and_grad(embedding, lambda terms: (embedding(index) * terms).sum())
deviates = False
for dtype in (mx.float16, mx.bfloat16):
    embedding.set_dtype(dtype)
    gradient = loss_and_gradient(terms.astype(dtype))[1]["weight"].item()
    expected = terms.sum().astype(dtype).item()
    print(f"{dtype}: expected {expected}, which is the sum {terms.sum().item()} rounded once; came {gradient}")
    deviates = deviates or gradient != expected
sys.exit(not deviates)
