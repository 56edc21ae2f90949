"""What implementations do where the documentation is silent: the model permits it, and clauses of level INFO tell."""

from __future__ import annotations

import math

from embedding_reference.fault_models.fault_model import OUTPUT, WEIGHT, FaultModel
from embedding_reference.fault_models.rules import NAN
from embedding_reference.permitted import Permitted, Within
from embedding_reference.sums import exact_interval
from embedding_reference.tensor import Tensor


class MultipliesInfiniteRows(FaultModel):
    """A row with infinity has an infinite norm, and is multiplied by max_norm / infinity."""

    about = (OUTPUT, WEIGHT)

    def _renormalised_row(self, row: int, values: Tensor, *, wide: bool) -> Permitted:
        components = values.components()
        if any(map(math.isnan, components)) or all(map(math.isfinite, components)):
            return super()._renormalised_row(row, values, wide=wide)
        each = values.format.components
        elements = [components[at : at + each] for at in range(0, len(components), each)]
        # A complex number is multiplied as one: both of its parts become NaN.
        multiplied = [exact_interval(0.0) if all(map(math.isfinite, element)) else NAN for element in elements]
        return Within(values.dtype, values.shape, tuple(one for one in multiplied for _ in range(each)))


UNDOCUMENTED = (MultipliesInfiniteRows,)
"""All of them."""
