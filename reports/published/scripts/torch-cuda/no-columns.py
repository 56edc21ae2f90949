"""On CUDA the backward writes to address 0 where embedding_dim is 0, at the cost of the CUDA context.

Clauses: construction.to-empty, from_pretrained.trains, gradient.accumulates, gradient.deterministic, gradient.form,
gradient.inputs-unchanged, gradient.leaves-weight, gradient.no-leak, gradient.one-graph, gradient.one-graph-twice,
gradient.second-order, gradient.second-order-padding, gradient.two-tables, gradient.untouched-rows,
gradient.upstream-layout, lookup.functional, lookup.no-rows, max_norm.no-columns, module.cast-works, module.mode,
module.zero-grad, padding_idx.none, sequences.life, sparse.step, gradient.sum
"""

import sys

import torch

embedding = torch.nn.Embedding(2, 0, device="cuda")
print("expected: a gradient without elements")
try:
    output = embedding(torch.tensor([1], device="cuda"))
    output.backward(torch.empty(1, 0, device="cuda"))
    torch.cuda.synchronize()
    print("came:", output.shape, embedding.weight.grad)
except RuntimeError as error:
    print("came:", error)
    sys.exit()
sys.exit(1)
