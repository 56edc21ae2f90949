"""`torch.nn.functional.embedding`, which takes the same arguments with each call."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from embedding_conformance.adapters.torch.calls import refusals
from embedding_conformance.adapters.torch.instance import FunctionalInstance
from embedding_conformance.adapters.torch.module import DTYPES, devices, missing_dtype, parameters, unsupported
from embedding_conformance.adapters.torch.script import write_script
from embedding_conformance.adapters.torch.tensors import to_torch
from embedding_conformance.boundary.description import Description
from embedding_conformance.boundary.observations import Call
from embedding_conformance.boundary.refusals import Unsupported
from embedding_conformance.cases.case import Config
from embedding_reference import Tensor


class TorchFunctionalAdapter:
    """Drives `torch.nn.functional.embedding`."""

    def describe(self) -> Description:
        """What is under test: the function; the version is torch's."""
        return Description(
            name="torch.nn.functional.embedding",
            version=str(torch.__version__),
            dtypes=DTYPES,
            devices=devices(),
            packages={"torch": str(torch.__version__)},
            unsupported=unsupported(),
            ledger="torch",
        )

    def make(
        self,
        config: Config,
        weight: Tensor | None,
        *,
        device: str,
        layout: str = "contiguous",
        via: str = "assignment",
        dtype: str | None = None,  # noqa: ARG002 - the protocol's
    ) -> FunctionalInstance:
        """A weight, and the arguments with which the function is called."""
        if weight is None or via != "assignment":
            raise Unsupported("the functional form has no constructor")
        if reason := missing_dtype(device, weight.dtype):
            raise Unsupported(reason)
        with refusals():
            table = to_torch(weight, device, layout).requires_grad_(not config.freeze)
        return FunctionalInstance(config, table, torch.nn.functional.embedding)

    def signature(self, of: str) -> list[tuple[str, str, str]]:
        """The parameters of the function, which is the form "functional"."""
        if of != "functional":
            raise Unsupported(f"the functional form has no {of}")
        return parameters(torch.nn.functional.embedding)

    def script(self, calls: Sequence[Call]) -> str:
        """A standalone script that makes the same calls."""
        return write_script(calls, factory=None)


def adapter(_: str) -> TorchFunctionalAdapter:
    """The adapter of the bundled name."""
    return TorchFunctionalAdapter()
