"""bitsandbytes.nn.Embedding.from_pretrained raises TypeError, as torch hands _freeze to a constructor without it.

Clauses: from_pretrained.values, from_pretrained.freeze, from_pretrained.keywords, from_pretrained.trains, from_pretrained.subclass, from_pretrained.padding-negative
"""

import sys

import torch
from bitsandbytes.nn import Embedding

weight = torch.ones(3, 2)
print("torch:", torch.nn.Embedding.from_pretrained(weight))
try:
    print("bitsandbytes:", Embedding.from_pretrained(weight))
except TypeError as error:
    print("bitsandbytes: TypeError:", error)
    sys.exit(0)
sys.exit(1)
