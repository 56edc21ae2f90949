"""On CUDA, too, the second derivative ignores scale_grad_by_freq, and that of an empty index raises.

Clauses: scale_grad_by_freq.second-order, gradient.second-order-empty
"""

import sys

import torch


def second(index: list[int]) -> torch.Tensor:
    """How the squares of the gradient depend on the upstream gradient, which is all ones."""
    embedding = torch.nn.Embedding(2, 1, scale_grad_by_freq=bool(index), device="cuda")
    output = embedding(torch.tensor(index, dtype=torch.long, device="cuda"))
    upstream = torch.ones_like(output, requires_grad=True)
    (gradient,) = torch.autograd.grad(output, embedding.weight, upstream, create_graph=True)
    return torch.autograd.grad(gradient.sum(), upstream)[0]


came = second([1, 1]).flatten().tolist()
print(f"two lookups of a row: expected [0.5, 0.5], came {came}")
try:
    print("none: expected nothing, came", second([]))
except RuntimeError as error:
    print("none: expected nothing, came:", error)
    sys.exit(came == [0.5, 0.5])
sys.exit(1)
