"""Faults of the shape and the dtype of the output."""

from __future__ import annotations

from embedding_reference.fault_models.fault_model import OUTPUT, FaultModel
from embedding_reference.fault_models.rules import forgiving, hull
from embedding_reference.formats import FORMATS
from embedding_reference.permitted import Anything, Exactly, Permitted, Raises, Rows, Within
from embedding_reference.tensor import Tensor


class FlattensTheOutput(FaultModel):
    """The index is flattened: the output has the shape (number of indices, embedding_dim)."""

    about = (OUTPUT,)

    def output(self, weight: Tensor, index: Tensor) -> Permitted:  # noqa: D102
        if not isinstance(super().output(weight, index), (Raises, Anything)):
            index = Tensor(index.dtype, (index.numel,), index.data)
        return super().output(weight, index)


class SqueezesTheOutput(FaultModel):
    """The output has lost its dimensions of length one."""

    about = (OUTPUT,)

    def output(self, weight: Tensor, index: Tensor) -> Permitted:  # noqa: D102
        right = super().output(weight, index)
        if isinstance(right, Exactly):
            tensor = right.tensor
            return Exactly(Tensor(tensor.dtype, tuple(n for n in tensor.shape if n != 1), tensor.data))
        if isinstance(right, Rows):
            return Within(right.dtype, tuple(n for n in right.shape if n != 1), tuple(hull(right)))
        return right


class WidensTheOutput(FaultModel):
    """The output is float32 where the weight is narrower."""

    about = (OUTPUT,)

    def output(self, weight: Tensor, index: Tensor) -> Permitted:  # noqa: D102
        right = super().output(weight, index)
        if weight.format.precision >= FORMATS["float32"].precision or isinstance(right, Raises):
            return right
        if isinstance(right, Exactly):
            return forgiving(Exactly(Tensor.of("float32", right.tensor.shape, right.tensor.components())))
        assert isinstance(right, (Rows, Anything))
        return Within("float32", right.shape, tuple(hull(right)))
