"""torch's own `nn.Embedding`, and any class or factory with its signature."""

from __future__ import annotations

import copy
import inspect
import io
import pickle
import platform
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from typing import Any

import torch

from conformance.adapter import Backward, Call, Declared, Description, Forward, Gradient, Refused, Unsupported
from conformance.adapters.torch_script import write_script
from conformance.adapters.torch_tensors import from_torch, to_torch
from conformance.case import Config, Lookup
from reference import Tensor

DTYPES = ("float16", "bfloat16", "float32", "float64", "complex64", "complex128")
DEFAULTS = Config(1, 1)
METHODS = {"float16": "half", "bfloat16": "bfloat16", "float32": "float", "float64": "double"}
"""The methods of a module that are named for a dtype."""


class TorchModuleAdapter:
    """Drives a class or factory that takes `nn.Embedding`'s arguments and returns a module with a `weight`."""

    def __init__(
        self,
        factory: Callable[..., Any] = torch.nn.Embedding,
        target: str = "",
        functional: Callable[..., Any] | None = None,
    ) -> None:
        """Drive `factory`.

        Args:
            factory: called as `nn.Embedding` is, with only those arguments that differ from their defaults.
            target: where it is found, as `module:name`; by default where it says that it was defined.
            functional: its functional form, called as torch's is; by default torch's, if it derives from torch's class.
        """
        self.factory = factory
        self.functional = functional or (torch.nn.functional.embedding if self._built_on_torch else None)
        if factory is torch.nn.Embedding:
            target = "torch.nn:Embedding"
        where = target or f"{factory.__module__}:{getattr(factory, '__qualname__', type(factory).__name__)}"
        self.module, _, self.name = where.partition(":")

    @property
    def target(self) -> str:
        """The factory as `module.name`, the way a script would call it."""
        return f"{self.module}.{self.name}"

    def describe(self) -> Description:
        """What is under test: torch's version for torch's own class, else that of the package it comes from."""
        return Description(
            name=self.target,
            version=_version_of(self.module.partition(".")[0]),
            dtypes=DTYPES,
            devices=devices(),
            packages={"torch": torch.__version__, "numpy": _version_of("numpy"), "python": platform.python_version()},
            unsupported=UNSUPPORTED,
            ledger="torch" if self._built_on_torch else "",
            inherits=self.factory is not torch.nn.Embedding,
        )

    @property
    def _built_on_torch(self) -> bool:
        """Whether torch's own kernels, and so torch's own deviations, are inherited."""
        return isinstance(self.factory, type) and issubclass(self.factory, torch.nn.Embedding)

    def make(
        self,
        config: Config,
        weight: Tensor | None,
        *,
        device: str,
        layout: str = "contiguous",
        via: str = "assignment",
        dtype: str | None = None,
    ) -> TorchInstance:
        """A module with the given arguments (`conformance.adapter.Adapter.make`)."""
        table = None if weight is None else to_torch(weight, device, layout)
        keywords = changed_arguments(config)
        if via == "functional":
            return self._functional(config, table)
        if via in ("from_pretrained", "subclass"):
            freeze = {} if config.freeze else {"freeze": False}
            with refusals():
                return TorchInstance(self._pretrained(via)(table, **freeze, **keywords), table)
        wanted = getattr(torch, dtype or (weight.dtype if weight else "float32"))
        if via == "_weight":
            keywords.update({"_weight": table}, **({"_freeze": True} if config.freeze else {}))
        else:
            if via != "default_dtype":
                keywords.update(dtype=wanted)
            if device != "cpu":
                keywords.update(device=device)
        with refusals(), _default_dtype(wanted) if via == "default_dtype" else nullcontext():
            module = self.factory(config.num_embeddings, config.embedding_dim, **keywords)
        if via != "_weight":
            with refusals():
                if table is not None:
                    module.weight.data = table
                if config.freeze:
                    module.weight.requires_grad_(False)
        return TorchInstance(module, table)

    def _pretrained(self, via: str) -> Callable[..., Any]:
        """`from_pretrained`, or that of a class derived from this one."""
        called: Any = self.factory
        if not hasattr(called, "from_pretrained"):
            raise Unsupported(f"{self.target} has no from_pretrained")
        if via == "subclass":
            if not isinstance(called, type):
                raise Unsupported(f"{self.target} is not a class")
            called = type("Derived", (called,), {})
        pretrained: Callable[..., Any] = called.from_pretrained
        return pretrained

    def _functional(self, config: Config, table: torch.Tensor | None) -> TorchInstance:
        from conformance.adapters.torch_functional import FunctionalInstance  # noqa: PLC0415 - builds on this module

        if self.functional is None or table is None:
            raise Unsupported(f"{self.target} has no functional form")
        return FunctionalInstance(config, table.requires_grad_(not config.freeze), self.functional)

    def signature(self, of: str) -> list[tuple[str, str, str]]:
        """The parameters of the constructor or of `from_pretrained` (`conformance.adapter.Adapter.signature`)."""
        called = self.factory if of == "constructor" else getattr(self.factory, of, None)
        if called is None:
            raise Unsupported(f"{self.target} has no {of}")
        return parameters(called)

    def script(self, calls: Sequence[Call]) -> str:
        """A standalone script that makes the same calls."""
        return write_script(calls, factory=self.target, module=self.module)


class TorchInstance:
    """A module with a `weight` parameter."""

    def __init__(self, module: Any, given: torch.Tensor | None = None) -> None:
        self.module, self._given = module, given
        self._optimizers: dict[tuple[str, str], Any] = {}

    @property
    def table(self) -> torch.Tensor:
        """The weight itself."""
        table: torch.Tensor = self.module.weight
        return table

    def call(self, index: torch.Tensor) -> torch.Tensor:
        """One lookup; raises what the implementation raises."""
        output: torch.Tensor = self.module(index)
        return output

    def forward(self, lookup: Lookup, *, no_grad: bool = False, index_device: str | None = None) -> Forward:
        """Look up."""
        index = self._index(lookup)
        with refusals(), torch.set_grad_enabled(not no_grad):
            output = self.call(index if index_device is None else index.to(index_device))
            came = from_torch(output)  # an output that cannot be read is the implementation's doing, too
        return Forward(came, output.requires_grad, output.device.type, from_torch(index))

    def gradient(self, lookups: Sequence[Lookup], *, together: bool = False) -> Backward:
        """Look up, and send the upstream gradients back."""
        calls = [self._inputs(lookup) for lookup in lookups]
        with refusals():
            if together:
                outputs = [self.call(index) for index, _ in calls]
                torch.autograd.backward(outputs, [upstream for _, upstream in calls])
            else:
                outputs = []
                for index, upstream in calls:
                    output = self.call(index)
                    output.backward(upstream)
                    outputs.append(output)
            came = tuple(map(from_torch, outputs))
        inputs = tuple(Lookup(from_torch(index), from_torch(upstream)) for index, upstream in calls)
        return Backward(came, _gradient(self.table.grad), inputs)

    def weight(self) -> Tensor:
        """The weight as it is now."""
        with refusals():
            return from_torch(self.table)

    def attributes(self) -> Mapping[str, Any]:
        """The documented attributes, and those of the weight and the module."""
        with refusals():
            kept = {name: getattr(self.module, name, "<missing>") for name in (*DEFAULTS.attributes(), "training")}
        return {
            **kept,
            "requires_grad": self.table.requires_grad,
            "dtype": str(self.table.dtype).replace("torch.", ""),
            "shape": tuple(self.table.shape),
            "device": self.table.device.type,
            "class": type(self.module).__name__,
            "repr": repr(self.module),
        }

    def overwrite(self, lookup: Lookup) -> Tensor:
        """Look up, overwrite the output, and return the weight."""
        with refusals():
            output = self.call(self._index(lookup)).detach()
            output.fill_(7)
        return self.weight()

    def index_after(self, lookup: Lookup) -> Tensor:
        """The index after a lookup that may have raised."""
        index = self._index(lookup)
        with suppress(Exception):
            self.call(index)
        return from_torch(index)

    def again(self, lookup: Lookup, *, deterministic: bool = False) -> tuple[Backward, Backward]:
        """Two backwards through one graph."""
        index, upstream = self._inputs(lookup)
        with refusals(), _deterministic() if deterministic else nullcontext():
            output = self.call(index)
            first, second = (
                torch.autograd.grad(output, self.table, upstream, retain_graph=True, allow_unused=True)[0]
                for _ in range(2)
            )
            came = (from_torch(output),)
        return Backward(came, _gradient(first)), Backward(came, _gradient(second))

    def beside(self, weight: Tensor, lookups: Sequence[Lookup]) -> tuple[Backward, Backward]:
        """Two tables in one graph."""
        calls = [self._inputs(lookup) for lookup in lookups]
        with refusals():
            other = copy.deepcopy(self)
            other.table.data = to_torch(weight, str(self.table.device))
            outputs = [one.call(index) for one, (index, _) in zip((self, other), calls)]
            torch.autograd.backward(outputs, [upstream for _, upstream in calls])
            mine, others = map(from_torch, outputs)
        return Backward((mine,), _gradient(self.table.grad)), Backward((others,), _gradient(other.table.grad))

    def use_first(self, lookup: Lookup, *, clone: bool) -> Backward:
        """Use the weight, then look up, then differentiate both."""
        index, upstream = self._inputs(lookup)
        with refusals():
            squares = (self.table.clone() if clone else self.table).square()
            output = self.call(index)
            torch.autograd.backward([squares, output], [torch.ones_like(squares), upstream])
            came = from_torch(output)
        return Backward((came,), _gradient(self.table.grad))

    def second_order(self, lookup: Lookup, direction: Tensor) -> Tensor:
        """Differentiate the gradient by the upstream gradient."""
        index, upstream = self._inputs(lookup)
        upstream.requires_grad_()
        with refusals():
            (gradient,) = torch.autograd.grad(self.call(index), self.table, upstream, create_graph=True)
            dense = gradient if gradient.layout is torch.strided else gradient.to_dense()
            found = None
            if dense.requires_grad:  # else it is a constant, as where there are only pads
                towards = to_torch(direction, str(self.table.device))
                (found,) = torch.autograd.grad(dense, upstream, towards, allow_unused=True)
            return from_torch(torch.zeros_like(upstream) if found is None else found)

    def state(self) -> Mapping[str, Tensor]:
        """`state_dict()`."""
        with refusals():
            return {name: from_torch(value) for name, value in self.module.state_dict().items()}

    def load(self, state: Mapping[str, Tensor]) -> None:
        """`load_state_dict(state)`, strictly."""
        tensors = {name: to_torch(value) for name, value in state.items()}
        with refusals():
            self.module.load_state_dict(tensors)

    def copy(self, how: str) -> TorchInstance:
        """A copy by "deepcopy", "pickle" or "save"."""
        with refusals():
            if how == "deepcopy":
                return TorchInstance(copy.deepcopy(self.module))
            if how == "pickle":
                return TorchInstance(pickle.loads(pickle.dumps(self.module)))  # noqa: S301 - our own bytes
            stream = io.BytesIO()
            torch.save(self.module, stream)
            stream.seek(0)
            loader = inspect.signature(torch.load).parameters
            whole = {"weights_only": False} if "weights_only" in loader else {}
            return TorchInstance(torch.load(stream, **whole))

    def reset(self) -> None:
        """`reset_parameters()`."""
        with refusals():
            self.module.reset_parameters()

    def step(self, optimizer: str, options: Mapping[str, Any], lookups: Sequence[Lookup]) -> None:
        """One step of `torch.optim.<optimizer>`."""
        made, key = self._optimizers, (optimizer, repr(options))
        with refusals():
            if key not in made:
                made[key] = getattr(torch.optim, optimizer)([self.table], **options)
            made[key].zero_grad()
            self.gradient(lookups)
            made[key].step()

    def clear(self, *, to_none: bool = True) -> None:
        """`zero_grad(set_to_none=to_none)`."""
        with refusals():
            self.module.zero_grad(set_to_none=to_none)

    def edit(self, weight: Tensor) -> None:
        """Write into the weight, as initialisers do."""
        with refusals(), torch.no_grad():
            self.table.copy_(to_torch(weight))

    def given(self) -> Tensor:
        """The tensor that it was made with, as it is now."""
        if self._given is None:
            raise Unsupported("no tensor was given")
        return from_torch(self._given)

    def freeze(self, *, frozen: bool) -> None:
        """`requires_grad_()` of the weight."""
        with refusals():
            self.table.requires_grad_(not frozen)

    def mode(self, *, training: bool) -> None:
        """`train()` or `eval()`."""
        with refusals():
            self.module = self.module.train() if training else self.module.eval()

    def cast(self, dtype: str, *, by_name: bool = False) -> None:
        """`to(dtype)`, or `half()` and its kin."""
        if by_name and dtype not in METHODS:
            raise Unsupported(f"no method of a module is named for {dtype}")
        with refusals():
            module = self.module
            self.module = getattr(module, METHODS[dtype])() if by_name else module.to(getattr(torch, dtype))
        self._optimizers.clear()

    def move(self, device: str, *, empty: bool = False) -> None:
        """`to(device)` or `to_empty(device=device)`."""
        with refusals():
            self.module = self.module.to_empty(device=device) if empty else self.module.to(device)
        self._optimizers.clear()

    def _index(self, lookup: Lookup) -> torch.Tensor:
        return to_torch(lookup.index, str(self.table.device), lookup.index_layout)

    def _inputs(self, lookup: Lookup) -> tuple[torch.Tensor, torch.Tensor]:
        return self._index(lookup), to_torch(lookup.upstream, str(self.table.device), lookup.upstream_layout)


@contextmanager
def refusals() -> Iterator[None]:
    """Turn what the implementation raises into `Refused`."""
    try:
        yield
    except (Refused, Unsupported):
        raise
    except Exception as error:
        raise Refused.of(error) from error


@contextmanager
def _deterministic() -> Iterator[None]:
    """Deterministic algorithms within the block, and afterwards whatever there was before."""
    before = torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    torch.use_deterministic_algorithms(mode=True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before, warn_only=warn_only)


@contextmanager
def _default_dtype(dtype: torch.dtype) -> Iterator[None]:
    """Let torch make tensors of this dtype where none is named."""
    if not dtype.is_floating_point:
        raise Unsupported("torch's default dtype is a real one")
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def changed_arguments(config: Config) -> dict[str, Any]:
    """The keyword arguments that differ from their defaults: one that lacks the others can still be made."""
    names = ("padding_idx", "max_norm", "norm_type", "scale_grad_by_freq", "sparse")
    changed = {name: getattr(config, name) for name in names}
    return {name: value for name, value in changed.items() if value != getattr(DEFAULTS, name)}


def parameters(called: Callable[..., Any]) -> list[tuple[str, str, str]]:
    """(name, kind, default) of each parameter."""
    return [
        (p.name, p.kind.name, "" if p.default is p.empty else repr(p.default))
        for p in inspect.signature(called).parameters.values()
    ]


def devices() -> tuple[str, ...]:
    """The devices that torch can run on here."""
    found = ["cpu"]
    if torch.cuda.is_available():
        found.append("cuda")
    for name in ("mps", "xpu"):
        backend = getattr(torch.backends, name, None) or getattr(torch, name, None)
        if backend is not None and getattr(backend, "is_available", lambda: False)():
            found.append(name)
    return tuple(found)


def _gradient(grad: torch.Tensor | None) -> Gradient | None:
    if grad is None:
        return None
    shape, device = tuple(grad.shape), grad.device.type
    if grad.layout is torch.sparse_coo:
        rows, values = from_torch(grad._indices()[0]), from_torch(grad._values())  # noqa: SLF001
        return Gradient("coo", shape, device, values, rows, grad.is_coalesced())
    return Gradient("dense" if grad.layout is torch.strided else str(grad.layout), shape, device, from_torch(grad))


def _version_of(package: str) -> str:
    if package == "torch":
        return str(torch.__version__)
    from importlib import metadata  # noqa: PLC0415 - slow to import, rarely needed

    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "unknown"


UNSUPPORTED = tuple(
    Declared({"dtype": dtype, "freeze": False}, "torch's embedding is not differentiable for complex weights")
    for dtype in DTYPES
    if dtype.startswith("complex")
)

ADAPTER = TorchModuleAdapter
