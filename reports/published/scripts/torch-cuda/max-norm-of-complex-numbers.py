"""On CUDA max_norm is not implemented for complex weights; on the CPU it is.

Clauses: construction.to-empty, construction.zero-sizes, gradient.frozen, lookup.device, lookup.functional,
lookup.inputs-unchanged, lookup.no-rows, lookup.shape, max_norm.again, max_norm.below, max_norm.each-call,
max_norm.no-grad, max_norm.once, max_norm.other-rows, max_norm.output, max_norm.renormalises, max_norm.whole-number,
module.cast-works, module.mode, norm_type.default, norm_type.order, sequences.life
"""

import sys

import torch

index = torch.tensor([1])
weight = torch.ones(2, 2, dtype=torch.complex64)
print("expected, as on the CPU:", torch.nn.Embedding.from_pretrained(weight.clone(), max_norm=1.0)(index))
try:
    print("came:", torch.nn.Embedding.from_pretrained(weight.cuda(), max_norm=1.0)(index.cuda()))
except NotImplementedError as error:
    print("came:", error)
    sys.exit()
sys.exit(1)
