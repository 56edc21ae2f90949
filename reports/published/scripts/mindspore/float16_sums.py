"""The gradient of a float16 nn.Embedding adds in float16 itself, and stops growing at 2048 (MindSpore on the CPU).

Clauses: gradient.accuracy
"""

import sys

import mindspore as ms
import numpy as np
from mindspore import nn

count = 3000
embedding = nn.Embedding(1, 1, embedding_table=ms.Tensor(np.zeros((1, 1), "float16")))
index = ms.Tensor(np.zeros((count,), "int32"))

_, gradient_of = ms.vjp(embedding, index, weights=(embedding.embedding_table,))
gradient = gradient_of(ms.Tensor(np.ones((count, 1), "float16")))[1][0].asnumpy()
print(f"{count} lookups of one row, each with the upstream gradient 1: expected {count}, got {gradient[0, 0]}")
sys.exit(0 if gradient[0, 0] != count else 1)
