"""`torch.nn.Embedding` on fake tensors, which claim to be on a device but have no data, as on the device meta."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch._subclasses import FakeTensorMode

from embedding_conformance.adapters.torch.instance import TorchInstance
from embedding_conformance.adapters.torch.module import TorchModuleAdapter, devices, unsupported
from embedding_conformance.adapters.torch.paths.meta import MetaInstance
from embedding_conformance.boundary.description import Declared, Description
from embedding_conformance.boundary.observations import Backward, Call, Gradient, Shape
from embedding_conformance.boundary.refusals import Unsupported
from embedding_conformance.cases.case import Config, Lookup
from embedding_reference import Tensor

NO_DATA = "a fake tensor has no data"
NO_BOUNDS = Declared({"index_out_of_range": True}, "the elements of a fake index cannot be checked for their range")
UNKNOWN_SIZE = Declared(
    {"sparse": True, "padding_idx": True, "freeze": False},
    "the size of a sparse gradient without the pads depends on the elements of the index",
)
ONE_THREAD = "a fake tensor mode is for one thread at a time"
NO_SWAP = "a module swaps its fakes for others only while torch's cache of operators does not refer to them"


class FakeAdapter(TorchModuleAdapter):
    """Drives `torch.nn.Embedding` in torch's fake tensor mode."""

    def describe(self) -> Description:
        """What is under test, and what cannot be without data."""
        return replace(
            super().describe(),
            name="torch.nn.Embedding on fake tensors",
            devices=devices(),
            unsupported=(*unsupported(), NO_BOUNDS, UNKNOWN_SIZE),
            inherits=True,
        )

    def make(self, config: Config, weight: Tensor | None, *, via: str = "assignment", **options: Any) -> TorchInstance:
        """A module made in fake tensor mode."""
        if via == "functional":
            raise Unsupported(f"the functional form is judged by its output: {NO_DATA}")
        mode = FakeTensorMode(allow_non_fake_inputs=True)  # it converts real tensors, such as the weight, to fakes
        with mode:
            made = super().make(config, weight, via=via, **options)
        return FakeInstance(made.module, made._given, mode)  # noqa: SLF001 - of the class that it derives from

    def script(self, calls: Sequence[Call]) -> str:
        """A standalone script that makes the same calls."""
        mode = (
            "from torch._subclasses import FakeTensorMode\n\nFakeTensorMode(allow_non_fake_inputs=True).__enter__()\n"
        )
        return super().script(calls).replace("import torch\n", f"import torch\n{mode}", 1)


class FakeInstance(MetaInstance):
    """A module whose tensors, inputs and outputs are fake."""

    no_data, no_bounds = NO_DATA, NO_BOUNDS.reason

    def __init__(self, module: Any, given: torch.Tensor | None, mode: FakeTensorMode) -> None:
        super().__init__(module, given)
        self._mode = mode

    @property
    def blank(self) -> bool:
        """No tensor has data."""
        return True

    def gradient(self, lookups: Sequence[Lookup], *, together: bool = False) -> Backward:
        """Look up, and backpropagate the upstream gradients."""
        observed = super().gradient(lookups, together=together)
        return replace(observed, gradient=observed.gradient and _without_data(observed.gradient))

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Load fakes."""
        with self._mode:
            super().load(state)

    def assign(self, state: Mapping[str, Tensor]) -> None:
        """Assign fakes."""
        with self._mode:
            super().assign(state)

    def edit(self, weight: Tensor) -> None:  # noqa: ARG002 - the protocol's
        """Edits show in values alone."""
        raise Unsupported(NO_DATA)

    def beside(self, weight: Tensor, lookups: Sequence[Lookup]) -> Any:  # noqa: ARG002 - the protocol's
        """Two tables show in values alone."""
        raise Unsupported(NO_DATA)

    def copy(self, how: str) -> TorchInstance:  # noqa: ARG002 - the protocol's
        """A fake is not copied: it stands for a tensor."""
        raise Unsupported(NO_DATA)

    def cast(self, dtype: str, *, by_name: bool = False) -> None:  # noqa: ARG002 - the protocol's
        """Modules of fakes are converted by chance."""
        raise Unsupported(NO_SWAP)

    def move(self, device: str, *, empty: bool = False) -> None:  # noqa: ARG002 - the protocol's
        """Modules of fakes are converted by chance."""
        raise Unsupported(NO_SWAP)

    def chains(self) -> Mapping[str, Any]:
        """Some of the methods convert."""
        raise Unsupported(NO_SWAP)

    def at_once(self, lookups: Sequence[Lookup]) -> Backward:  # noqa: ARG002 - the protocol's
        """Fakes are looked up in one thread."""
        raise Unsupported(ONE_THREAD)

    def _index(self, lookup: Lookup) -> torch.Tensor:
        with self._mode:
            return super()._index(lookup)

    def _inputs(self, lookup: Lookup) -> tuple[torch.Tensor, torch.Tensor]:
        with self._mode:
            return super()._inputs(lookup)


def _without_data(gradient: Gradient) -> Gradient:
    """The gradient as a fake: torch gives a sparse gradient without entries real parts, which stay empty."""
    values, rows = gradient.values, gradient.rows
    return replace(gradient, values=Shape(values.dtype, values.shape), rows=rows and Shape(rows.dtype, rows.shape))


def adapter(_: str) -> FakeAdapter:
    """The adapter of the bundled name."""
    return FakeAdapter()
