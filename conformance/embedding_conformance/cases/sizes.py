"""The numbers that cases are drawn from: sizes of tables, shapes of indices, and values of max_norm and norm_type."""

from __future__ import annotations

import math

NUM_EMBEDDINGS = (2, 3, 4, 1, 5, 8, 33, 64)
EMBEDDING_DIMS = (2, 3, 1, 4, 0, 6, 7, 8, 16, 17)
SHAPES = (
    (1,),
    (2,),
    (3,),
    (),
    (0,),
    (1, 1),
    (2, 2),
    (0, 3),
    (3, 0),
    (5,),
    (2, 3),
    (2, 1, 2),
    (2, 3, 2),
    (1, 2, 1, 2),
    (1, 2, 1, 3, 1),
    (9,),
    (32,),
    (33,),
    (),  # twice, because kernels have a path of its own for a scalar
)
LARGE = (
    # Many indices: around the counts at which kernels switch algorithms, and more than float16 or bfloat16 can count.
    (5, 2, 100),
    (33, 3, 200),
    (5, 1, 256),
    (3, 1, 257),
    (2, 2, 769),
    (3, 1, 1001),
    (3, 2, 1024),
    (4, 2, 1040),
    (5, 1, 3073),
    (2, 1, 4097),
    (33, 1, 4160),
    (3, 1, 7001),
    # Tables whose rows need more than 8 bits.
    (256, 2, 33),
    (257, 3, 33),
    (300, 1, 6),
    (1001, 1, 9),
    (1025, 2, 257),
    (1001, 1, 1001),
    (1025, 1, 3073),
    (4097, 1, 33),
    # Rows as wide as a vector register, a warp or a block, and wider.
    (3, 32, 32),
    (3, 33, 4),
    (3, 64, 4),
    (5, 65, 3),
    (2, 128, 2),
    (2, 129, 5),
    (33, 33, 33),
    (3, 256, 3),
    (3, 257, 1),
    (2, 1025, 2),
    # Wide rows and many indices, so that the output, or the gradient, is split into tiles or among threads.
    (33, 32, 65),
    (5, 65, 513),
    # Tables whose rows, or whose elements, need more than 16 bits.
    (65537, 1, 33),
    (1025, 65, 9),
)
"""(num_embeddings, embedding_dim, number of indices) of large cases, with few elements in all to stay fast."""
LADDER = (
    (257, 1, 9),
    (4097, 1, 9),
    (16385, 1, 9),
    (65537, 1, 9),
    (2, 16385, 2),
    (4099, 1, 131073),
    (16777217, 1, 9),
)
"""The same of the cases that a clause climbs: each just above a size at which kernels switch, of rows, columns or
indices, which are more than 8, 12, 14, 16 or 24 bits can count."""
FEW_NUM_EMBEDDINGS = (2, 1, 33)
FEW_EMBEDDING_DIMS = (2, 0, 17)
FEW_SHAPES = ((1,), (3,), (), (0,), (2, 2), (1, 2, 1, 2), (33,))
"""The same for an implementation that compiles anew for each shape, with the same `LARGE` cases."""
ORDERS = (4.0, 2.5, 0.75, 0.25, 7.0, 10.0, 32.0, 100.0)
"""Values of norm_type that are tried one by one: whole numbers and fractions, up to where powers overflow."""
LIMITS = (1e-2, 1e-4, 1e-6, 1e-8, 1e-10)
"""Values of max_norm that are tried one by one, below those that are drawn."""
NORM_TYPES = (2.0, 1.0, float("inf"), 3.0, 0.5, 1.5)
MAX_NORMS = (1.0, 2.0, 0.5, 5.0, 0.1, 64.0)


def is_large(num_embeddings: int, embedding_dim: int, indices: int) -> bool:
    """Whether a case of these sizes is beyond what is drawn where none of `LARGE` is."""
    usual = max(NUM_EMBEDDINGS), max(EMBEDDING_DIMS), max(map(math.prod, SHAPES))
    return any(size > most for size, most in zip((num_embeddings, embedding_dim, indices), usual))
