"""The gradient of mlx.nn.Embedding raises for a table without rows, although an empty index can be looked up in it.

Clauses: lookup.no-rows
"""

import sys

import mlx.core as mx
from mlx import nn

embedding = nn.Embedding(0, 2)
index = mx.array([], dtype=mx.int64)
print("output:", embedding(index), "of shape", embedding(index).shape)
print("expected: a gradient of shape (0, 2)")
try:
    gradient = nn.value_and_grad(embedding, lambda index: embedding(index).sum())(index)[1]["weight"]
    mx.eval(gradient)
except ValueError as error:
    print("came: ValueError:", error)
    sys.exit(0)
print("came: shape", gradient.shape)
sys.exit(1)
