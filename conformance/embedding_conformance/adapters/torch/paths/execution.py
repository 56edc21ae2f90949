"""Execution paths: other ways to make the lookups of `torch.nn.Embedding`; `PATHS` lists the bundled adapters."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Any

import torch

from embedding_conformance.adapters.torch.instance import TorchInstance
from embedding_conformance.adapters.torch.module import TorchModuleAdapter, devices, unsupported
from embedding_conformance.adapters.torch.paths import lookups
from embedding_conformance.boundary.attempts import raised_in
from embedding_conformance.boundary.description import Declared, Description
from embedding_conformance.boundary.observations import Backward, Call
from embedding_conformance.boundary.refusals import Refused, Unsupported
from embedding_conformance.cases.case import Config, Lookup
from embedding_reference import Tensor


@dataclass(frozen=True)
class Path:
    """A way to make a lookup.

    Attributes:
        lookup: takes a `torch.nn.Embedding` and an index, and returns the output.
        through: the part of torch that the lookup goes through, with its arguments.
        refuses: what the path does not claim; it raises.
        start: called before each embedding is made, where a path needs it.
        first_order: why torch refuses second derivatives on this path; "" where it does not.
    """

    lookup: Callable[[torch.nn.Embedding, torch.Tensor], torch.Tensor]
    through: str
    refuses: tuple[Declared, ...] = ()
    start: Callable[[], object] | None = None
    first_order: str = ""


def _forget_compiled() -> None:
    """Drop compiled variants, of which the compiler allows few; a dozen steps of one embedding need dozens."""
    from torch import _dynamo  # noqa: PLC0415 - slow to import, and for these paths alone

    _dynamo.reset()
    _dynamo.config.cache_size_limit = 64


def _forget_scripted() -> None:
    """Drop optimised code, which TorchScript would run for another embedding with the same arguments too."""
    torch._C._jit_clear_class_registry()  # noqa: SLF001 - there is no public name for it
    torch.jit._recursive.concrete_type_store = torch.jit._recursive.ConcreteTypeStore()  # noqa: SLF001
    torch.jit._state._clear_class_state()  # noqa: SLF001


NO_DIMENSION = Declared({"index_ndim": 0}, "a 0-d index has no dimension to map over")
NO_RENORMALISING = Declared({"max_norm": True}, "max_norm: vmap refuses to write to a weight that is not mapped over")
UNKNOWN_SIZE = Declared(
    {"sparse": True, "padding_idx": True},
    "sparse with padding_idx: the compiler fails where the size of a gradient depends on the indices",
)

ONCE = "torch.compile does not differentiate twice"

PATHS = {
    "torch-script": Path(lookups.scripted, "torch.jit.script", start=_forget_scripted),
    "torch-trace": Path(lookups.traced, "torch.jit.trace"),
    "torch-compile": Path(lookups.compiled, "torch.compile", (UNKNOWN_SIZE,), _forget_compiled, ONCE),
    "torch-compile-aot": Path(
        lookups.compiled_aot, "torch.compile(backend='aot_eager')", (UNKNOWN_SIZE,), _forget_compiled, ONCE
    ),
    "torch-compile-eager": Path(lookups.compiled_eager, "torch.compile(backend='eager')", start=_forget_compiled),
    "torch-export": Path(lookups.exported, "torch.export.export"),
    "torch-vmap": Path(lookups.mapped, "torch.func.vmap", (NO_DIMENSION, NO_RENORMALISING)),
    "torch-vmap-grad": Path(
        lookups.differentiated_per_sample,
        "torch.func.vmap(torch.func.grad)",
        (
            NO_DIMENSION,
            NO_RENORMALISING,
            Declared({"sparse": True, "freeze": False}, "sparse: vmap refuses a sparse gradient"),
            Declared(
                {"scale_grad_by_freq": True},
                "scale_grad_by_freq: occurrences would be counted in each sample by itself",
            ),
            Declared({"index_numel": 0}, "an empty index: vmap of grad fails where there is no sample"),
        ),
    ),
    "torch-functional-call": Path(lookups.called_functionally, "torch.func.functional_call"),
    "torch-bag": Path(
        lookups.bagged,
        "torch.nn.EmbeddingBag",
        (
            Declared({"dtype": ["complex64", "complex128"]}, "EmbeddingBag takes no complex weight"),
            Declared({"padding_idx": True}, "padding_idx: a bag leaves that row out of its sum"),
            Declared({"embedding_dim": 0}, "rows without elements: EmbeddingBag fails for two bags and more"),
        ),
        first_order="the backward of EmbeddingBag has no derivative",
    ),
    "torch-autocast": Path(lookups.autocast, "torch.autocast"),
    "torch-qat": Path(lookups.quantisation_aware, "torch.ao.nn.qat.Embedding"),
    "torch-decomp": Path(
        lookups.decomposed,
        "torch._decomp.decompositions.embedding",
        (
            Declared({"max_norm": True}, "max_norm: renormalising has no decomposition"),
            Declared({"sparse": True}, "sparse: its backward has no decomposition"),
        ),
    ),
}


class PathAdapter(TorchModuleAdapter):
    """Drives `torch.nn.Embedding` on one of the `PATHS`."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path

    def describe(self) -> Description:
        """What is under test: the path, and what it does not claim; the version is torch's.

        Raises:
            Unsupported: this release of torch does not have the path.
        """
        needed = self.path.through.partition("(")[0]
        try:
            attrgetter(needed.partition(".")[2])(torch)
        except AttributeError:
            raise Unsupported(f"torch {torch.__version__} has no {needed}") from None
        return replace(
            super().describe(),
            name=f"torch.nn.Embedding through {self.path.through}",
            devices=devices(),
            unsupported=(*unsupported(), *self.path.refuses),
            inherits=True,
        )

    def make(
        self,
        config: Config,
        weight: Tensor | None,
        *,
        device: str,
        layout: str = "contiguous",
        via: str = "assignment",
        dtype: str | None = None,
    ) -> PathInstance:
        """A module with the given arguments, whose lookups take the path."""
        if weight is None or via != "assignment":
            raise Unsupported("construction is torch.nn.Embedding's own: only lookups go this way")
        if self.path.start:
            self.path.start()
        made = super().make(config, weight, device=device, layout=layout, via=via, dtype=dtype)
        return PathInstance(made, self.path)

    def signature(self, of: str) -> list[tuple[str, str, str]]:
        """The constructor is torch's own."""
        raise Unsupported(f"the {of} is torch.nn.Embedding's own: only lookups go this way")

    def script(self, calls: Sequence[Call]) -> str:
        """A standalone script that makes the same calls, with lookups on the path."""
        lookup = self.path.lookup
        text = re.sub(r"(?<![\w.])(\w+)\(index\b", rf"{lookup.__name__}(\1, index", super().script(calls))
        return text.replace("import torch\n", f"import torch\n\n\n{inspect.getsource(lookup)}\n", 1)


def adapter(name: str) -> PathAdapter:
    """The adapter of a bundled name."""
    return PathAdapter(PATHS[name])


class PathInstance(TorchInstance):
    """A module whose lookups take a path."""

    def __init__(self, made: TorchInstance, path: Path) -> None:
        super().__init__(made.module, made._given)  # noqa: SLF001 - of the class that this one derives from
        self._path = path

    def call(self, index: torch.Tensor) -> torch.Tensor:
        """One lookup.

        Raises:
            Unsupported: this path would do something else, and so it is not taken.
        """
        try:
            return self._path.lookup(self.module, index)
        except ValueError as error:
            if raised_in(error) == lookups.__name__:
                raise Unsupported(str(error)) from error
            raise

    def at_once(self, lookups: Sequence[Lookup]) -> Backward:  # noqa: ARG002 - the verb's
        """Look up in threads.

        Raises:
            Unsupported: always, as each lookup makes its path anew, which is no more than one thread's to do.
        """
        raise Unsupported("what is compiled is not compiled by several threads at once")

    def second_order(self, lookup: Lookup, direction: Tensor) -> Tensor:
        """Differentiate the gradient."""
        try:
            return super().second_order(lookup, direction)
        except Refused as refused:
            if self._path.first_order:
                raise Unsupported(self._path.first_order, asked=True) from refused
            raise

    def attributes(self) -> Mapping[str, Any]:
        """The attributes are torch's own."""
        raise Unsupported("the attributes are torch.nn.Embedding's own: only lookups go this way")

    def state(self) -> Mapping[str, Tensor]:
        """The state is torch's own."""
        raise Unsupported("the state is torch.nn.Embedding's own: only lookups go this way")

    def copy(self, how: str) -> PathInstance:
        """A copy whose lookups take the same path."""
        return PathInstance(super().copy(how), self._path)

    def reset(self) -> None:
        """`reset_parameters` is torch's own."""
        raise Unsupported("reset_parameters is torch.nn.Embedding's own: only lookups go this way")
