"""Drives a `Framework`."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from importlib import metadata
from typing import Any

from conformance.adapter import Backward, Call, Declared, Description, Forward, Gradient, Refused, Unsupported
from conformance.adapters.framework import NO_FREEZE, NO_STRIDES, Framework
from conformance.adapters.framework_script import write_script
from conformance.case import Config, Lookup
from reference import Tensor


class FrameworkAdapter:
    """Drives a `Framework`."""

    def __init__(self, framework: Framework) -> None:
        self.framework = framework
        self._compiled_for = ""  # the dtype

    def describe(self) -> Description:
        """What is under test: the version is that of the first of its packages."""
        framework = self.framework
        unchecked = framework.unchecked
        bounds = (Declared({"index_out_of_range": True}, f"index bounds: {unchecked}"),) if unchecked else ()
        versions = {package: metadata.version(package) for package in (*framework.packages, "numpy")}
        return Description(
            name=framework.name,
            version=versions[framework.packages[0]],
            dtypes=framework.dtypes,
            packages={**versions, "python": platform.python_version()},
            unsupported=(*framework.unsupported, *bounds, *filter(None, (framework.flushes,))),
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
        dtype: str | None = None,  # noqa: ARG002 - the protocol's
    ) -> FrameworkInstance:
        """An embedding with this weight (`conformance.adapter.Adapter.make`)."""
        if weight is None:
            raise Unsupported("its own initialisation is not that of torch")
        if via != "assignment":
            raise Unsupported(f"it has no {via}")
        if device != "cpu":
            raise Unsupported(f"this adapter does not place anything on {device}")
        if config.freeze:
            raise Unsupported(NO_FREEZE.reason)
        _must_be_contiguous(layout)
        if self.framework.forget and weight.dtype != self._compiled_for:
            self.framework.forget()
            self._compiled_for = weight.dtype
        with refusals(self.framework):
            table = self.framework.to(weight)
            made = self.framework.make(config.num_embeddings, config.embedding_dim, table, **config.changed())
        return FrameworkInstance(self.framework, made, config)

    def script(self, calls: Sequence[Call]) -> str:
        """A standalone script that makes the same calls."""
        return write_script(self.framework, calls)


class FrameworkInstance:
    """One embedding of the framework."""

    def __init__(self, framework: Framework, embedding: Any, config: Config) -> None:
        self._framework, self._embedding, self._config = framework, embedding, config
        self._differentiated = False

    def forward(self, lookup: Lookup, *, no_grad: bool = False, index_device: str | None = None) -> Forward:
        """Look up."""
        if no_grad or index_device:
            raise Unsupported("it has no such mode" if no_grad else "this adapter places everything on the CPU")
        with refusals(self._framework):
            index = self._index(lookup)
            output = self._framework.look_up(self._embedding, index)
            return Forward(self._framework.back(output), None, "cpu", self._framework.back(index))

    def gradient(self, lookups: Sequence[Lookup], *, together: bool = False) -> Backward:
        """Look up, and send the upstream gradients back in one backward."""
        if self._differentiated or (len(lookups) != 1 and not together):
            raise Unsupported("gradients do not add up in the weight: each call returns its own")
        self._differentiated = True
        with refusals(self._framework):
            indices, upstreams = map(list, zip(*map(self._inputs, lookups)))
            outputs, gradient = self._framework.differentiate(self._embedding, indices, upstreams)
            back = self._framework.back
            inputs = tuple(Lookup(back(i), back(u)) for i, u in zip(indices, upstreams))
            return Backward(tuple(map(back, outputs)), self._gradient(gradient), inputs)

    def weight(self) -> Tensor:
        """The weight as it is now."""
        with refusals(self._framework):
            return self._framework.back(self._framework.weight_of(self._embedding))

    def index_after(self, lookup: Lookup) -> Tensor:
        """The index after a lookup that may have raised."""
        with refusals(self._framework):
            index = self._index(lookup)
            with suppress(Exception):
                self._framework.look_up(self._embedding, index)
            return self._framework.back(index)

    def __getattr__(self, verb: str) -> Callable[..., Any]:
        """A further verb of the framework's."""
        if verb.startswith("_") or verb not in self._framework.verbs:
            raise AttributeError(verb)

        def call(**arguments: Any) -> Any:
            if arguments.pop("deterministic", False):
                raise Unsupported("it has no mode that promises the same bits each time")
            with refusals(self._framework):
                given = {name: self._given(value) for name, value in arguments.items()}
                return self._came(self._framework.verbs[verb](self._embedding, **given))

        return call

    def _index(self, lookup: Lookup) -> Any:
        framework, rows = self._framework, self._config.num_embeddings
        _must_be_contiguous(lookup.index_layout)
        if framework.unchecked and any(not 0 <= i < rows for i in lookup.index.components()):
            raise Unsupported(f"index bounds: {framework.unchecked}")
        if framework.casts and lookup.index.format.kind != "int":
            raise Unsupported(f"index dtypes: {framework.casts}")
        return framework.to(lookup.index)

    def _inputs(self, lookup: Lookup) -> tuple[Any, Any]:
        _must_be_contiguous(lookup.upstream_layout)
        flushes, upstream = self._framework.flushes, lookup.upstream
        if flushes and upstream.dtype in flushes.features["dtype"] and lookup.upstream_range == "underflow":
            raise Unsupported(flushes.reason)
        return self._index(lookup), self._framework.to(upstream)

    def _gradient(self, gradient: Any) -> Gradient | None:
        back, shape = self._framework.back, (self._config.num_embeddings, self._config.embedding_dim)
        if gradient is None:
            return None
        if isinstance(gradient, tuple):
            rows, values = map(back, gradient)
            return Gradient("rows", shape, "cpu", values, Tensor.of("int64", rows.shape, rows.values()))
        dense = back(gradient)
        return Gradient("dense", dense.shape, "cpu", dense)

    def _given(self, value: Any) -> Any:
        if isinstance(value, Tensor):
            return self._framework.to(value)
        if isinstance(value, Lookup):
            return self._inputs(value)
        if isinstance(value, Mapping):
            return {name: self._given(v) for name, v in value.items()}
        if isinstance(value, (list, tuple)):
            return [self._given(v) for v in value]
        return value

    def _came(self, value: Any) -> Any:
        if isinstance(value, Mapping):
            return {name: self._came(v) for name, v in value.items()}
        if isinstance(value, list):
            return tuple(map(self._came, value))
        if isinstance(value, tuple) and value and isinstance(value[0], list):
            outputs, gradient = value
            return Backward(tuple(map(self._framework.back, outputs)), self._gradient(gradient))
        return (
            value if value is None or isinstance(value, (bool, int, float, str, tuple)) else self._framework.back(value)
        )


@contextmanager
def refusals(framework: Framework) -> Iterator[None]:
    """Turn what the framework raises into `Refused`."""
    try:
        yield
    except (Refused, Unsupported):
        raise
    except Exception as error:
        refused = Refused.of(error)
        own = (family for kind, family in framework.raises.items() if isinstance(error, kind))
        raise Refused(next(own, refused.family), refused.kind, refused.message) from error


def _must_be_contiguous(*layouts: str) -> None:
    if any(layout != "contiguous" for layout in layouts):
        raise Unsupported(NO_STRIDES[0].reason)
