"""`torch.nn.Embedding` with its weight split over two processes, by rows or by columns, as tensor parallelism does it.

This process is rank 0; a worker is rank 1, and makes every call together with it. A call that only one rank refuses
leaves the other waiting in a collective operation. Then the process is given up (`boundary.refusals.Lost`), and with it
the worker, which ends when its standard input is closed.
"""

from __future__ import annotations

import atexit
import functools
import os
import re
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import torch
import torch.distributed
from torch.distributed.tensor import Replicate, distribute_tensor, init_device_mesh, parallel

from embedding_conformance.adapters.torch.calls import can_step, refusals
from embedding_conformance.adapters.torch.module import COMPLEX, TorchModuleAdapter
from embedding_conformance.adapters.torch.paths import execution, lookups
from embedding_conformance.adapters.torch.paths.execution import PathAdapter, PathInstance
from embedding_conformance.boundary.description import Declared, Description
from embedding_conformance.boundary.observations import Call, Forward
from embedding_conformance.boundary.refusals import Died, Lost, Refused, Unsupported
from embedding_conformance.boundary.worker_client import WorkerAdapter
from embedding_conformance.cases.case import Config, Lookup
from embedding_reference import Tensor

REFUSES = (
    Declared({"max_norm": True}, "max_norm: renormalising has no sharding strategy"),
    Declared({"sparse": True, "freeze": False}, "sparse: a sparse gradient has no sharding strategy"),
)
SHARDED = {
    "torch-dtensor-row": execution.Path(
        lookups.sharded, "torch.distributed.tensor.parallel.RowwiseParallel(input_layouts=Replicate())", REFUSES
    ),
    "torch-dtensor-column": execution.Path(
        lookups.sharded, "torch.distributed.tensor.parallel.ColwiseParallel(output_layouts=Replicate())", REFUSES
    ),
}
STYLES = {
    "torch-dtensor-row": parallel.RowwiseParallel(input_layouts=Replicate()),
    "torch-dtensor-column": parallel.ColwiseParallel(output_layouts=Replicate()),
}
PATIENCE = timedelta(seconds=20)
"""How long one rank waits for the other in a collective operation."""
ONE_DEVICE = "the processes are grouped for one device"
STORE = "EMBEDDING_CONFORMANCE_STORE"
"""The environment variable of rank 1 that names the file through which the ranks meet."""


class ShardedAdapter(PathAdapter):
    """Drives rank 0 and, through a worker, rank 1."""

    def __init__(self, name: str) -> None:
        super().__init__(SHARDED[name])
        self._name = name

    def describe(self) -> Description:
        """What is under test, on CPUs; not with complex weights, which torch cannot differentiate."""
        described = super().describe()
        dtypes = tuple(dtype for dtype in described.dtypes if dtype not in COMPLEX)
        return replace(described, devices=("cpu",), dtypes=dtypes)

    def make(self, config: Config, weight: Tensor | None, *, via: str = "assignment", **options: Any) -> Any:
        """A module on both ranks, each with a part of the weight."""
        if weight is None or via != "assignment":
            raise Unsupported("construction is torch.nn.Embedding's own: only lookups go this way")
        here = partial(_shard, self._name, config, weight, **options)
        there = partial(_rank1().make, config, weight, via=self._name, **options)
        return Together(*_both(here, there))

    def script(self, calls: Sequence[Call]) -> str:
        """A standalone script that makes the same calls, for `torchrun`."""
        style = self.path.through.rpartition(".")[2]
        start = (
            "# run it with: torchrun --nproc-per-node 2 THIS_FILE\n"
            "import torch\n"
            "from torch.distributed.tensor import Replicate, init_device_mesh\n"
            "from torch.distributed.tensor.parallel import ColwiseParallel, RowwiseParallel, parallelize_module\n"
        )
        text = super().script(calls).replace("import torch\n", start, 1)
        shard = rf"\g<0>\nparallelize_module(\1, init_device_mesh('cpu', (2,)), {style})"
        return re.sub(r"^(\w+)\.weight\.data = \w+$", shard, text, flags=re.MULTILINE)


class Rank1(TorchModuleAdapter):
    """The adapter of rank 1, which the worker serves; `via` is the bundled name, which says how the weight is split."""

    def make(self, config: Config, weight: Tensor | None, *, via: str = "", **options: Any) -> ShardedInstance:
        """The module of this rank."""
        return _shard(via, config, weight, **options)


class Together:
    """One embedding on both ranks: every verb is called on both at once."""

    def __init__(self, here: ShardedInstance, there: Any) -> None:
        self._here, self._there = here, there

    def __getattr__(self, verb: str) -> Callable[..., Any]:
        mine, theirs = getattr(self._here, verb), getattr(self._there, verb)

        def call(**arguments: Any) -> Any:
            here, there = _both(partial(mine, **arguments), partial(theirs, **arguments))
            if here != there:
                raise Refused("other", "Disagreement", f"rank 0 has {here}, rank 1 {there}")
            return here

        return call


class ShardedInstance(PathInstance):
    """The module of one rank."""

    def like_weight(self, tensor: Tensor) -> torch.Tensor:
        """Split as the weight is."""
        plain = super().like_weight(tensor)
        return distribute_tensor(plain, self.table.device_mesh, self.table.placements)

    def forward(self, lookup: Lookup, *, no_grad: bool = False, index_device: str | None = None) -> Forward:
        """Look up, on the device of both ranks: after an index elsewhere, one may wait for the other in vain."""
        if index_device is not None:
            raise Unsupported(ONE_DEVICE)
        return super().forward(lookup, no_grad=no_grad)

    def step(self, optimizer: str, options: Mapping[str, Any], lookups: Sequence[Lookup]) -> None:
        """One step, of an optimiser that trains split tensors."""
        if not _trains_parts(optimizer, tuple(options.items()), tuple(self.table.placements)):
            raise Unsupported(f"{optimizer} does not train a tensor that is split, whatever it belongs to")
        super().step(optimizer, options, lookups)

    def put(self, weight: Tensor) -> None:
        """Write other bits into the weight's own memory: replacing its data would leave the parts as they are."""
        self.edit(weight)

    def second_order(self, lookup: Lookup, direction: Tensor) -> Tensor:
        """Differentiate the gradient, but for that of an empty index: torch would never return."""
        if not lookup.index.numel:
            raise Unsupported("torch looks without end for the sharding of a view of a gradient without elements")
        return super().second_order(lookup, direction)

    def load(self, state: Mapping[str, Tensor]) -> None:  # noqa: ARG002 - the protocol's
        """The state of a part cannot be loaded by `load_state_dict`."""
        raise Unsupported("what loads a state of parts is torch.distributed.checkpoint")

    def assign(self, state: Mapping[str, Tensor]) -> None:
        """No more than it can be loaded."""
        self.load(state)

    def copy(self, how: str) -> PathInstance:
        """A part cannot be copied: it refers to its group of processes."""
        raise Unsupported(f"{how}: a part of a weight is not copied")

    def move(self, device: str, *, empty: bool = False) -> None:  # noqa: ARG002 - the protocol's
        """A part cannot be moved: its group of processes is for one device."""
        raise Unsupported(ONE_DEVICE)


def _shard(name: str, config: Config, weight: Tensor | None, **options: Any) -> ShardedInstance:
    mesh = _mesh()
    made = PathAdapter(SHARDED[name]).make(config, weight, **options)
    with refusals():
        parallel.parallelize_module(made.module, mesh, STYLES[name])
    return ShardedInstance(made, SHARDED[name])


@functools.cache
def _trains_parts(optimizer: str, options: tuple[tuple[str, Any], ...], placements: tuple[Any, ...]) -> bool:
    """Whether the optimiser can take a step with a tensor of which each rank has a part, as both ask at once."""
    return can_step(optimizer, options, lambda: distribute_tensor(torch.ones(4, 4), _mesh(), placements), sparse=False)


@dataclass
class _Answer:
    """The answer of one rank.

    Attributes:
        result: the result of the call; None where it raised.
        raised: the exception that the call raised, or None.
        at: when the call ended, in seconds of `time.monotonic`.
    """

    result: Any = None
    raised: Exception | None = None
    at: float = 0.0

    @classmethod
    def of(cls, call: Callable[[], Any]) -> _Answer:
        """Make a call, and wait for its answer."""
        try:
            return cls(call(), at=time.monotonic())
        except Exception as error:  # noqa: BLE001 - `_both` compares it with the other rank's answer
            return cls(raised=error, at=time.monotonic())


def _both(here: Callable[[], Any], there: Callable[[], Any]) -> tuple[Any, Any]:
    """The results of both ranks.

    Raises:
        Refused: both ranks raised the same.
        Lost: only one rank raised, or each raised something else, or rank 1 died.
    """
    theirs = _THREAD.submit(_Answer.of, there)
    answers = [_Answer.of(here), theirs.result()]
    errors = [answer.raised for answer in sorted(answers, key=lambda answer: answer.at) if answer.raised]
    if not errors:
        return answers[0].result, answers[1].result
    if unexpected := next((error for error in errors if not isinstance(error, (Refused, Died))), None):
        raise unexpected
    died = next((error for error in errors if isinstance(error, Died)), None)
    if died is not None:
        raise Lost("other", "Died", f"rank 1 {died}")
    if len(errors) == 2 and errors[0].args == errors[1].args:
        raise errors[0]
    raise Lost(*errors[0].args)  # the first: the other may only have waited in vain


_THREAD = ThreadPoolExecutor(1)


@functools.cache
def _mesh() -> Any:
    """The mesh of both ranks; this process joins it at the first call."""
    rank = int(STORE in os.environ)
    where = (Path(os.environ[STORE]) if rank else _store()).as_uri()
    torch.distributed.init_process_group("gloo", where, timeout=PATIENCE, rank=rank, world_size=2)
    return init_device_mesh("cpu", (2,))


@functools.cache
def _store() -> Path:
    folder = tempfile.TemporaryDirectory(prefix="embedding-conformance-", ignore_cleanup_errors=True)
    atexit.register(folder.cleanup)
    return Path(folder.name) / "store"


@functools.cache
def _rank1() -> WorkerAdapter:
    """The worker of rank 1, started at the first call; it ends with this process."""
    worker = _Rank1Worker(f"{__name__}:{Rank1.__name__}")
    atexit.register(worker.close)
    worker.describe()
    return worker


class _Rank1Worker(WorkerAdapter):
    def _environment(self) -> dict[str, str]:
        return {**super()._environment(), STORE: str(_store())}


def adapter(name: str) -> ShardedAdapter:
    """The adapter of the bundled name."""
    return ShardedAdapter(name)
