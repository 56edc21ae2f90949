"""torch.compile with aot_eager: with max_norm the gradient of a sparse embedding is dense, and a single index is not looked up.

Clauses: gradient.deterministic, gradient.inputs-unchanged, gradient.one-graph-twice, gradient.two-tables,
lookup.device, lookup.inputs-unchanged, lookup.no-leak, lookup.no-rows, lookup.shape, max_norm.accuracy,
max_norm.again, max_norm.below, max_norm.each-call, max_norm.gradient, max_norm.in-place, max_norm.infinite-row,
max_norm.nan-row, max_norm.not-finite, max_norm.once, max_norm.other-rows, max_norm.output, max_norm.renormalises,
max_norm.whole-number, max_norm.zero, module.cast-works, norm_type.default, norm_type.order, padding_idx.none,
sequences.life, sparse.coalesced, sparse.empty, sparse.empty-step, sparse.layout, sparse.rows, sparse.values
"""

import sys

import torch

deviates = False
for positions in ([0, 1], [0]):
    torch._dynamo.reset()  # noqa: SLF001
    embedding = torch.nn.Embedding(2, 1, max_norm=1.0, sparse=True)
    print(f"index {positions}: expected a gradient of layout torch.sparse_coo")
    try:
        output = torch.compile(embedding, backend="aot_eager", fullgraph=True)(torch.tensor(positions))
        output.sum().backward()
    except RuntimeError as error:
        if "data is not allocated" not in str(error):
            raise
        print("came:", str(error).strip().splitlines()[1])
        deviates = True
    else:
        print("came:", embedding.weight.grad.layout)
        deviates = deviates or embedding.weight.grad.layout is not torch.sparse_coo
sys.exit(not deviates)
