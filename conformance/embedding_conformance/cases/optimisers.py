"""The optimisers that clauses train with, named and parametrised as in `torch.optim`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from embedding_conformance.cases.case import Config


class Optimizer(NamedTuple):
    """An optimiser without weight decay.

    Attributes:
        name: its class.
        options: its arguments. An eps is one that float16 can hold, else a zero gradient would be divided by zero.
        remembers: whether a row that it moved once moves on without a gradient.
        spoils: whether a step may leave another gradient behind: on CUDA torch adds Nesterov's momentum in its place.
    """

    name: str
    options: Mapping[str, Any]
    remembers: bool = False
    spoils: bool = False


_SGD = Optimizer("SGD", {"lr": 0.5})
_ADAGRAD = Optimizer("Adagrad", {"lr": 0.5, "eps": 0.001})

DENSE = {
    "SGD": _SGD,
    "SGD with momentum": Optimizer("SGD", {"lr": 0.5, "momentum": 0.5}, remembers=True),
    "SGD with Nesterov momentum": Optimizer(
        "SGD", {"lr": 0.5, "momentum": 0.5, "nesterov": True}, remembers=True, spoils=True
    ),
    "Adam": Optimizer("Adam", {"lr": 0.5, "eps": 0.001}, remembers=True),
    "AdamW": Optimizer("AdamW", {"lr": 0.5, "eps": 0.001, "weight_decay": 0.0}, remembers=True),
    "Adagrad": _ADAGRAD,
    "RMSprop": Optimizer("RMSprop", {"lr": 0.5, "eps": 0.001}),
}
"""For dense gradients, by what they are called."""

SPARSE = {
    "SGD": _SGD,
    "SparseAdam": Optimizer("SparseAdam", {"lr": 0.5, "eps": 0.001}),
    "Adagrad": _ADAGRAD,
}
"""For sparse gradients."""


def optimizers_for(config: Config) -> Mapping[str, Optimizer]:
    """Those that take the gradients of an embedding with these arguments."""
    return SPARSE if config.sparse else DENSE
