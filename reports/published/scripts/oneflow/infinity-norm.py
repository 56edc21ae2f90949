"""With norm_type=inf oneflow.nn.Embedding takes the norm of every row for 1, instead of its largest magnitude.

Clauses: norm_type.order, max_norm.renormalises, max_norm.output, max_norm.each-call, max_norm.accuracy,
sequences.life, gradient.two-tables, max_norm.again, max_norm.below, max_norm.once, module.mode, lookup.functional,
max_norm.no-grad, module.cast-works, lookup.no-leak
"""

import sys

import oneflow

came = {}
for max_norm in (0.5, 1.0, 2.0):
    embedding = oneflow.nn.Embedding(1, 2, max_norm=max_norm, norm_type=float("inf"))
    embedding.weight.data = oneflow.tensor([[3.0, 4.0]])
    came[max_norm] = embedding(oneflow.tensor([0])).tolist()[0]
    print(f"max_norm={max_norm}: expected {[0.75 * max_norm, max_norm]}, came {came[max_norm]}")
sys.exit(came[1.0] != [3, 4] or came[2.0] != [3, 4])
