"""The adapter and the instances that drive a `Framework`."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import fields
from importlib import metadata
from types import FunctionType
from typing import Any

from embedding_conformance.adapters.frameworks.framework import NO_FREEZE, Framework
from embedding_conformance.adapters.frameworks.framework_script import write_script
from embedding_conformance.boundary.attempts import raised_in
from embedding_conformance.boundary.description import Declared, Description
from embedding_conformance.boundary.observations import Backward, Call, Forward, Gradient
from embedding_conformance.boundary.refusals import Refused, Unsupported
from embedding_conformance.cases.case import Config, Lookup
from embedding_reference import Tensor


class FrameworkAdapter:
    """Drives a `Framework`."""

    def __init__(self, framework: Framework) -> None:
        self.framework = framework
        self._compiled_for = ""  # the dtype for which compiled code is kept

    def describe(self) -> Description:
        """What is under test; the version is that of the framework's first package."""
        framework = self.framework
        pads = Declared({"pads_hold": "other"}, framework.blank_pads)
        versions = {package: metadata.version(package) for package in (*framework.packages, "numpy")}
        return Description(
            name=framework.name,
            version=versions[framework.packages[0]],
            dtypes=framework.dtypes,
            packages={**versions, "python": platform.python_version()},
            unsupported=(
                *framework.unsupported,
                *((pads,) if framework.blank_pads else ()),
                *((framework.flushes,) if framework.flushes else ()),
            ),
            compiles=framework.forget is not None,
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
    ) -> FrameworkInstance:
        """An embedding with this weight (`boundary.adapter.Adapter.make`)."""
        framework, how = self.framework, via if weight or via != "assignment" else "fresh"
        if how == "fresh" and how not in framework.made:
            raise Unsupported("it makes no weight of the dtype asked for")
        if how != "assignment" and how not in framework.made:
            raise Unsupported(f"it has no {via}")
        if device != "cpu":
            raise Unsupported(f"this adapter does not place anything on {device}")
        if config.freeze and NO_FREEZE in framework.unsupported:
            raise Unsupported(NO_FREEZE.reason)
        if framework.forget and weight and weight.dtype != self._compiled_for:
            framework.forget()
            self._compiled_for = weight.dtype
        arguments = {**config.changed(), **({"_freeze": True} if config.freeze else {})}
        sizes = config.num_embeddings, config.embedding_dim
        with refusals(framework):
            table = framework.to(weight, layout) if weight else None
            given = {"dtype": dtype} if table is None else {"weight": table}
            try:
                made = framework.made.get(how, framework.make)(*sizes, **given, **arguments)
            except Exception:
                self._must_claim(config)
                raise
        return FrameworkInstance(framework, made, config, table)

    def _must_claim(self, config: Config) -> None:
        """Raise `Unsupported` where the framework does not claim these sizes, after it has refused them."""
        sizes = {"num_embeddings": config.num_embeddings, "embedding_dim": config.embedding_dim}
        for declared in self.framework.unsupported:
            if declared.features.items() <= sizes.items():
                raise Unsupported(declared.reason, asked=True)

    def signature(self, of: str) -> list[tuple[str, str, str]]:
        """No framework claims torch's signature."""
        raise Unsupported(f"its {of} has a signature of its own")

    def script(self, calls: Sequence[Call]) -> str:
        """A standalone script that makes the same calls."""
        return write_script(self.framework, calls)


class FrameworkInstance:
    """One embedding of the framework."""

    def __init__(self, framework: Framework, embedding: Any, config: Config, table: Any = None) -> None:
        self._framework, self._embedding, self._config, self._table = framework, embedding, config, table
        self._differentiated = False
        self._optimizers: dict[tuple[str, str], Any] = {}

    def forward(self, lookup: Lookup, *, no_grad: bool = False, index_device: str | None = None) -> Forward:
        """Look up."""
        framework = self._framework
        look_up = framework.untracked if no_grad else framework.look_up
        if index_device or look_up is None:
            raise Unsupported("this adapter places everything on the CPU" if index_device else "it has no such mode")
        with refusals(framework):
            index = self._index(lookup)
            output = look_up(self._embedding, index)
            tracked = framework.is_tracked and framework.is_tracked(output)
            return Forward(framework.back(output), tracked, "cpu", framework.back(index))

    def gradient(self, lookups: Sequence[Lookup], *, together: bool = False) -> Backward:
        """Look up, and backpropagate the upstream gradients."""
        accumulates, back = self._framework.accumulates, self._framework.back
        if not accumulates and (self._differentiated or (len(lookups) != 1 and not together)):
            raise Unsupported("gradients do not add up in the weight: each call returns its own")
        self._differentiated = True
        with refusals(self._framework):
            inputs = [self._inputs(lookup) for lookup in lookups]
            outputs: list[Any] = []
            for group in [inputs] if together or not inputs else [[one] for one in inputs]:
                indices, upstreams = [index for index, _ in group], [upstream for _, upstream in group]
                group_outputs, gradient = self._framework.differentiate(self._embedding, indices, upstreams)
                outputs += group_outputs
            return Backward(
                tuple(map(back, outputs)),
                self._gradient(gradient),
                tuple(Lookup(back(index), back(upstream)) for index, upstream in inputs),
            )

    def weight(self) -> Tensor:
        """The weight as it is now."""
        with refusals(self._framework):
            return self._framework.back(self._framework.weight_of(self._embedding))

    def given(self) -> Tensor:
        """The tensor that it was made with, as it is now."""
        if self._table is None:
            raise Unsupported("no tensor was given")
        with refusals(self._framework):
            return self._framework.back(self._table)

    def index_after(self, lookup: Lookup) -> Tensor:
        """The index after a lookup, even if that raised."""
        with refusals(self._framework):
            index = self._index(lookup)
            with suppress(Exception):
                self._framework.look_up(self._embedding, index)
            return self._framework.back(index)

    def step(self, optimizer: str, options: Mapping[str, Any], lookups: Sequence[Lookup]) -> None:
        """One step of an optimiser."""
        if self._framework.optimizer is None:
            raise Unsupported("it has no optimisers that this adapter drives")
        with refusals(self._framework):
            key = optimizer, repr(options)
            if key not in self._optimizers:
                self._optimizers[key] = self._framework.optimizer(self._embedding, optimizer, dict(options))
            self._framework.verbs["step"](self._embedding, self._optimizers[key], list(map(self._inputs, lookups)))

    def __getattr__(self, verb: str) -> Callable[..., Any]:
        """A verb that this framework has in addition (`Framework.verbs`)."""
        if verb.startswith("_") or verb not in self._framework.verbs:
            raise AttributeError(verb)

        def call(**arguments: Any) -> Any:
            if arguments.pop("deterministic", False):
                raise Unsupported("it has no mode that promises the same bits each time")
            with refusals(self._framework):
                if verb == "beside":
                    self._must_not_blank(arguments["lookups"][1], arguments["weight"])
                converted = {name: self._to_framework(value) for name, value in arguments.items()}
                result = self._framework.verbs[verb](self._embedding, **converted)
                if verb == "cast":
                    self._optimizers.clear()
                if verb == "copy":
                    return FrameworkInstance(self._framework, result, self._config)
                return self._from_framework(result)

        return call

    def _index(self, lookup: Lookup) -> Any:
        framework = self._framework
        if framework.blank_pads and self._config.padding_row in lookup.index.components():
            self._must_not_blank(lookup, self.weight())
        return framework.to(lookup.index, lookup.index_layout)

    def _must_not_blank(self, lookup: Lookup, weight: Tensor) -> None:
        """Raise `Unsupported` for a lookup of a pad whose row is not zeros, where it gives zeros by design."""
        pad = self._config.padding_row
        if self._framework.blank_pads and pad is not None and pad in lookup.index.components() and any(weight.row(pad)):
            raise Unsupported(self._framework.blank_pads)

    def _inputs(self, lookup: Lookup) -> tuple[Any, Any]:
        flushes, upstream = self._framework.flushes, lookup.upstream
        if flushes and upstream.dtype in flushes.features["dtype"] and lookup.upstream_range == "underflow":
            raise Unsupported(flushes.reason)
        return self._index(lookup), self._framework.to(upstream, lookup.upstream_layout)

    def _gradient(self, gradient: Any) -> Gradient | None:
        back = self._framework.back
        if gradient is None:
            return None
        if isinstance(gradient, tuple):
            rows, values = map(back, gradient[:2])
            whole = gradient[2] if len(gradient) > 2 else self._config.num_embeddings
            shape, rows = (whole, *values.shape[1:]), Tensor.of("int64", rows.shape, rows.values())
            return Gradient("rows", shape, "cpu", values, rows)
        dense = back(gradient)
        return Gradient("dense", dense.shape, "cpu", dense)

    def _to_framework(self, value: Any) -> Any:
        """The argument of a verb as the framework's function takes it."""
        if isinstance(value, Tensor):
            return self._framework.to(value)
        if isinstance(value, Lookup):
            return self._inputs(value)
        if isinstance(value, Mapping):
            return {name: self._to_framework(v) for name, v in value.items()}
        if isinstance(value, (list, tuple)):
            return [self._to_framework(v) for v in value]
        return value

    def _from_framework(self, value: Any) -> Any:
        """The answer of a verb, made from what the framework's function returned."""
        if isinstance(value, Mapping):
            return {name: self._from_framework(v) for name, v in value.items()}
        if isinstance(value, list):
            return tuple(map(self._from_framework, value))
        if isinstance(value, tuple) and value and isinstance(value[0], list):
            outputs, gradient = value
            return Backward(tuple(map(self._framework.back, outputs)), self._gradient(gradient))
        return (
            value if value is None or isinstance(value, (bool, int, float, str, tuple)) else self._framework.back(value)
        )


@contextmanager
def refusals(framework: Framework) -> Iterator[None]:
    """Turn what the framework raises into `Refused`, but not an error of the adapter's own, such as a wrong name."""
    try:
        yield
    except (Refused, Unsupported):
        raise
    except Exception as error:
        if isinstance(error, (AttributeError, NameError, ImportError)) and raised_in(error) in _modules(framework):
            raise
        raise Refused.of(error) from error


def _modules(framework: Framework) -> set[str]:
    """The names of the modules that define the functions of a framework's adapter."""
    functions = (getattr(framework, field.name) for field in fields(framework))
    return {__name__, *(function.__module__ for function in functions if isinstance(function, FunctionType))}
