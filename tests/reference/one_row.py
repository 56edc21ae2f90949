"""What the gradient of a table of one row may be."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from simulate import Array

from embedding_reference import Embedding, Interval, Tensor, Within

COLUMNS = 6


def permitted_for(parts: Sequence[Array], dtype: str, *, scaled: bool = False, wide: bool = False) -> Within:
    """What the gradient of a table of one row may be; each part holds one lookup's terms, of shape (terms, columns)."""
    columns = parts[0].shape[1]
    lookups = [
        (Tensor.of("int64", (len(p),), [0] * len(p)), Tensor.of(dtype, p.shape, p.ravel().tolist())) for p in parts
    ]
    permitted = Embedding(1, columns, scale_grad_by_freq=scaled).gradient(dtype, lookups, wide=wide)
    assert isinstance(permitted, Within)
    return permitted


def single(values: Sequence[float], dtype: str = "float16", *, scaled: bool = False, wide: bool = False) -> Interval:
    """What the sum of the values may be."""
    return permitted_for([np.array(values, dtype=np.float64)[:, None]], dtype, scaled=scaled, wide=wide).intervals[0]
