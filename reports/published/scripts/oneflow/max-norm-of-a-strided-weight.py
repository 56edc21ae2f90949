"""With max_norm oneflow.nn.Embedding renormalises other elements than those of the row, if its weight is not contiguous.

Clauses: max_norm.renormalises, max_norm.other-rows, max_norm.no-grad, norm_type.default, norm_type.order,
lookup.no-leak, max_norm.accuracy, max_norm.below, max_norm.again, module.mode, max_norm.whole-number,
lookup.functional, max_norm.once, gradient.two-tables, max_norm.each-call, sequences.life
"""

import sys

import oneflow

embedding = oneflow.nn.Embedding(2, 2, max_norm=1.0)
embedding.weight.data = oneflow.tensor([[3.0, 30.0], [4.0, 40.0]]).transpose(0, 1)
print(f"weight: {embedding.weight.tolist()}")
embedding(oneflow.tensor([0]))
came = embedding.weight.tolist()
print(f"after a lookup of row 0: expected about [[0.6, 0.8], [30.0, 40.0]], came {came}")
sys.exit(came[1] == [30, 40])
