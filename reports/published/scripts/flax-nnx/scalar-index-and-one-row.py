"""flax.nnx.Embed with one row raises for a 0-d index, for which an embedding with more rows gives one row.

Clauses: lookup.bits, lookup.nan-payload, lookup.contiguous, lookup.shape, lookup.device, lookup.index-dtype, lookup.inputs-unchanged, lookup.repeatable, lookup.one-hot, lookup.layout, lookup.refusal-keeps-gradient, gradient.sum, gradient.untouched-rows, gradient.form, gradient.upstream-layout, gradient.one-graph, gradient.two-tables, gradient.one-graph-twice, gradient.inputs-unchanged, gradient.no-leak, gradient.leaves-weight, gradient.second-order, padding_idx.none, sequences.life
"""

import sys

import jax.numpy as jnp
from flax import nnx

index = jnp.asarray(0)
print("two rows:", nnx.Embed(2, 3, rngs=nnx.Rngs(0))(index).shape)
print("one row, expected: (3,)")
try:
    output = nnx.Embed(1, 3, rngs=nnx.Rngs(0))(index)
except ValueError as error:
    print("came: ValueError:", error)
    sys.exit(0)
print("came:", output.shape)
sys.exit(1)
