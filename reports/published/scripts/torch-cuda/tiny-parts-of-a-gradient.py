"""On CUDA the parts of a gradient that are below float32's normal numbers are lost where a row is looked up often.

Clauses: gradient.no-leak
"""

import sys

import torch

tiny = 1.1754942106924411e-38  # the largest subnormal number; each lookup adds tiny / count, and all of them tiny
for lookups in (33, 256):
    embedding = torch.nn.Embedding(5, 1, scale_grad_by_freq=True, device="cuda")
    embedding((torch.arange(lookups) % 5).cuda()).backward(torch.full((lookups, 1), tiny, device="cuda"))
    came = embedding.weight.grad.flatten().tolist()
    print(f"{lookups} lookups of 5 rows: expected five times about {tiny}, came {came}")
sys.exit(any(came))
