"""The decomposition of a lookup takes a bool index of two dimensions for a mask, where torch's embedding refuses it.

Clauses: lookup.wrong-index-dtype
"""

import sys

import torch
from torch._decomp import decompositions

weight = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
index = torch.tensor([[True, False], [False, True]])
print("expected: an exception, as torch.nn.functional.embedding raises one")
try:
    print("came:", decompositions.embedding(weight, index))
except (RuntimeError, IndexError, TypeError) as error:
    print("came:", error)
    sys.exit(1)
