"""torch.compile fails to write the C++ of a backward that adds to one and the same element over and over.

Clauses: construction.reset-optimizer, gradient.accumulates, gradient.accuracy, gradient.form,
gradient.inputs-unchanged, gradient.leaves-weight, gradient.no-leak, gradient.one-graph, gradient.one-graph-twice,
gradient.repeatable, gradient.sum, gradient.two-tables, gradient.untouched-rows, gradient.upstream-layout,
lookup.refusal-keeps-gradient, max_norm.clone-used-first, max_norm.gradient, max_norm.one-graph, module.cast-works,
module.zero-grad, padding_idx.negative, padding_idx.no-gradient, padding_idx.none, padding_idx.others,
padding_idx.training, padding_idx.weight-decay, scale_grad_by_freq.divides, scale_grad_by_freq.each-call,
scale_grad_by_freq.one-or-none, scale_grad_by_freq.with-padding, sequences.life
"""

import sys

import torch

CASES = (
    ("a weight of one element, looked up twice", 1, torch.tensor([0, 0])),
    ("rows of one element, an index expanded from one", 2, torch.tensor([0]).expand(2)),
)

deviates = False
for what, rows, index in CASES:
    torch._dynamo.reset()  # noqa: SLF001
    embedding = torch.nn.Embedding(rows, 1)
    print(f"{what}: expected a gradient of 2")
    try:
        # The code for one thread, as on a machine of one core, is another, and is right.
        torch.compile(embedding, fullgraph=True, options={"cpp.threads": 2})(index).sum().backward()
    except RuntimeError as error:
        if "AssertionError" not in str(error):
            raise
        print("came:", type(error).__name__, str(error).strip().splitlines()[0])
        deviates = True
    else:
        print("came:", embedding.weight.grad[0].item())
sys.exit(not deviates)
