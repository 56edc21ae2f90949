"""torch's own `nn.Embedding`, and any class or factory with its signature."""

from __future__ import annotations

import functools
import inspect
import platform
import warnings
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from typing import Any

import torch

from embedding_conformance.adapters.torch.calls import refusals
from embedding_conformance.adapters.torch.instance import NOT_DIFFERENTIABLE, FunctionalInstance, TorchInstance
from embedding_conformance.adapters.torch.paths.meta import NO_BOUNDS, NO_DATA, UNKNOWN_SIZE, MetaInstance
from embedding_conformance.adapters.torch.script import write_script
from embedding_conformance.adapters.torch.tensors import to_torch
from embedding_conformance.boundary.arguments import missing_arguments
from embedding_conformance.boundary.description import Declared, Description, version_of
from embedding_conformance.boundary.observations import Call
from embedding_conformance.boundary.refusals import Refused, Unsupported
from embedding_conformance.cases.case import Config
from embedding_reference import Tensor

COMPLEX = ("complex64", "complex128")
DTYPES = ("float16", "bfloat16", "float32", "float64", *COMPLEX)


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
            target: its name, as `module:name`; by default that where it was defined.
            functional: its functional form, called as torch's is; by default torch's, if it derives from torch's class.
        """
        self.factory = factory
        self.functional = functional or (torch.nn.functional.embedding if self._built_on_torch else None)
        if factory is torch.nn.Embedding:
            target = "torch.nn:Embedding"
        where = target or f"{factory.__module__}:{getattr(factory, '__qualname__', type(factory).__name__)}"
        self.module, _, self.name = where.partition(":")
        self._lacks = _lacks(factory)

    @property
    def target(self) -> str:
        """The name of the factory in a script: `module.name`."""
        return f"{self.module}.{self.name}"

    def describe(self) -> Description:
        """What is under test; the version is that of the package that defines the factory.

        Only torch's own class claims the meta device: no other is documented to work without data.
        """
        own = self.factory is torch.nn.Embedding
        return Description(
            name=self.target,
            version=_version_of(self.module.partition(".")[0]),
            dtypes=DTYPES,
            devices=(*devices(), "meta") if own else devices(),
            packages={"torch": torch.__version__, "numpy": _version_of("numpy"), "python": platform.python_version()},
            unsupported=(*unsupported(), NO_BOUNDS, UNKNOWN_SIZE) if own else unsupported(),
            ledger="torch" if self._built_on_torch or self._makes_torchs else "",
            inherits=not own,
        )

    @property
    def _built_on_torch(self) -> bool:
        """Whether the factory inherits torch's kernels, and with them torch's deviations."""
        return isinstance(self.factory, type) and issubclass(self.factory, torch.nn.Embedding)

    @functools.cached_property
    def _makes_torchs(self) -> bool:
        """Whether what a factory makes derives from torch's class, or looks up by its method."""
        with suppress(Exception):
            made = self.factory(3, 2)
            return isinstance(made, torch.nn.Embedding) or type(made).forward is torch.nn.Embedding.forward
        return False

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
        """A module with the given arguments (`boundary.adapter.Adapter.make`)."""
        made = self._made(config, weight, device, layout, via, dtype)
        made.another = lambda other: self._made(config, other, device, layout, via, dtype)
        return made

    def _made(
        self, config: Config, weight: Tensor | None, device: str, layout: str, via: str, dtype: str | None
    ) -> TorchInstance:
        wanted = dtype or (weight.dtype if weight else "float32")
        if reason := missing_dtype(device, wanted):
            raise Unsupported(reason)
        with refusals():
            table = None if weight is None else to_torch(weight, device, layout)
        keywords = config.changed()
        self._need(keywords)
        instance = MetaInstance if device == "meta" else TorchInstance
        if via == "functional":
            return self._functional(config, table)
        if via in ("from_pretrained", "subclass"):
            freeze = {} if config.freeze else {"freeze": False}
            with refusals():
                return instance(self._pretrained(via)(table, **freeze, **keywords), table)
        if via == "_weight":
            keywords.update({"_weight": table}, **self._frozen(config))
        else:
            named = "cpu" if via == "default_device" else device
            keywords.update(self._placed(named, None if via == "default_dtype" else wanted, given=table is not None))
        self._need(keywords)
        with refusals(), _surroundings(via, wanted, device):
            module = self.construct(config, **keywords)
        if via != "_weight":
            with refusals():
                if table is not None:
                    module.weight.data = table
                if config.freeze:
                    module.weight.requires_grad_(False)
        return instance(module, table)

    def construct(self, config: Config, **keywords: Any) -> Any:
        """Call the constructor."""
        return self.factory(config.num_embeddings, config.embedding_dim, **keywords)

    def _need(self, keywords: Collection[str]) -> None:
        """Raise `Unsupported` where the signature of the constructor tells that it does not take a keyword."""
        if missing := [name for name in keywords if name in self._lacks]:
            raise Unsupported(f"{self.target} takes no {', '.join(missing)}", asked=True)

    def _placed(self, device: str, dtype: str | None, *, given: bool) -> dict[str, Any]:
        """The keywords for a weight of this dtype on this device.

        A keyword that the constructor does not take is left out where a weight is given, or where it is the default.
        """
        keywords: dict[str, Any] = {}
        if dtype is not None:
            keywords["dtype"] = getattr(torch, dtype)
        if device != "cpu":
            keywords["device"] = device
        default = {"dtype": torch.get_default_dtype()}
        return {n: v for n, v in keywords.items() if n not in self._lacks or not (given or default.get(n) == v)}

    def _frozen(self, config: Config) -> dict[str, bool]:
        """The keyword `_freeze`, where it is needed.

        Raises:
            Unsupported: torch's own class does not have it in this release, so no other class must have it.
        """
        if not config.freeze:
            return {}
        if all(name != "_freeze" for name, _, _ in parameters(torch.nn.Embedding)):
            raise Unsupported(f"torch {torch.__version__} has no _freeze")
        return {"_freeze": True}

    def _pretrained(self, via: str) -> Callable[..., Any]:
        """`from_pretrained` of the class, or of a subclass named Derived."""
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
        if self.functional is None or table is None:
            raise Unsupported(f"{self.target} has no functional form")
        if table.is_meta:
            raise Unsupported(f"the functional form is judged by its output: {NO_DATA}")
        return FunctionalInstance(config, table.requires_grad_(not config.freeze), self.functional)

    def signature(self, of: str) -> list[tuple[str, str, str]]:
        """The parameters of one form (`boundary.adapter.Adapter.signature`)."""
        forms = {"constructor": self.factory, "functional": self.functional}
        called = forms[of] if of in forms else getattr(self.factory, of, None)
        if called is None:
            raise Unsupported(f"{self.target} has no {of}")
        return parameters(called)

    def script(self, calls: Sequence[Call]) -> str:
        """A standalone script that makes the same calls."""
        return write_script(calls, factory=self.target, module=self.module)


def _surroundings(via: str, dtype: str, device: str) -> AbstractContextManager[Any]:
    """What an instance is made within (`boundary.adapter.Adapter.make`)."""
    made_within: dict[str, Callable[[], Any]] = {
        "default_dtype": lambda: _default_dtype(getattr(torch, dtype)),
        "default_device": lambda: torch.device(device),
        "no_grad": torch.no_grad,
        "seeded": _seeded,
    }
    within: AbstractContextManager[Any] = made_within.get(via, nullcontext)()
    return within


@contextmanager
def _seeded() -> Iterator[None]:
    """Start the random generators from one seed within the block, and have them go on as before afterwards."""
    with torch.random.fork_rng():
        torch.manual_seed(20)
        yield


@contextmanager
def _default_dtype(dtype: torch.dtype) -> Iterator[None]:
    """Make this dtype torch's default within the block."""
    if not dtype.is_floating_point:
        raise Unsupported("torch's default dtype is a real one")
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def _lacks(factory: Callable[..., Any]) -> frozenset[str]:
    """The documented arguments that a factory does not take; none where its signature does not tell."""
    try:
        return frozenset(missing_arguments(parameters(factory)))
    except (TypeError, ValueError):  # it has no signature that can be read
        return frozenset()


def parameters(called: Callable[..., Any]) -> list[tuple[str, str, str]]:
    """(name, kind, default) of each parameter, as `boundary.adapter.Adapter.signature` gives them."""
    return [
        (p.name, p.kind.name, "" if p.default is p.empty else repr(p.default))
        for p in inspect.signature(called).parameters.values()
    ]


def devices() -> tuple[str, ...]:
    """The devices that torch can run on here."""
    found = ["cpu"]
    if torch.cuda.is_available():
        found.append("cuda")
    for name in ("mps", "xpu"):  # torch.backends has the first, torch the second
        places = (getattr(torch.backends, name, None), getattr(torch, name, None))
        if any(getattr(place, "is_available", lambda: False)() for place in places):
            found.append(name)
    return tuple(found)


@functools.cache
def missing_dtype(device: str, dtype: str) -> str:
    """Why a device has no tensors of a dtype, found out by trying once; "" where it has."""
    if device in ("cpu", "meta"):
        return ""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.ones(1, dtype=getattr(torch, dtype), device=device).add(1).to("cpu")
    except Exception as error:  # noqa: BLE001 - whatever is raised, the device does not have the dtype
        return f"{device} has no {dtype}: {Refused.of(error)}"
    return ""


def unsupported() -> tuple[Declared, ...]:
    """What torch's embedding does not claim, and the dtypes that devices lack."""
    return (
        *(
            Declared({"device": device, "dtype": dtype}, reason)
            for device in devices()
            for dtype in DTYPES
            if (reason := missing_dtype(device, dtype))
        ),
        *(Declared({"dtype": dtype, "freeze": False, "no_grad": False}, NOT_DIFFERENTIABLE) for dtype in COMPLEX),
    )


def _version_of(package: str) -> str:
    return str(torch.__version__) if package == "torch" else version_of(package)


def adapter(_: str) -> TorchModuleAdapter:
    """The adapter of the bundled name: torch's own embedding."""
    return TorchModuleAdapter()
