"""A bfloat16 nn.Embedding changes the subnormals and signalling NaNs that it looks up (tinygrad on the CPU).

Clauses: lookup.bits, lookup.nan-payload, lookup.narrow-index-dtype
"""

import sys

import numpy as np
from tinygrad import Tensor, dtypes, nn

row = [0x0010, 0x7F81, 0x3F80]  # a subnormal, a signalling NaN, and 1
embedding = nn.Embedding(3, 3)
embedding.weight = Tensor(np.array([row] * 3, "uint16")).bitcast(dtypes.bfloat16).realize()
output = embedding(Tensor(np.arange(3))).realize().bitcast(dtypes.uint16).numpy()
print("stored:", [hex(bits) for bits in row])
print("output:", [hex(bits) for bits in output[0]])
sys.exit(0 if output[0].tolist() != row else 1)
