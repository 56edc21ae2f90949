"""With sparse=True and a padding_idx, the backward of a 0-d index raises on CUDA too.

Clauses: sparse.padding-scalar
"""

import sys

import torch

embedding = torch.nn.Embedding(2, 1, padding_idx=0, sparse=True, device="cuda")
print("expected: a sparse gradient of 1 in row 1")
try:
    embedding(torch.tensor(1, device="cuda")).backward(torch.ones(1, device="cuda"))
    print("came:", embedding.weight.grad)
except IndexError as error:
    print("came:", error)
    sys.exit()
sys.exit(1)
