"""paddle.nn.Embedding without padding_idx takes the index -1, and reads the memory before its table.

Clauses: lookup.out-of-range, lookup.refusal-changes-nothing
"""

import sys

import paddle

block = paddle.arange(8, dtype="float32").reshape([4, 2])
weight = block[1:]  # what is read for -1 is then a row of ours
embedding = paddle.nn.Embedding(3, 2, _weight=weight)
print("expected: an exception, as for every other index out of range")
came = embedding(paddle.to_tensor([-1])).tolist()
print(f"came: {came}, which is the row before the table: {block[0].tolist()}")
sys.exit(came != [block[0].tolist()])
