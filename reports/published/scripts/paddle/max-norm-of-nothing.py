"""With max_norm paddle.nn.Embedding refuses an empty index of two dimensions.

Clauses: lookup.shape, lookup.device, max_norm.below, sparse.empty
"""

import sys

import paddle

index = paddle.zeros([0, 3], dtype="int64")
print(f"without max_norm: an output of shape {paddle.nn.Embedding(3, 2)(index).shape}")
try:
    paddle.nn.Embedding(3, 2, max_norm=1.0)(index)
except ValueError as error:
    print(f"with max_norm: {error}")
    sys.exit(0)
sys.exit(1)
