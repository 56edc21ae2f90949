"""TorchScript removes the renormalising of an embedding with max_norm from its second call on.

Clauses: lookup.inference-mode, module.thawed, module.replaced, padding_idx.negative, lookup.other-device, max_norm.frozen, lookup.no-leak, max_norm.renormalises, max_norm.once, max_norm.again, max_norm.no-grad, max_norm.zero, norm_type.default, norm_type.order, max_norm.accuracy, max_norm.padding-row, module.cast-works, sequences.life, gradient.two-tables, max_norm.each-call
"""

import sys

import torch

embedding = torch.nn.Embedding.from_pretrained(torch.tensor([[3.0, 4.0], [3.0, 4.0]]), max_norm=1.0)
script = torch.jit.script(embedding)
deviates = False
for row in (0, 1):
    output = script(torch.tensor([row])).flatten().tolist()
    print(f"row {row}: expected 0.6 and 0.8, came {output}")
    deviates = deviates or output == [3.0, 4.0]
print("the operator that is called, whose schema does not say that it writes to its first argument:")
print(*torch._C._jit_get_schemas_for_operator("aten::_no_grad_embedding_renorm_"))  # noqa: SLF001
sys.exit(not deviates)
