"""The optimisers that clauses train with; names and arguments are those of `torch.optim`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from embedding_conformance.cases.case import Config


class Optimizer(NamedTuple):
    """An optimiser without weight decay.

    Attributes:
        name: the name of its class.
        options: the arguments of its constructor. An eps must not round to zero in float16, or a zero gradient would
            be divided by zero.
        remembers: whether a row that it has once moved may move again without a gradient (momentum).
        spoils: whether a step may change the gradient itself: on CUDA torch adds Nesterov's momentum in its place.
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
"""The optimisers for dense gradients, by the name that steps and messages use."""

SPARSE = {
    "SGD": _SGD,
    "SparseAdam": Optimizer("SparseAdam", {"lr": 0.5, "eps": 0.001}),
    "Adagrad": _ADAGRAD,
}
"""The optimisers for sparse gradients, by the same names."""

OTHERS = tuple(
    Optimizer(name, options)
    for name, options in (
        ("Adadelta", {"lr": 0.5, "eps": 0.001}),
        ("Adamax", {"lr": 0.5, "eps": 0.001}),
        ("ASGD", {"lr": 0.5, "lambd": 0.0}),
        ("NAdam", {"lr": 0.5, "eps": 0.001}),
        ("RAdam", {"lr": 0.5, "eps": 0.001}),
        ("Rprop", {"lr": 0.5}),
    )
)
"""The other optimisers of `torch.optim` for dense gradients, without weight decay.

Left out are LBFGS, which asks for several backwards, and Adafactor and Muon, in which the step of one row depends on
others.
"""

DECAYING = tuple(
    one._replace(options={**one.options, "weight_decay": 0.25})
    for one in (*DENSE.values(), *OTHERS)
    if "momentum" not in one.options and one.name not in ("Adadelta", "Rprop")
)
"""Optimisers with weight decay, which moves a row without a gradient too. Adadelta's steps are too small to show it,
and Rprop has none."""


def optimizers_for(config: Config) -> Mapping[str, Optimizer]:
    """The optimisers that take the gradients of an embedding with these arguments."""
    return SPARSE if config.sparse else DENSE
