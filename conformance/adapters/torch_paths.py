"""Other ways to make the lookup of a `torch.nn.Embedding`: scripted, compiled, exported, mapped; `PATHS` lists them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Any

import torch

from conformance.adapter import Declared, Description, Unsupported
from conformance.adapters.torch_module import TorchInstance, TorchModuleAdapter
from conformance.case import Config
from reference import Tensor

# -- the ways, each as it also stands in the standalone script of a deviation ------------------------------------------


def scripted(module: Any, index: torch.Tensor) -> Any:
    """TorchScript, as it is optimised after a first call; that one has other indices."""
    script, before = torch.jit.script(module), module.weight.detach().clone()
    script(torch.zeros_like(index))
    if module.max_norm is not None:
        module.weight.data.copy_(before)
    return script(index)


def traced(module: Any, index: torch.Tensor) -> Any:
    """A trace of a call with other indices, so that none of these can be part of it."""
    before = module.weight.detach().clone()
    trace = torch.jit.trace(module, torch.zeros_like(index), check_trace=False)
    if module.max_norm is not None:
        module.weight.data.copy_(before)
    return trace(index)


def compiled(module: Any, index: torch.Tensor) -> Any:
    """Compiled; fullgraph, because otherwise the compiler leaves to eager mode what it cannot do."""
    return torch.compile(module, backend="inductor", fullgraph=True)(index)


def compiled_aot(module: Any, index: torch.Tensor) -> Any:
    """Captured together with its backward as for the compiler, and run operator by operator."""
    return torch.compile(module, backend="aot_eager", fullgraph=True)(index)


def compiled_eager(module: Any, index: torch.Tensor) -> Any:
    """Captured as for the compiler, and run operator by operator."""
    return torch.compile(module, backend="eager", fullgraph=True)(index)


def exported(module: Any, index: torch.Tensor) -> Any:
    """The module of an exported program, which has the weight itself, not a copy."""
    return torch.export.export(module, (index,)).module()(index)


def mapped(module: Any, index: torch.Tensor) -> Any:
    """Mapped over the first dimension of the index."""
    return torch.func.vmap(module)(index)


def differentiated_per_sample(module: Any, index: torch.Tensor) -> Any:
    """Mapped; its backward sums the gradients of the samples, which are the entries along the index's first dimension."""
    if module.scale_grad_by_freq:
        raise ValueError("occurrences would be counted in each sample by itself")
    if index.numel() == 0:
        raise ValueError("no sample to differentiate")

    def product(weight: torch.Tensor, sample: torch.Tensor, upstream: torch.Tensor) -> torch.Tensor:
        return (torch.func.functional_call(module, {"weight": weight}, (sample,)) * upstream).sum()

    class PerSample(torch.autograd.Function):
        @staticmethod
        def forward(_: Any, weight: torch.Tensor) -> Any:
            return torch.func.vmap(lambda sample: torch.func.functional_call(module, {"weight": weight}, sample))(index)

        @staticmethod
        def backward(_: Any, upstream: torch.Tensor) -> Any:
            per_sample = torch.func.vmap(torch.func.grad(product), in_dims=(None, 0, 0))
            return per_sample(module.weight, index, upstream).sum(0)

    return PerSample.apply(module.weight)


def called_functionally(module: Any, index: torch.Tensor) -> Any:
    """With the parameters handed in."""
    return torch.func.functional_call(module, dict(module.named_parameters()), (index,))


def bagged(module: Any, index: torch.Tensor) -> Any:
    """In bags of one, summed."""
    if module.padding_idx is not None:
        raise ValueError("a bag leaves the row at padding_idx out of its sum")
    if module.embedding_dim == 0:
        raise ValueError("EmbeddingBag fails for two bags and more where rows have no elements")
    bag = torch.nn.EmbeddingBag(
        *module.weight.shape,
        max_norm=module.max_norm,
        norm_type=module.norm_type,
        scale_grad_by_freq=module.scale_grad_by_freq,
        sparse=module.sparse,
        mode="sum",
        _weight=module.weight,
    )
    bag.weight = module.weight  # the parameter itself, which gets the gradient
    return bag(index.reshape(-1, 1)).reshape(*index.shape, module.embedding_dim)


def autocast(module: Any, index: torch.Tensor) -> Any:
    """Where operators that autocast names run in bfloat16; a lookup is none of them."""
    with torch.autocast(index.device.type, dtype=torch.bfloat16):
        return module(index)


# -- the table ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Path:
    """A way to make a lookup.

    Attributes:
        lookup: takes a `torch.nn.Embedding` and an index, and gives the output.
        through: what of torch it goes through, and with which arguments.
        refuses: what it does not do: it raises.
        start: called before an embedding is made.
    """

    lookup: Callable[[Any, torch.Tensor], Any]
    through: str
    refuses: tuple[Declared, ...] = ()
    start: Callable[[], object] = bool


def _forget_compiled() -> None:
    """Else the compiler meets its limit on variants of one function."""
    torch.compiler.reset()


def _forget_scripted() -> None:
    """Else TorchScript runs what it optimised for another embedding of the same arguments."""
    torch._C._jit_clear_class_registry()  # noqa: SLF001 - there is no public name for it
    torch.jit._recursive.concrete_type_store = torch.jit._recursive.ConcreteTypeStore()  # noqa: SLF001
    torch.jit._state._clear_class_state()  # noqa: SLF001


NO_DIMENSION = Declared({"index_ndim": 0}, "a 0-d index has no dimension to map over")
NO_RENORMALISING = Declared({"max_norm": True}, "vmap refuses to write in place to a weight that is not mapped over")
UNKNOWN_SIZE = Declared(
    {"sparse": True, "padding_idx": True, "freeze": False},
    "the compiler refuses to leave padding_idx out of a sparse gradient, whose size then depends on the indices",
)

PATHS = {
    "torch-script": Path(scripted, "torch.jit.script", start=_forget_scripted),
    "torch-trace": Path(traced, "torch.jit.trace"),
    "torch-compile": Path(compiled, "torch.compile", (UNKNOWN_SIZE,), _forget_compiled),
    "torch-compile-aot": Path(compiled_aot, "torch.compile(backend='aot_eager')", (UNKNOWN_SIZE,), _forget_compiled),
    "torch-compile-eager": Path(compiled_eager, "torch.compile(backend='eager')", start=_forget_compiled),
    "torch-export": Path(exported, "torch.export.export"),
    "torch-vmap": Path(mapped, "torch.func.vmap", (NO_DIMENSION, NO_RENORMALISING)),
    "torch-vmap-grad": Path(
        differentiated_per_sample,
        "torch.func.grad",
        (
            NO_DIMENSION,
            NO_RENORMALISING,
            Declared({"sparse": True, "freeze": False}, "vmap refuses a sparse gradient"),
            Declared({"scale_grad_by_freq": True}, "occurrences would be counted in each sample by itself"),
            Declared({"index_numel": 0}, "vmap of grad fails for no samples"),
        ),
    ),
    "torch-functional-call": Path(called_functionally, "torch.func.functional_call"),
    "torch-bag": Path(
        bagged,
        "torch.nn.EmbeddingBag",
        (
            Declared({"dtype": ["complex64", "complex128"]}, "EmbeddingBag takes no complex weight"),
            Declared({"padding_idx": True}, "a bag leaves the row at padding_idx out of its sum"),
            Declared({"embedding_dim": 0}, "EmbeddingBag fails for two bags and more where rows have no elements"),
        ),
    ),
    "torch-autocast": Path(autocast, "torch.autocast"),
}


# -- the adapter -------------------------------------------------------------------------------------------------------


class PathAdapter(TorchModuleAdapter):
    """Drives `torch.nn.Embedding`, with lookups made in one of the ways of `PATHS`."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path

    def describe(self) -> Description:
        """The way, torch's version, and what the way does not do.

        Raises:
            Unsupported: this release of torch does not have it.
        """
        needed = self.path.through.partition("(")[0]
        try:
            attrgetter(needed.partition(".")[2])(torch)
        except AttributeError:
            raise Unsupported(f"torch {torch.__version__} has no {needed}") from None
        described = super().describe()
        return replace(
            described,
            name=f"torch.nn.Embedding through {self.path.through}",
            unsupported=(*described.unsupported, *self.path.refuses),
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
        """A module with the given arguments, whose lookups go this way."""
        if weight is None or via != "assignment":
            raise Unsupported("construction is torch.nn.Embedding's own: only lookups go this way")
        self.path.start()
        made = super().make(config, weight, device=device, layout=layout, via=via, dtype=dtype)
        return PathInstance(made.module, self.path)

    def signature(self, of: str) -> list[tuple[str, str, str]]:
        """The constructor is torch's own."""
        raise Unsupported(f"the {of} is torch.nn.Embedding's own: only lookups go this way")

    def script(self, calls: Sequence[tuple[str, Mapping[str, Any]]]) -> str:
        """A standalone script that makes the same calls, with lookups that go this way."""
        lookup = self.path.lookup
        source = inspect.getsource(lookup).replace(": Any", "")
        text = super().script(calls).replace("embedding(index)", f"{lookup.__name__}(embedding, index)")
        return text.replace("import torch\n", f"import torch\n\n\n{source}\n", 1)


def adapter(name: str) -> PathAdapter:
    """The adapter of a bundled name."""
    return PathAdapter(PATHS[name])


class PathInstance(TorchInstance):
    """A module whose lookups go another way."""

    def __init__(self, module: Any, path: Path) -> None:
        super().__init__(module)
        self._path = path

    def call(self, index: torch.Tensor) -> torch.Tensor:
        """One lookup."""
        return self._path.lookup(self.module, index)

    def attributes(self) -> Mapping[str, Any]:
        """The attributes are torch's own."""
        raise Unsupported("the attributes are torch.nn.Embedding's own: only lookups go this way")

    def state(self) -> Mapping[str, Tensor]:
        """The state is torch's own."""
        raise Unsupported("the state is torch.nn.Embedding's own: only lookups go this way")

    def copy(self, how: str) -> PathInstance:
        """A copy whose lookups go the same way."""
        return PathInstance(super().copy(how).module, self._path)

    def reset(self) -> None:
        """`reset_parameters` is torch's own."""
        raise Unsupported("reset_parameters is torch.nn.Embedding's own: only lookups go this way")
