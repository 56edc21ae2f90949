"""Modules on the meta device, where tensors have a shape, a dtype and a device but no data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from embedding_conformance.adapters.torch.instance import TorchInstance
from embedding_conformance.boundary.description import Declared
from embedding_conformance.boundary.observations import Backward, Forward
from embedding_conformance.boundary.refusals import Unsupported
from embedding_conformance.cases.case import Lookup
from embedding_reference import Tensor

NO_DATA = "on the meta device a tensor has no data"
NO_BOUNDS = Declared(
    {"device": "meta", "index_out_of_range": True}, "on the meta device an index cannot be checked for its range"
)
UNKNOWN_SIZE = Declared(
    {"device": "meta", "sparse": True, "padding_idx": True, "freeze": False},
    "on the meta device the size of a sparse gradient without the pads is not known",
)


class MetaInstance(TorchInstance):
    """A module made on the meta device; it has no data until it is moved from there."""

    no_data, no_bounds = NO_DATA, NO_BOUNDS.reason

    @property
    def blank(self) -> bool:
        """Whether it is without data."""
        return bool(self.table.is_meta)

    def forward(self, lookup: Lookup, **options: Any) -> Forward:
        """Look up."""
        self._check(lookup)
        return super().forward(lookup, **options)

    def gradient(self, lookups: Sequence[Lookup], *, together: bool = False) -> Backward:
        """Look up, and backpropagate the upstream gradients."""
        for lookup in lookups:
            self._check(lookup)
        return super().gradient(lookups, together=together)

    def use_first(self, lookup: Lookup, *, clone: bool) -> Backward:
        """Other uses of the weight show in values alone."""
        self._need_data()
        return super().use_first(lookup, clone=clone)

    def between(self, lookup: Lookup, change: str) -> Backward:
        """A change shows in values alone."""
        self._need_data()
        return super().between(lookup, change)

    def reuse(self, lookups: Sequence[Lookup]) -> Backward:
        """What an index holds shows in values alone."""
        self._need_data()
        return super().reuse(lookups)

    def second_order(self, lookup: Lookup, direction: Tensor) -> Tensor:
        """A derivative shows in values alone."""
        self._need_data()
        return super().second_order(lookup, direction)

    def step(self, optimizer: str, options: Mapping[str, Any], lookups: Sequence[Lookup]) -> None:
        """A step shows in values alone."""
        self._need_data()
        super().step(optimizer, options, lookups)

    def _check(self, lookup: Lookup) -> None:
        """Raise `Unsupported` for an index out of range, which torch cannot refuse without data."""
        if self.blank and any(not 0 <= i < self.table.shape[0] for i in lookup.index.components()):
            raise Unsupported(self.no_bounds)

    def _need_data(self) -> None:
        if self.blank:
            raise Unsupported(self.no_data)
