"""`torch.nn.Embedding` on the meta device, where tensors have a shape, a dtype and a device but no data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from conformance.adapter import Backward, Declared, Description, Forward, Unsupported
from conformance.adapters.torch_instance import TorchInstance
from conformance.adapters.torch_module import TorchModuleAdapter
from conformance.case import Config, Lookup
from reference import Tensor

NO_DATA = "on the meta device a tensor has no data"
NO_BOUNDS = Declared({"index_out_of_range": True}, "an index without data cannot be checked for its range")
UNKNOWN_SIZE = Declared(
    {"sparse": True, "padding_idx": True, "freeze": False},
    "the size of a sparse gradient without padding_idx depends on indices, which have no data",
)


class TorchMetaAdapter(TorchModuleAdapter):
    """Drives `torch.nn.Embedding` on the meta device."""

    def describe(self) -> Description:
        """What is under test, on one device."""
        described = super().describe()
        return replace(
            described,
            name="torch.nn.Embedding on the meta device",
            devices=("meta",),
            unsupported=(*described.unsupported, NO_BOUNDS, UNKNOWN_SIZE),
            inherits=True,
        )

    def make(self, config: Config, weight: Tensor | None, **options: Any) -> MetaInstance:
        """A module on the meta device (`conformance.adapter.Adapter.make`)."""
        if options.get("via") == "functional":
            raise Unsupported(f"the functional form is judged by its output: {NO_DATA}")
        return MetaInstance(super().make(config, weight, **options).module)


class MetaInstance(TorchInstance):
    """A module without data."""

    def forward(self, lookup: Lookup, **options: Any) -> Forward:
        """Look up."""
        self._check(lookup)
        return super().forward(lookup, **options)

    def gradient(self, lookups: Sequence[Lookup], *, together: bool = False) -> Backward:
        """Look up, and send the upstream gradients back."""
        for lookup in lookups:
            self._check(lookup)
        return super().gradient(lookups, together=together)

    def use_first(self, lookup: Lookup, *, clone: bool) -> Backward:  # noqa: ARG002 - the protocol's
        """Other uses of the weight show in values alone."""
        raise Unsupported(NO_DATA)

    def second_order(self, lookup: Lookup, direction: Tensor) -> Tensor:  # noqa: ARG002 - the protocol's
        """A derivative shows in values alone."""
        raise Unsupported(NO_DATA)

    def step(self, optimizer: str, options: Mapping[str, Any], lookups: Sequence[Lookup]) -> None:  # noqa: ARG002
        """A step shows in values alone."""
        raise Unsupported(NO_DATA)

    def _check(self, lookup: Lookup) -> None:
        """Refuse what torch cannot: without data it looks up any index."""
        if any(not 0 <= i < self.table.shape[0] for i in lookup.index.components()):
            raise Unsupported(NO_BOUNDS.reason)


ADAPTER = TorchMetaAdapter
