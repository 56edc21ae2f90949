"""paddle.nn.Embedding makes zeros of a row with max_norm where the norm overflows on the way, though it is finite itself.

Clauses: max_norm.accuracy
"""

import sys

import numpy as np
import paddle

embedding = paddle.nn.Embedding(1, 2, max_norm=1.0)
embedding.weight.set_value(np.array([[3e20, 4e20]], "float32"))
row = embedding(paddle.to_tensor([0])).numpy()[0]
print(f"expected: [0.6 0.8]; came: {row}")
sys.exit(bool((row != 0).any()))
