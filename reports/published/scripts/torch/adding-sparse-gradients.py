"""Two backwards into one sparse gradient raise in float16, and in bfloat16 if an upstream gradient is not contiguous.

Clauses: sparse.accumulates, sparse.one-graph, sequences.life
"""

import sys

import torch

index = torch.tensor([0, 1])
refused = 0
for dtype in (torch.float16, torch.bfloat16):
    upstream = torch.ones(2, 2, dtype=dtype)[:, ::2]
    embedding = torch.nn.Embedding(2, 1, sparse=True, dtype=dtype)
    print(f"{dtype}: expected a gradient of [2, 2] after two backwards, as a dense one is")
    try:
        for _ in range(2):
            embedding(index).backward(upstream)
    except RuntimeError as error:
        print("came:", error)
        refused += 1
    else:
        print("came:", embedding.weight.grad.to_dense().flatten().tolist())
sys.exit(refused == 0)
