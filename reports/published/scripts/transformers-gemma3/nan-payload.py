"""Gemma 3's scaled embedding multiplies by embed_scale even where it is 1.0, which changes the bits of some NaN.

Clauses: lookup.bits, padding_idx.output
"""

import sys

import torch
from transformers.models.gemma3.modeling_gemma3 import Gemma3TextScaledWordEmbedding

deviates = False
for dtype, whole, nan in ((torch.float32, torch.int32, 0x7F800001), (torch.bfloat16, torch.int16, 0x7FC1)):
    weight = torch.tensor([[nan]], dtype=whole).view(dtype)
    embedding = Gemma3TextScaledWordEmbedding(1, 1, padding_idx=0, embed_scale=1.0)
    embedding.weight.data = weight
    came = embedding(torch.tensor([0])).view(whole).item()
    print(f"{dtype}: expected {nan:#x}, as from torch.nn.Embedding, came {came:#x}")
    deviates = deviates or came != nan
sys.exit(not deviates)
