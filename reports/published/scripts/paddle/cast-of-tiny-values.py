"""A cast from float32 to float16 in Paddle gives some values far below the smallest of float16 as 1e-7, instead of zero.

Clauses: module.cast
"""

import sys

import paddle

embedding = paddle.nn.Embedding(1, 1, weight_attr=paddle.nn.initializer.Constant(-6.83581177406248e-27))
before = embedding.weight.item()
embedding.half()
came = embedding.weight.astype("float32").item()
print(f"{before} as float16: expected -0.0, as float16 has no magnitude between 0 and 6e-8; came {came}")
sys.exit(came == 0)
