"""A lookup with max_norm that is refused for an index out of range has renormalised rows all the same.

Clauses: lookup.refusal-changes-nothing
"""

import sys

import torch

deviates = False
for index in ([0, 3], [-1]):
    embedding = torch.nn.Embedding.from_pretrained(torch.full((3, 2), 3.0), max_norm=1.0)
    try:
        embedding(torch.tensor(index))
    except IndexError as error:
        print(f"{index} is refused: {error}")
    changed = (embedding.weight != 3).any(1).nonzero().flatten().tolist()
    print("rows that the refused call changed: expected [], came", changed)
    deviates = deviates or changed != []
sys.exit(not deviates)
