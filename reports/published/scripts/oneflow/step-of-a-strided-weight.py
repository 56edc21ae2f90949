"""oneflow.optim.SGD changes other elements than those with a gradient, if the weight is not contiguous.

Clauses: padding_idx.weight-decay, sequences.life, construction.reset-optimizer
"""

import sys

import oneflow

embedding = oneflow.nn.Embedding(2, 2)
embedding.weight.data = oneflow.tensor([[1.0, 3.0], [2.0, 4.0]]).transpose(0, 1)
optimizer = oneflow.optim.SGD([embedding.weight], lr=1.0)
print(f"weight: {embedding.weight.tolist()}")
embedding(oneflow.tensor([0])).sum().backward()
optimizer.step()
came = embedding.weight.tolist()
print(f"after a step for row 0: expected [[0.0, 1.0], [3.0, 4.0]], came {came}")
sys.exit(came == [[0, 1], [3, 4]])
