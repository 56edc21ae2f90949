"""paddle.nn.Embedding accepts a padding_idx below -num_embeddings, down to -2 * num_embeddings.

Clauses: construction.padding-range
"""

import sys

import paddle

print("expected: ValueError, as padding_idx must be within [-3, 3)")
came = {}
for padding_idx in range(-7, -3):
    try:
        paddle.nn.Embedding(3, 2, padding_idx=padding_idx)
        came[padding_idx] = "accepted"
    except ValueError:
        came[padding_idx] = "refused"
print(f"came: {came}")
sys.exit(came != {-7: "refused", -6: "accepted", -5: "accepted", -4: "accepted"})
