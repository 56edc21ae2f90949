"""A bag of one row, summed, loses the sign of -0.0 and the bit of a signalling NaN.

Clauses: lookup.bits, lookup.no-leak, max_norm.output, scale_grad_by_freq.forward, lookup.layout, lookup.refusal-keeps-gradient
"""

import sys

import torch

bits = torch.tensor([[-(2**31), 0x7F800001]], dtype=torch.int32)
bag = torch.nn.EmbeddingBag.from_pretrained(bits.view(torch.float32), mode="sum")
came = bag(torch.tensor([[0]])).view(torch.int32)
print("expected", [hex(i % 2**32) for i in bits[0].tolist()], "came", [hex(i % 2**32) for i in came[0].tolist()])
sys.exit(torch.equal(came, bits))
