"""The backward of a lookup of a 0-d index raises where sparse and padding_idx are given.

Clauses: sparse.padding-scalar
"""

import sys

import torch

embedding = torch.nn.Embedding(3, 2, padding_idx=0, sparse=True)
output = embedding(torch.tensor(1))
print("expected: a sparse gradient with ones in row 1, as without sparse, or without padding_idx")
try:
    output.backward(torch.ones(2))
except IndexError as error:
    print("came: IndexError:", error)
    sys.exit(0)
print("came:", embedding.weight.grad)
sys.exit(1)
