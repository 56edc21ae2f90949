"""A fresh bitsandbytes.nn.Embedding is drawn from Xavier's uniform distribution, not from N(0, 1) as torch's is.

Clauses: construction.normal, construction.covers, construction.reset-normal
"""

import sys

import torch
from bitsandbytes.nn import Embedding

torch.manual_seed(0)
for made in (torch.nn.Embedding(1000, 100), Embedding(1000, 100)):
    weight = made.weight.detach()
    spread = weight.std().item()
    print(f"{type(made).__module__}: standard deviation {spread:.3f}, largest {weight.abs().max().item():.3f}")
print("expected: a standard deviation of 1")
sys.exit(spread > 0.9)
