"""torch.compile takes an index out of range where rows have no elements; eager mode refuses it.

Clauses: lookup.no-rows
"""

import sys

import torch

embedding = torch.nn.Embedding(0, 0)
index = torch.tensor([0])
try:
    embedding(index)
except (IndexError, RuntimeError) as error:
    print("eager mode:", error)
print("expected: an exception")
try:
    output = torch.compile(embedding, fullgraph=True)(index)
except (IndexError, RuntimeError) as error:
    print("came:", error)
    sys.exit(1)
print("came: an output of shape", tuple(output.shape))
