"""With padding_idx a lookup in paddle.nn.Embedding does not check its indices, and reads the memory around its table.

Clauses: lookup.out-of-range, lookup.refusal-changes-nothing, lookup.refusal-keeps-index
"""

import signal
import subprocess
import sys

import paddle

block = paddle.arange(10, dtype="float32").reshape([5, 2])
weight = block[1:4]  # what is read for -1 and for 3 is then a row of ours
embedding = paddle.nn.Embedding(3, 2, padding_idx=0, _weight=weight)
print("expected: an exception")
came = embedding(paddle.to_tensor([-1, 3])).numpy()
print(f"came: {came.tolist()}, which are the rows before and behind the table")
far = "import paddle; paddle.nn.Embedding(3, 2, padding_idx=0)(paddle.to_tensor([2**40]))"
done = subprocess.run([sys.executable, "-c", far], check=False, capture_output=True)  # noqa: S603 - the lines above
print(f"came of index 2**40: exit status {done.returncode}")
sys.exit(came.tolist() != [[0, 1], [8, 9]] or done.returncode != -signal.SIGSEGV)
