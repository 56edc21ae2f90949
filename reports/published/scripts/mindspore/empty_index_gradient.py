"""The gradient of nn.Embedding raises for an empty index, whose lookup gives an empty output (MindSpore on the CPU).

Clauses: gradient.sum, gradient.untouched-rows, gradient.form, gradient.one-graph, gradient.upstream-layout, gradient.inputs-unchanged, gradient.no-leak, gradient.leaves-weight, padding_idx.none, sequences.life
"""

import sys

import mindspore as ms
import numpy as np
from mindspore import nn

embedding = nn.Embedding(3, 2)
index = ms.Tensor(np.zeros((0,), "int32"))
print("lookup:", embedding(index).shape)

_, gradient_of = ms.vjp(embedding, index, weights=(embedding.embedding_table,))
try:
    gradient = gradient_of(ms.Tensor(np.zeros((0, 2), "float32")))[1][0]
    print("gradient, expected all zero:", gradient.asnumpy())
except RuntimeError as error:
    print("gradient, expected all zero, but:", str(error).strip().splitlines()[0])
    sys.exit(0)
sys.exit(1)
