"""The constructor of bitsandbytes.nn.Embedding has no dtype and no _freeze, so that device is another position.

Clauses: construction.signature
"""

import inspect
import sys

import torch
from bitsandbytes.nn import Embedding, StableEmbedding

expected, came = (list(inspect.signature(one).parameters) for one in (torch.nn.Embedding, Embedding))
print("torch.nn.Embedding:", expected)
print("bitsandbytes.nn.Embedding:", came)
print("bitsandbytes.nn.StableEmbedding:", list(inspect.signature(StableEmbedding).parameters))
sys.exit(came == expected)
