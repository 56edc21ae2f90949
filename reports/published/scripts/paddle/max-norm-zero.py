"""max_norm=0 has no effect in paddle.nn.Embedding, where it should leave no row with a norm above 0.

Clauses: max_norm.zero
"""

import sys

import paddle

embedding = paddle.nn.Embedding(2, 2, max_norm=0.0, weight_attr=paddle.nn.initializer.Constant(3.0))
output = embedding(paddle.to_tensor([1])).tolist()
print(f"expected: [[0.0, 0.0]]; came: {output}")
sys.exit(output != [[3, 3]])
