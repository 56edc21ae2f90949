"""An index on the device meta is taken by a weight on CUDA.

Clauses: lookup.other-device
"""

import sys

import torch

print("expected: an exception, as for an index on any other device than the weight's")
try:
    output = torch.nn.functional.embedding(torch.tensor([0, 1, 1], device="meta"), torch.ones(2, 4, device="cuda"))
    print(f"came: an output of shape {tuple(output.shape)} on {output.device}, which no index had a part in: {output}")
except (RuntimeError, NotImplementedError) as error:
    print("came:", error)
    sys.exit(1)
