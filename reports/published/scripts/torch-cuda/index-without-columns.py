"""On CUDA an index out of range is taken where rows have no elements: it is checked where they are copied.

The suite saw it there; this script itself has not run on CUDA yet.

Clauses: lookup.no-rows
"""

import sys

import torch

embedding = torch.nn.Embedding(0, 0, device="cuda", dtype=torch.complex128)
print("expected: an exception")
try:
    output = embedding(torch.tensor([0], device="cuda"))
    torch.cuda.synchronize()
except RuntimeError as error:
    print("came:", error)
    sys.exit(1)
print("came: an output of shape", tuple(output.shape))
