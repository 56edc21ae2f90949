"""Renormalising rows without elements to an infinity norm raises, while every other norm_type takes their norm as zero.

Clauses: max_norm.no-columns
"""

import sys

import torch

index = torch.tensor([0])
refused = []
for norm_type in (1.0, 2.0, float("inf")):
    embedding = torch.nn.Embedding(1, 0, max_norm=1.0, norm_type=norm_type)
    try:
        print(f"norm_type={norm_type}: an output of shape", tuple(embedding(index).shape))
    except RuntimeError as error:
        print(f"norm_type={norm_type}: {error}")
        refused.append(norm_type)
print("refused: expected [], came", refused)
sys.exit(not refused)
