"""An embedding whose max_norm is a whole number cannot be scripted, while eager mode takes it.

Clauses: max_norm.whole-number
"""

import sys

import torch

embedding = torch.nn.Embedding(2, 2, max_norm=1)
print("expected: a scripted module, as with max_norm=1.0")
try:
    torch.jit.script(embedding)
except RuntimeError as error:
    print("came:", str(error).strip().splitlines()[0])
    sys.exit(0)
print("came: a scripted module")
sys.exit(1)
