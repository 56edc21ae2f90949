"""A deep copy of an embedding of OneFlow whose weight does not require a gradient requires one.

Clauses: module.copies, sequences.life
"""

import copy
import sys

import oneflow

embedding = oneflow.nn.Embedding(3, 2)
embedding.weight.requires_grad_(False)
came = copy.deepcopy(embedding).weight.requires_grad
print(f"requires_grad of the copy: expected False, came {came}")
sys.exit(not came)
