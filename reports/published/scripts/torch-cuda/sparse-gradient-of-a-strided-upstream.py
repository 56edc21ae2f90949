"""On CUDA SGD adds a sparse gradient of one row to another row if the upstream gradient was not contiguous.

Clauses: sparse.other-rows, sparse.step
"""

import sys

import torch

embedding = torch.nn.Embedding.from_pretrained(torch.zeros(5, 1, device="cuda"), freeze=False, sparse=True)
optimizer = torch.optim.SGD(embedding.parameters(), lr=1.0)
upstream = torch.ones(1, 2, device="cuda")[:, ::2]
embedding(torch.tensor([2], device="cuda")).backward(upstream)
optimizer.step()
expected, came = [0.0, 0.0, -1.0, 0.0, 0.0], embedding.weight.flatten().tolist()
print(f"expected {expected}, came {came}, of a gradient of {embedding.weight.grad.to_dense().flatten().tolist()}")
sys.exit(came == expected)
