"""bitsandbytes.nn.Embedding(0, 0) raises ZeroDivisionError, as Xavier's distribution divides by the sum of the sizes.

Clauses: construction.zero-sizes, lookup.no-rows
"""

import sys

import torch
from bitsandbytes.nn import Embedding

print("torch:", torch.nn.Embedding(0, 0))
try:
    print("bitsandbytes:", Embedding(0, 0))
except ZeroDivisionError as error:
    print("bitsandbytes: ZeroDivisionError:", error)
    sys.exit(0)
sys.exit(1)
