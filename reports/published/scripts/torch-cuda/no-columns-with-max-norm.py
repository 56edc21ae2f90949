"""On CUDA max_norm reads from address 0 where embedding_dim is 0, at the cost of the CUDA context.

Clauses: max_norm.no-columns
"""

import sys

import torch

embedding = torch.nn.Embedding(2, 0, max_norm=1.0, device="cuda")
print("expected: an output without elements")
try:
    output = embedding(torch.tensor([1], device="cuda"))
    output.backward(torch.empty(1, 0, device="cuda"))
    torch.cuda.synchronize()
    print("came:", output.shape, embedding.weight.grad)
except RuntimeError as error:
    print("came:", error)
    sys.exit()
sys.exit(1)
