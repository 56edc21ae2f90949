"""With scale_grad_by_freq the gradient is divided by how often a row occurs, but its derivative is not.

Clauses: scale_grad_by_freq.second-order
"""

import sys

import torch

embedding = torch.nn.Embedding(1, 1, scale_grad_by_freq=True)
upstream = torch.tensor([[1.0], [1.0]], requires_grad=True)
output = embedding(torch.tensor([0, 0]))
(gradient,) = torch.autograd.grad(output, embedding.weight, upstream, create_graph=True)
(derivative,) = torch.autograd.grad(gradient, upstream, torch.ones_like(gradient))
print("the gradient is (u0 + u1) / 2, here", gradient.item())
print("its derivatives by u0 and u1: expected [0.5, 0.5], came", derivative.flatten().tolist())
sys.exit(derivative.flatten().tolist() == [0.5, 0.5])
