"""vmap over the weight and the index takes an index out of range for a row of another table.

Clauses: lookup.out-of-range, lookup.refusal-changes-nothing, lookup.refusal-class
"""

import sys

import torch

tables = torch.tensor([[[1.0], [2.0]], [[3.0], [4.0]]])
index = torch.tensor([[1], [-1]])
try:
    came = torch.func.vmap(lambda table, row: torch.nn.functional.embedding(row, table))(tables, index)
except (IndexError, RuntimeError) as error:
    print(f"refused: {error}")
    sys.exit(1)
print(f"row -1 of the second table: expected an error, came {came[1].tolist()}")
