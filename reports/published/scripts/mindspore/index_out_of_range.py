"""nn.Embedding gives rows for negative indices, and for indices that it cuts to 32 bits (MindSpore on the CPU).

Clauses: lookup.out-of-range, lookup.refusal-class, lookup.refusal-changes-nothing
"""

import sys

import mindspore as ms
import numpy as np
from mindspore import nn

ms.runtime.launch_blocking()
table = np.array([[1, 2], [3, 4], [5, 6]], "float32")
embedding = nn.Embedding(3, 2, embedding_table=ms.Tensor(table))
print("nn.Embedding documents zeros for an index out of range; ops.gather, which it calls, an error on the CPU")

deviates = False
for index in (3, -1, 2**40 + 1):
    try:
        row = embedding(ms.Tensor(np.array([index], "int64"))).asnumpy()
        deviates |= bool(row.any())
        print(f"index {index}:", row)
    except RuntimeError as error:
        print(f"index {index}:", str(error).strip().splitlines()[0])
sys.exit(0 if deviates else 1)
