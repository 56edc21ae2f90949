"""What was computed of the weight before oneflow.nn.Embedding renormalises it is differentiated with the new values.

Clauses: max_norm.used-first
"""

import sys

import oneflow

embedding = oneflow.nn.Embedding(1, 2, max_norm=1.0)
embedding.weight.data = oneflow.tensor([[3.0, 4.0]])
squares = embedding.weight.square().sum()
embedding(oneflow.tensor([0]))
squares.backward()
came = embedding.weight.grad.tolist()
print(f"the derivative of the squares of [3, 4]: expected [[6.0, 8.0]], or a refusal as of a saved tensor; came {came}")
sys.exit(came == [[6, 8]])
