"""A row of finite numbers whose norm overflows on the way becomes zero, where it should end at max_norm.

Clauses: max_norm.accuracy
"""

import math
import sys

import torch

deviates = False
for dtype in (torch.float16, torch.bfloat16, torch.float32, torch.float64):
    largest = torch.finfo(dtype).max
    weight = torch.tensor([[0.9 * largest, 0.9 * largest]], dtype=dtype)
    row = torch.nn.Embedding.from_pretrained(weight, max_norm=1.0)(torch.tensor([0]))[0].tolist()
    print(f"{dtype}: expected twice {math.sqrt(0.5):.4f}, came {row}")
    deviates = deviates or row == [0.0, 0.0]
sys.exit(not deviates)
