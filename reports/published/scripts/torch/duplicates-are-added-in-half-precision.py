"""On CPU the gradient of a row that is looked up often is rounded to float16 or bfloat16 at each addition.

Clauses: gradient.accuracy
"""

import sys

import torch

index = torch.zeros(5, dtype=torch.long)
terms = torch.tensor([[2048.0], [8.0], [8.0], [1.0], [1.0]])
deviates = False
for dtype in (torch.float16, torch.bfloat16):
    embedding = torch.nn.Embedding(1, 1, dtype=dtype)
    embedding(index).backward(terms.to(dtype))
    gradient, expected = embedding.weight.grad.item(), terms.sum().to(dtype).item()
    print(f"{dtype}: expected {expected}, which is the sum {terms.sum().item()} rounded once; came {gradient}")
    deviates = deviates or gradient != expected
sys.exit(not deviates)
