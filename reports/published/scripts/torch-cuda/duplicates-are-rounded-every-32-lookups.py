"""On CUDA the gradient of up to 3072 lookups is rounded to float16 or bfloat16 after every 32 of them.

Clauses: gradient.accuracy
"""

import sys

import torch

# 32 terms that come to 256, and after them one of 1 at a time, which bfloat16 loses each time: 256 + 1 is 256 there.
lookups = 32 * 9
upstream = torch.zeros(lookups, 1)
upstream[:32] = 8.0
upstream[32::32] = 1.0
expected = upstream.sum().to(torch.bfloat16).item()
embedding = torch.nn.Embedding(1, 1, dtype=torch.bfloat16, device="cuda")
embedding(torch.zeros(lookups, dtype=torch.long, device="cuda")).backward(upstream.to("cuda", torch.bfloat16))
came = embedding.weight.grad.item()
print(f"expected {expected}, which is the sum {upstream.sum().item()} rounded once; came {came}")
sys.exit(came == expected)
