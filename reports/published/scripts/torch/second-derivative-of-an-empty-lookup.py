"""The second derivative of a lookup of nothing raises, as a length left open in a reshape is ambiguous for no elements.

Clauses: gradient.second-order-empty
"""

import sys

import torch

embedding = torch.nn.Embedding(3, 2)
upstream = torch.empty(0, 2, requires_grad=True)
output = embedding(torch.empty(0, dtype=torch.long))
(gradient,) = torch.autograd.grad(output, embedding.weight, upstream, create_graph=True)
print("expected: a derivative of shape (0, 2)")
try:
    (derivative,) = torch.autograd.grad(gradient, upstream, torch.ones_like(gradient))
except RuntimeError as error:
    print("came:", error)
    sys.exit(0)
print("came: a derivative of shape", tuple(derivative.shape))
sys.exit(1)
