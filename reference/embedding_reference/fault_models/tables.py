"""Faults by which the weight is not the one that was given: it is changed before it is looked up in."""

from __future__ import annotations

import math

from embedding_reference.fault_models.fault_model import OUTPUT, WEIGHT, FaultModel
from embedding_reference.fault_models.rules import each_component
from embedding_reference.formats import FORMATS
from embedding_reference.permitted import Permitted, Raises
from embedding_reference.tensor import Tensor


class _ChangesTheWeight(FaultModel):
    """A lookup finds another weight than the one that was given."""

    about = (OUTPUT, WEIGHT)

    def changed(self, weight: Tensor) -> Tensor:
        """The weight that it finds."""
        raise NotImplementedError

    def output(self, weight: Tensor, index: Tensor) -> Permitted:
        """The output from that weight."""
        return super().output(self.changed(weight), index)

    def weight_after(self, weight: Tensor, index: Tensor, *, wide: bool = False) -> Permitted:
        """That weight after the lookup."""
        refused = isinstance(self.right().output(weight, index), Raises)
        return super().weight_after(weight if refused else self.changed(weight), index, wide=wide)


class ClearsThePaddingRow(_ChangesTheWeight):
    """The row at padding_idx is set to zeros."""

    def changed(self, weight: Tensor) -> Tensor:  # noqa: D102
        if self.padding_row is None:
            return weight
        start, size = self.padding_row * weight.row_size, weight.row_size
        return Tensor(weight.dtype, weight.shape, weight.data[:start] + bytes(size) + weight.data[start + size :])


class TidiesTheWeight(_ChangesTheWeight):
    """-0.0 in the weight becomes 0.0."""

    def changed(self, weight: Tensor) -> Tensor:  # noqa: D102
        return each_component(weight, lambda component, _: component or 0.0)


class RoundsTheWeightToBfloat16(_ChangesTheWeight):
    """The weight is rounded to bfloat16."""

    def changed(self, weight: Tensor) -> Tensor:  # noqa: D102
        form = FORMATS["bfloat16"]
        return each_component(weight, lambda c, _: float(form.round(c)) if math.isfinite(c) else c)


class ReplacesNaNInTheWeight(_ChangesTheWeight):
    """Each NaN in the weight becomes the default one."""

    def changed(self, weight: Tensor) -> Tensor:  # noqa: D102
        return each_component(weight, lambda component, _: math.nan if math.isnan(component) else component)


class WidensTheWeight(_ChangesTheWeight):
    """A weight that is narrower than float32 becomes float32."""

    def changed(self, weight: Tensor) -> Tensor:  # noqa: D102
        narrow = weight.format.precision < FORMATS["float32"].precision
        return Tensor.of("float32", weight.shape, weight.components()) if narrow else weight
