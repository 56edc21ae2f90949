"""A step of paddle.optimizer.Adagrad refuses the sparse gradient of an empty index.

Clauses: sparse.empty-step
"""

import sys

import paddle

embedding = paddle.nn.Embedding(3, 2, sparse=True)
optimizer = paddle.optimizer.Adagrad(learning_rate=1.0, parameters=embedding.parameters())
embedding(paddle.zeros([0], dtype="int64")).sum().backward()
print("expected: a step that changes nothing")
try:
    optimizer.step()
except RuntimeError as error:
    print(f"came: {error}")
    sys.exit(0)
sys.exit(1)
