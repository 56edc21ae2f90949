"""A step of paddle.optimizer.SGD with the sparse gradient of an empty index ends the process with SIGFPE.

Clauses: sparse.empty-step
"""

import signal
import subprocess
import sys

import paddle  # noqa: F401 - it is used in a process of its own, which it ends

STEP = """
import paddle
embedding = paddle.nn.Embedding(3, 2, sparse=True)
optimizer = paddle.optimizer.SGD(learning_rate=1.0, parameters=embedding.parameters())
embedding(paddle.zeros([0], dtype="int64")).sum().backward()
optimizer.step()
"""
done = subprocess.run([sys.executable, "-c", STEP], check=False, capture_output=True)  # noqa: S603 - the lines above
print(f"expected: a step that changes nothing, and exit status 0; came: {done.returncode}")
sys.exit(done.returncode != -signal.SIGFPE)
