"""oneflow.nn.Embedding gives zeros for an index of num_embeddings or more; for one below zero the process is aborted.

Clauses: lookup.out-of-range, lookup.refusal-changes-nothing, lookup.refusal-keeps-index, lookup.no-rows,
lookup.refusal-keeps-gradient
"""

import signal
import subprocess
import sys

import oneflow

print("expected: an exception for each index out of range")
came = oneflow.nn.Embedding(3, 2)(oneflow.tensor([3])).tolist()
print(f"came of index 3: {came}")
status = {}
for arguments, index in (("", -1), (", padding_idx=0", 3), (", scale_grad_by_freq=True", 3)):
    lookup = f"import oneflow; oneflow.nn.Embedding(3, 2{arguments})(oneflow.tensor([{index}])).numpy()"
    done = subprocess.run([sys.executable, "-c", lookup], check=False, capture_output=True)  # noqa: S603 - the line above
    print(f"came of Embedding(3, 2{arguments}) and index {index}: exit status {done.returncode}")
    status[arguments] = done.returncode
sys.exit(came != [[0, 0]] or set(status.values()) != {-signal.SIGABRT})
