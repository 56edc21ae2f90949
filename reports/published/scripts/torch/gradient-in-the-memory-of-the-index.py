"""A sparse gradient moves to other rows when the index that was looked up is filled anew.

Clauses: sparse.index-changed-later
"""

import sys

import torch

embedding = torch.nn.Embedding(3, 2, sparse=True)
index = torch.tensor([0])
embedding(index).backward(torch.ones(1, 2))
before = embedding.weight.grad.to_dense().tolist()
index.fill_(2)
after = embedding.weight.grad.to_dense().tolist()
print("gradient:", before, "- after the index was filled anew:", after)
sys.exit(before == after)
