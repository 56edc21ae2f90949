"""oneflow.nn.Embedding makes zeros of a float64 row with max_norm where the norm overflows on the way.

Clauses: max_norm.accuracy
"""

import sys

import numpy as np
import oneflow

weight = oneflow.tensor(np.array([[1e300, 1e300]]))
embedding = oneflow.nn.Embedding(1, 2, max_norm=1.0, _weight=weight)
came = embedding(oneflow.tensor([0])).tolist()[0]
print(f"expected two numbers near 0.7071, came {came}")
sys.exit(came[0] > 0.7)
