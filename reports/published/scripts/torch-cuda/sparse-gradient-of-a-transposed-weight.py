"""On CUDA SGD adds a sparse gradient to a weight that is not contiguous as if it were: it trains other numbers.

Clauses: sparse.mixed, sparse.step, sparse.other-rows
"""

import sys

import torch

rows = torch.tensor([[0.0, 1.0], [2.0, 3.0]])
weight = rows.t().contiguous().cuda().t()
embedding = torch.nn.Embedding.from_pretrained(weight, freeze=False, sparse=True)
optimizer = torch.optim.SGD(embedding.parameters(), lr=1.0)
embedding(torch.tensor([1], device="cuda")).backward(torch.tensor([[3.0, 7.0]], device="cuda"))
optimizer.step()
expected, came = [[0.0, 1.0], [-1.0, -4.0]], embedding.weight.tolist()
print(f"expected {expected}, came {came}")
sys.exit(came == expected)
