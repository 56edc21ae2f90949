"""vmap over the weight and the index keeps padding_idx out of the gradient of the first table alone.

Clauses: padding_idx.no-gradient, padding_idx.others, padding_idx.training, gradient.sum, gradient.upstream-layout, gradient.accumulates, gradient.one-graph, gradient.no-leak, lookup.refusal-keeps-gradient, gradient.two-tables, gradient.one-graph-twice, module.zero-grad, module.cast-works, sequences.life, gradient.second-order-padding, gradient.accuracy
"""

import sys

import torch

tables = torch.zeros(2, 3, 1, requires_grad=True)
index = torch.tensor([[0, 1], [0, 1]])
torch.func.vmap(lambda table, row: torch.nn.functional.embedding(row, table, padding_idx=0))(
    tables, index
).sum().backward()
came = tables.grad[:, 0, 0].tolist()
print(f"the gradient of the row at padding_idx of each table: expected [0.0, 0.0], came {came}")
sys.exit(came == [0.0, 0.0])
