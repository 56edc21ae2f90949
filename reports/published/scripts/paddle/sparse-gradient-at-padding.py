"""With sparse=True the gradient of paddle.nn.Embedding has entries for padding_idx, and an optimiser trains that row.

Clauses: sparse.padding, sparse.padding-scalar, padding_idx.no-gradient, padding_idx.training, gradient.two-tables,
lookup.functional, gradient.one-graph-twice, gradient.no-leak, padding_idx.others, padding_idx.negative,
max_norm.gradient, sparse.values, sparse.accumulates, sparse.step, module.mode, module.zero-grad, module.cast-works,
sequences.life
"""

import sys

import paddle

weights = {}
for sparse in (False, True):
    embedding = paddle.nn.Embedding(3, 2, padding_idx=0, sparse=sparse)
    optimizer = paddle.optimizer.SGD(learning_rate=1.0, parameters=embedding.parameters())
    embedding(paddle.to_tensor([0, 1, 0])).sum().backward()
    optimizer.step()
    weights[sparse] = embedding.weight[0].numpy()
print("The row at padding_idx, zeros when it was made, after one step of SGD; it is documented not to be updated.")
print(f"sparse=False: {weights[False]}; sparse=True: {weights[True]}")
sys.exit(not (weights[False] == 0).all() or not (weights[True] != 0).any())
