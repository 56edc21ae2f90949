"""mlx.nn.Embedding checks no index: -1 is the last row, and 3 reads whatever lies behind the table.

Clauses: lookup.out-of-range, lookup.refusal-class, lookup.refusal-changes-nothing, lookup.refusal-keeps-index
"""

import subprocess
import sys

import mlx.core as mx
from mlx import nn

if len(sys.argv) > 1:  # in a process of its own, which this index ends
    mx.eval(nn.Embedding(3, 2)(mx.array([2**31 - 1])))
    sys.exit(0)

embedding = nn.Embedding(3, 2)
embedding.weight = mx.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
for index in (-1, 3):
    print(f"index {index} of 3 rows: expected an exception, came", embedding(mx.array([index])).tolist())
ended = subprocess.run([sys.executable, __file__, "far"], check=False).returncode  # noqa: S603 - ourselves
print(f"index {2**31 - 1}: the process ends with {ended}")
