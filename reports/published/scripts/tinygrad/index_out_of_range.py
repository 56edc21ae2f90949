"""tinygrad.nn.Embedding gives zeros for an index out of range.

Clauses: lookup.out-of-range, lookup.no-rows, lookup.refusal-class, lookup.refusal-changes-nothing
"""

from tinygrad import Tensor, nn

embedding = nn.Embedding(3, 2)
embedding.weight = Tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
for index in (-1, 3, 2**32):
    came = embedding(Tensor([index])).tolist()
    print(f"index {index} of 3 rows: expected an exception, came", came)
