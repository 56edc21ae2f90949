"""On CUDA max_norm rescales memory that lies behind a strided weight, whatever it belongs to.

Clauses: gradient.sum
"""

import sys

import torch

memory = torch.ones(300, device="cuda")
weight = memory.as_strided((3, 33), (66, 2))  # its last element is memory[196]
embedding = torch.nn.Embedding.from_pretrained(weight, max_norm=1.0)
embedding(torch.tensor([2], device="cuda"))
came = memory[197:].cpu()
print(f"expected 103 ones behind the table, came {(came == 1).sum().item()} ones and {came[came != 1].tolist()}")
sys.exit(bool((came == 1).all()))
