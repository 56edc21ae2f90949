"""On CUDA the infinity norm of every row is taken to be 1: rows are left above max_norm, and short ones rescaled.

Clauses: construction.to-empty, lookup.functional, lookup.no-leak, max_norm.accuracy, max_norm.below,
max_norm.no-grad, max_norm.once, max_norm.renormalises, max_norm.whole-number, max_norm.zero, module.cast-works,
module.mode, norm_type.order, sequences.life, gradient.two-tables, max_norm.again, max_norm.each-call,
from_pretrained.padding-negative
"""

import sys

import torch

weight = torch.tensor([[39.0, 40.0], [0.25, 0.75]])
for max_norm, expected in ((1.0, [[0.975, 1.0], [0.25, 0.75]]), (0.8, [[0.78, 0.8], [0.25, 0.75]])):
    embedding = torch.nn.Embedding.from_pretrained(weight.cuda(), max_norm=max_norm, norm_type=float("inf"))
    came = embedding(torch.tensor([0, 1], device="cuda")).cpu()
    print(f"max_norm {max_norm}: expected {expected}, came {came.tolist()}")
    if torch.allclose(came, torch.tensor(expected)):
        sys.exit(1)
