"""An index on the device meta is taken by a weight on the CPU, and the output is memory that nobody has written to.

Clauses: lookup.other-device
"""

import sys

import torch

index = torch.tensor([0, 1, 1])
weight = torch.ones(2, 4)
print("expected: an exception, as for an index on any other device than the weight's")
try:
    output = torch.nn.functional.embedding(index.to("meta"), weight)
except (RuntimeError, NotImplementedError) as error:
    print("came:", error)
    sys.exit(1)
print(f"came: an output of shape {tuple(output.shape)} on {output.device}, which no index had a part in: {output}")
