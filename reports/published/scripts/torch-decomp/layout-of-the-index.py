"""The decomposition of a lookup gives an output that is not contiguous where the index is transposed.

Clauses: lookup.contiguous
"""

import sys

import torch
from torch._decomp import decompositions

weight, index = torch.arange(6.0).reshape(3, 2), torch.tensor([[2, 0], [1, 2]]).t()
came = decompositions.embedding(weight, index).is_contiguous()
print("expected: a contiguous output, as torch.nn.functional.embedding gives; contiguous:", came)
sys.exit(came)
