"""Embeddings in plain Python whose process is of no use after some refusals, as after an assertion on a device."""

from __future__ import annotations

from typing import Any

from embedding_conformance.boundary.observations import Backward, Forward
from embedding_conformance.boundary.refusals import Lost, Refused
from embedding_conformance.cases.case import Config, Lookup
from embedding_reference import Tensor
from plain import Plain, PlainInstance


class Loses(Plain):
    """Refuses an index out of range at the cost of its process, and says so."""

    def __init__(self) -> None:
        self.gone = False

    def alive(self) -> None:
        """What happens before each call."""
        if self.gone:
            raise RuntimeError("a call to a process that is lost")

    def make(self, config: Config, weight: Tensor, **options: Any) -> LossyInstance:  # noqa: ARG002 - the protocol's
        self.alive()
        return LossyInstance(self, config, weight)

    def out_of_range(self) -> None:
        self.gone = True
        raise Lost("runtime", "RuntimeError", "device-side assert triggered")


class LossyInstance(PlainInstance):
    """A table that is there as long as its process."""

    adapter: Loses

    def forward(self, lookup: Lookup) -> Forward:
        self.adapter.alive()
        return super().forward(lookup)

    def gradient(self, lookups: Any, *, together: bool = False) -> Backward:  # noqa: ARG002 - the protocol's
        return Backward(tuple(self.forward(lookup).output for lookup in lookups), None)

    def index_after(self, lookup: Lookup) -> Tensor:
        return self.forward(lookup).index_after

    def weight(self) -> Tensor:
        self.adapter.alive()
        return super().weight()


class Fails(Loses):
    """Refuses an index out of range, and from then on everything, although it says that nothing is lost."""

    def alive(self) -> None:
        if self.gone:
            raise Refused("runtime", "RuntimeError", "out of order")

    def out_of_range(self) -> None:
        self.gone = True
        raise Refused("index", "IndexError", "index out of range")


class LosesBadly(Loses):
    """Refuses an index out of range at the cost of its process, and as if its dtype were wrong."""

    def out_of_range(self) -> None:
        self.gone = True
        raise Lost("type", "TypeError", "no such dtype")


class LosesOnNaN(Loses):
    """Loses its process over a NaN in the weight."""

    def row(self, instance: PlainInstance, row: int, index: Tensor) -> int:
        if any(value != value for value in instance.table.values()):  # noqa: PLR0124 - a NaN
            self.out_of_range()
        return super().row(instance, row, index)


class LosesLate(Loses):
    """Loses its process over a NaN in the weight, which only the next call finds out, as on a device."""

    def alive(self) -> None:
        if self.gone:
            raise Lost("runtime", "AcceleratorError", "an illegal memory access was encountered")

    def make(self, config: Config, weight: Tensor, **options: Any) -> LateInstance:  # noqa: ARG002 - the protocol's
        self.alive()
        return LateInstance(self, config, weight)


class LateInstance(LossyInstance):
    """Its last call of a case is a look at the weight."""

    def weight(self) -> Tensor:
        weight = super().weight()
        self.adapter.gone = any(value != value for value in weight.values())  # noqa: PLR0124 - a NaN
        return weight
