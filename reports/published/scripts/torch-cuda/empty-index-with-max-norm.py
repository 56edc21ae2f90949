"""On CUDA the lookup of an empty index raises where max_norm is given.

Clauses: construction.zero-sizes, construction.to-empty, from_pretrained.trains, gradient.form, gradient.frozen,
gradient.inputs-unchanged, gradient.no-grad, gradient.one-graph-twice, gradient.untouched-rows,
gradient.upstream-layout, lookup.device, lookup.functional, lookup.inputs-unchanged, lookup.no-leak, lookup.no-rows,
lookup.shape, max_norm.below, max_norm.no-columns, max_norm.zero, module.cast-works, module.mode, norm_type.default,
padding_idx.none, scale_grad_by_freq.one-or-none, sequences.life, sparse.empty, sparse.empty-step, sparse.layout,
sparse.rows, gradient.two-tables, gradient.sum
"""

import sys

import torch

embedding = torch.nn.Embedding(2, 2, max_norm=1.0, device="cuda")
print("expected: an output of shape (0, 2)")
try:
    print("came:", embedding(torch.empty(0, dtype=torch.long, device="cuda")).shape)
except RuntimeError as error:
    print("came:", error)
    sys.exit()
sys.exit(1)
