"""After the backward of a sum, SGD does not step: one index, one column, sparse gradients.

Clauses: sparse.step-of-a-sum
"""

import sys

import torch

stepped = []
for sparse in (False, True):
    embedding = torch.nn.Embedding.from_pretrained(torch.zeros(3, 1), freeze=False, sparse=sparse)
    embedding(torch.tensor([1])).sum().backward()
    torch.optim.SGD(embedding.parameters(), lr=1.0).step()
    stepped.append(embedding.weight.flatten().tolist())
print("the weight after a step of SGD: dense gradient", stepped[0], "- sparse gradient", stepped[1])
sys.exit(stepped[0] == stepped[1])
