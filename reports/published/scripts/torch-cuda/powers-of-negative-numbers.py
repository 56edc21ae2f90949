"""On CUDA other norms than 1 and 2 are taken of signed numbers: negative ones count less than nothing, or give NaN.

Clauses: construction.to-empty, gradient.two-tables, lookup.functional, lookup.no-leak, max_norm.accuracy,
max_norm.again, max_norm.each-call, max_norm.no-grad, max_norm.once, max_norm.renormalises, max_norm.whole-number,
max_norm.zero, module.cast-works, module.mode, norm_type.order, sequences.life, from_pretrained.padding-negative
"""

import sys

import torch

weight = torch.tensor([[-3.0, -4.0], [5.0, -4.0]])
for p in (3.0, 1.5, 0.5):
    embedding = torch.nn.Embedding.from_pretrained(weight.cuda(), max_norm=1.0, norm_type=p)
    came = embedding(torch.tensor([0, 1], device="cuda")).cpu()
    norms = came.norm(p, dim=1).tolist()
    print(f"norm_type {p}: expected rows of norm 1, came norms {norms} of {came.tolist()}")
    if max(norms) < 1.001:
        sys.exit(1)
