"""The dense gradient of paddle.nn.Embedding on CPU rounds to float16 or bfloat16 at every addition of a repeated index.

Clauses: gradient.accuracy
"""

import sys

import paddle

index = paddle.to_tensor([0, 0, 0, 0, 0])
terms = paddle.to_tensor([[2048.0], [8.0], [8.0], [1.0], [1.0]])
deviates = True
for dtype in ("float16", "bfloat16"):
    embedding = paddle.nn.Embedding(1, 1, dtype=dtype)
    embedding(index).backward(terms.astype(dtype))
    came = embedding.weight.grad.astype("float32").item()
    expected = terms.sum().astype(dtype).astype("float32").item()
    print(f"{dtype}: expected {expected}, which is the sum {terms.sum().item()} rounded once; came {came}")
    deviates = deviates and came != expected
sys.exit(not deviates)
