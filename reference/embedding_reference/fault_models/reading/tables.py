"""Faults by which the weight is not the one that was given: it is changed before it is looked up in."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar, Tuple  # noqa: UP035 - evaluated on Python 3.8 too

from embedding_reference.fault_models.fault_model import FORM, OUTPUT, WEIGHT, FaultModel
from embedding_reference.fault_models.rules import each_component, forgiving
from embedding_reference.formats import FORMATS
from embedding_reference.model import Form, Lookup
from embedding_reference.permitted import Permitted, Raises
from embedding_reference.tensor import Tensor


class _ChangesTheWeight(FaultModel):
    """A lookup finds another weight than the one that was given."""

    about: ClassVar[Tuple[str, ...]] = (OUTPUT, WEIGHT)  # noqa: UP006 - evaluated on Python 3.8 too

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


class ReplacesNaNInTheWeight(_ChangesTheWeight):
    """Each NaN in the weight becomes zero."""

    def changed(self, weight: Tensor) -> Tensor:  # noqa: D102
        return each_component(weight, lambda component, _: 0.0 if math.isnan(component) else component)


class ReadsTheWeightInColumnOrder(_ChangesTheWeight):
    """The elements of the weight are taken column by column."""

    def changed(self, weight: Tensor) -> Tensor:  # noqa: D102
        rows, columns = weight.shape
        size = weight.format.itemsize
        places = [row * columns + column for column in range(columns) for row in range(rows)]
        return Tensor(weight.dtype, weight.shape, b"".join(weight.data[p * size : (p + 1) * size] for p in places))


class _ConvertsTheWeight(_ChangesTheWeight):
    """The weight is converted, in which a NaN may become another."""

    def output(self, weight: Tensor, index: Tensor) -> Permitted:
        """The output from the converted weight."""
        return forgiving(super().output(weight, index))

    def weight_after(self, weight: Tensor, index: Tensor, *, wide: bool = False) -> Permitted:
        """The converted weight after the lookup."""
        return forgiving(super().weight_after(weight, index, wide=wide))


class RoundsTheWeightToBfloat16(_ConvertsTheWeight):
    """The weight is rounded to bfloat16."""

    def changed(self, weight: Tensor) -> Tensor:  # noqa: D102
        form = FORMATS["bfloat16"]
        return each_component(weight, lambda c, _: float(form.round(c)) if math.isfinite(c) else c)


class WidensTheWeight(_ConvertsTheWeight):
    """A weight that is narrower than float32 becomes float32, and so does its gradient."""

    about = (OUTPUT, WEIGHT, FORM)

    def changed(self, weight: Tensor) -> Tensor:  # noqa: D102
        narrow = weight.format.precision < FORMATS["float32"].precision
        return Tensor.of("float32", weight.shape, weight.components()) if narrow else weight

    def gradient_form(self, dtype: str, lookups: Sequence[Lookup]) -> Form | None:  # noqa: D102
        narrow = FORMATS[dtype].precision < FORMATS["float32"].precision
        return super().gradient_form("float32" if narrow else dtype, lookups)
