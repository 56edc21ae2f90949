"""The decomposition of a lookup takes negative indices from the end, where the index has two dimensions or more.

Clauses: lookup.out-of-range, lookup.refusal-changes-nothing
"""

import sys

import torch
from torch._decomp.decompositions import embedding

weight = torch.tensor([[1.0], [2.0], [3.0]])
deviates = False
for index in (torch.tensor([-1]), torch.tensor([[-1]])):
    for name, look_up in (("torch.embedding", torch.embedding), ("its decomposition", embedding)):
        try:
            came = look_up(weight, index).flatten().tolist()
        except IndexError as error:
            came = f"IndexError: {error}"
        print(f"{name} of {index.tolist()}: {came}")
    deviates = deviates or came == [3.0]
print("expected: IndexError each time")
sys.exit(not deviates)
