"""On CUDA max_norm takes the stride of a row for its length: it reads and rescales too few numbers, or other rows too.

Clauses: gradient.two-tables, lookup.functional, lookup.no-leak, max_norm.accuracy, max_norm.again,
max_norm.clone-used-first, max_norm.each-call, max_norm.no-grad, max_norm.once, max_norm.renormalises,
max_norm.whole-number, max_norm.zero, module.cast-works, module.mode, norm_type.default, norm_type.order,
sequences.life, max_norm.below, max_norm.other-rows, from_pretrained.padding-negative
"""

import sys

import torch

rows = torch.tensor([[37.0, 38.0], [39.0, 40.0], [1.5, 2.0]])
expected = rows[1] / rows[1].norm()
wrong = 0
for name, weight in (("transposed", rows.t().contiguous().t()), ("strided", rows.repeat_interleave(2, dim=1)[:, ::2])):
    embedding = torch.nn.Embedding.from_pretrained(
        torch.empty_strided((3, 2), weight.stride(), device="cuda").copy_(rows), max_norm=1.0
    )
    embedding(torch.tensor([1], device="cuda"))
    came = embedding.weight.cpu()
    print(f"{name}: expected row 1 to become {expected.tolist()}, and rows 0 and 2 to stay; came {came.tolist()}")
    wrong += not torch.allclose(came[1], expected) or not came[[0, 2]].equal(rows[[0, 2]])
sys.exit(wrong < 2)
