"""The dense backward of EmbeddingBag on CPU divides by the wrong count where scale_grad_by_freq is given.

Clauses: norm_type.alone, lookup.reused-index, gradient.later-lookup, gradient.either-order, gradient.output-hook, gradient.weight-hook, gradient.mode-changed, gradient.weight-changed, module.thawed, module.replaced, lookup.refusal-keeps-gradient, gradient.sum, gradient.upstream-layout, gradient.accumulates, gradient.one-graph, gradient.one-graph-twice, gradient.no-leak, gradient.accuracy, padding_idx.none, max_norm.gradient, max_norm.one-graph, max_norm.clone-used-first, scale_grad_by_freq.divides, scale_grad_by_freq.one-or-none, scale_grad_by_freq.each-call, module.cast-works, sequences.life, gradient.two-tables, module.zero-grad
"""

import sys

import torch

index = torch.tensor([0, 0, 1])
bag = torch.nn.EmbeddingBag(2, 1, scale_grad_by_freq=True, mode="sum")
bag(index.reshape(-1, 1)).backward(torch.ones(3, 1))
embedding = torch.nn.Embedding(2, 1, scale_grad_by_freq=True)
embedding(index).backward(torch.ones(3, 1))
expected, came = embedding.weight.grad.flatten().tolist(), bag.weight.grad.flatten().tolist()
print(f"each row's gradient, divided by how often it occurs: expected {expected}, came {came}")
sys.exit(came == expected)
