"""The gradient of Embedding on torch cannot be differentiated where the index is empty: torch's backward of it raises.

Clauses: gradient.second-order-empty
"""

import os
import sys

os.environ["KERAS_BACKEND"] = "torch"

import keras
import torch

layer = keras.layers.Embedding(3, 2)
output = layer(torch.zeros(0, dtype=torch.int64))
upstream = torch.ones_like(output, requires_grad=True)
(gradient,) = torch.autograd.grad(output, layer.embeddings.value, upstream, create_graph=True)
print("gradient, all zero:", gradient.tolist())
try:
    (derivative,) = torch.autograd.grad(gradient, upstream, torch.ones_like(gradient))
except RuntimeError as error:
    print("its derivative by the upstream gradient, expected to be empty:", str(error).splitlines()[0])
    sys.exit(0)
print("its derivative by the upstream gradient:", derivative.tolist())
sys.exit(1)
