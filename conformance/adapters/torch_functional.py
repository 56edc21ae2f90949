"""`torch.nn.functional.embedding`: the same arguments, given with each call."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch

from conformance.adapter import Call, Description, Unsupported
from conformance.adapters.torch_module import DTYPES, UNSUPPORTED, TorchInstance, changed_arguments, devices, parameters
from conformance.adapters.torch_script import write_script
from conformance.adapters.torch_tensors import to_torch
from conformance.case import Config
from reference import Tensor


class TorchFunctionalAdapter:
    """Drives `torch.nn.functional.embedding`."""

    def describe(self) -> Description:
        """The function, and torch's version."""
        return Description(
            name="torch.nn.functional.embedding",
            version=str(torch.__version__),
            dtypes=DTYPES,
            devices=devices(),
            packages={"torch": str(torch.__version__)},
            unsupported=UNSUPPORTED,
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
        """A weight and the arguments to call with."""
        if weight is None or via != "assignment":
            raise Unsupported("the functional form has no constructor")
        return FunctionalInstance(
            config, to_torch(weight, device, layout).requires_grad_(not config.freeze), torch.nn.functional.embedding
        )

    def signature(self, of: str) -> list[tuple[str, str, str]]:
        """The functional form has a signature of its own, "functional"."""
        if of != "functional":
            raise Unsupported(f"the functional form has no {of}")
        return parameters(torch.nn.functional.embedding)

    def script(self, calls: Sequence[Call]) -> str:
        """A standalone script that makes the same calls."""
        return write_script(calls, factory=None)


class FunctionalInstance(TorchInstance):
    """A weight, and the arguments of the call."""

    def __init__(self, config: Config, table: torch.Tensor, function: Callable[..., Any]) -> None:
        super().__init__(module=None, given=table)
        self._table, self._arguments, self._function = table, changed_arguments(config), function

    @property
    def table(self) -> torch.Tensor:
        """The weight itself."""
        return self._table

    def call(self, index: torch.Tensor) -> torch.Tensor:
        """One call of the function."""
        output: torch.Tensor = self._function(index, self._table, **self._arguments)
        return output

    def attributes(self) -> Mapping[str, Any]:
        """A function keeps no attributes."""
        raise Unsupported("the functional form keeps no attributes")

    def state(self) -> Mapping[str, Tensor]:
        """A function keeps no state."""
        raise Unsupported("the functional form keeps no state")

    def load(self, state: Mapping[str, Tensor]) -> None:  # noqa: ARG002 - the protocol's
        """A function keeps no state."""
        raise Unsupported("the functional form keeps no state")

    def copy(self, how: str) -> TorchInstance:
        """A function is not copied."""
        raise Unsupported(f"the functional form has nothing to {how}")

    def reset(self) -> None:
        """A function keeps no state."""
        raise Unsupported("the functional form has no reset_parameters")

    def clear(self, *, to_none: bool = True) -> None:
        """What a module's zero_grad() does."""
        if to_none:
            self.table.grad = None
        elif self.table.grad is not None:
            self.table.grad.zero_()

    def mode(self, *, training: bool) -> None:  # noqa: ARG002 - the protocol's
        """A function has no mode."""
        raise Unsupported("the functional form has no train() and eval()")

    def cast(self, dtype: str, *, by_name: bool = False) -> None:  # noqa: ARG002 - the protocol's
        """A function is not cast."""
        raise Unsupported("the functional form keeps no weight to cast")

    def move(self, device: str, *, empty: bool = False) -> None:  # noqa: ARG002 - the protocol's
        """A function is not moved."""
        raise Unsupported("the functional form keeps no weight to move")


ADAPTER = TorchFunctionalAdapter
