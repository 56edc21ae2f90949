"""paddle.optimizer.SGD with a sparse gradient spoils a weight that is not contiguous.

Clauses: sparse.step, sparse.other-rows, padding_idx.training, sequences.life
"""

import sys

import paddle

weight = paddle.create_parameter([2, 2], "float32")
weight.data = paddle.to_tensor([[1.0, 3.0], [2.0, 4.0]]).transpose([1, 0])
embedding = paddle.nn.Embedding(2, 2, sparse=True, _weight=weight)
optimizer = paddle.optimizer.SGD(learning_rate=1.0, parameters=[embedding.weight])
embedding(paddle.to_tensor([1])).sum().backward()
optimizer.step()
came = embedding.weight.numpy().tolist()
print(f"expected: [[1.0, 2.0], [2.0, 3.0]]; came: {came}")
sys.exit(came == [[1, 2], [2, 3]])
