"""With max_norm paddle.nn.Embedding refuses an empty index of two dimensions.

Clauses: lookup.shape, lookup.device, max_norm.below, sparse.empty, module.mode, gradient.untouched-rows,
module.cast-works, gradient.no-grad, lookup.inputs-unchanged, lookup.functional, gradient.sum, gradient.form,
gradient.upstream-layout, gradient.one-graph-twice, gradient.inputs-unchanged, padding_idx.none, norm_type.default,
lookup.no-leak, gradient.frozen, sparse.layout, sparse.rows, sequences.life, gradient.two-tables,
scale_grad_by_freq.one-or-none
"""

import sys

import paddle

index = paddle.zeros([0, 3], dtype="int64")
print(f"without max_norm: an output of shape {paddle.nn.Embedding(3, 2)(index).shape}")
try:
    paddle.nn.Embedding(3, 2, max_norm=1.0)(index)
except ValueError as error:
    print(f"with max_norm: {error}")
    sys.exit(0)
sys.exit(1)
