"""On CUDA the backward of an empty index raises where scale_grad_by_freq is on.

Clauses: construction.to-empty, from_pretrained.trains, gradient.accumulates, gradient.form,
gradient.inputs-unchanged, gradient.leaves-weight, gradient.no-leak, gradient.one-graph, gradient.two-tables,
gradient.untouched-rows, gradient.upstream-layout, lookup.functional, lookup.no-rows, max_norm.no-columns,
module.cast-works, module.mode, module.zero-grad, padding_idx.none, scale_grad_by_freq.one-or-none, sequences.life,
gradient.one-graph-twice, gradient.sum
"""

import sys

import torch

embedding = torch.nn.Embedding(2, 2, scale_grad_by_freq=True, device="cuda")
output = embedding(torch.empty(0, dtype=torch.long, device="cuda"))
print("expected: a gradient of zeros")
try:
    output.sum().backward()
    print("came:", embedding.weight.grad)
except RuntimeError as error:
    print("came:", error)
    sys.exit()
sys.exit(1)
