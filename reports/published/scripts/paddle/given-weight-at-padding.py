"""paddle.nn.Embedding writes zeros into the tensor that it is given as _weight, in the row at padding_idx.

Clauses: construction.given-weight
"""

import sys

import paddle

weight = paddle.ones([3, 2])
paddle.nn.Embedding(3, 2, padding_idx=0, _weight=weight)
print(f"expected: the tensor that was given, all ones; came: {weight.tolist()}")
sys.exit(weight.tolist() != [[0, 0], [1, 1], [1, 1]])
