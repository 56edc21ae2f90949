"""A second backward through paddle.nn.Embedding with sparse=True raises for bfloat16 on CPU.

Clauses: sparse.accumulates, sparse.mixed, sequences.life
"""

import sys

import paddle

embedding = paddle.nn.Embedding(3, 2, sparse=True, dtype="bfloat16")
print("expected: two gradients that add up")
try:
    for _ in range(2):
        output = embedding(paddle.to_tensor([1]))
        output.backward(paddle.ones_like(output))
except ValueError as error:
    print(f"came: {error}")
    sys.exit(0)
sys.exit(1)
