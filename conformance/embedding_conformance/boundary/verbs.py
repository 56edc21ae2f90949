"""The table of verbs: what an adapter and its instances can be asked, read off the protocols in `boundary.adapter`.

It is the one source of the checks of answers, the worker and its client, the recorder of calls, the coverage of
arguments, and the documentation of the protocol.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, cast

from embedding_conformance.boundary.adapter import Adapter, Instance
from embedding_conformance.unusable import nearest

REQUIRED = ("describe", "make", "forward", "gradient", "weight")
"""The verbs that every adapter has. Any other may be missing: clauses that need it are then unsupported."""

_SEND_GRADIENTS = ("gradient", "again", "beside", "use_first", "second_order", "step", "between", "reuse")
_KEEP_WEIGHT = ("weight", "attributes", "state", "given", "mode", "clear", "copy", "chains")


@dataclass(frozen=True)
class Argument:
    """An argument of a verb.

    Attributes:
        name: its name.
        type: its type, as the protocol annotates it.
        required: whether it has no default.
        default: the value that stands for it where it is left out.
    """

    name: str
    type: str
    required: bool
    default: Any


@dataclass(frozen=True)
class Verb:
    """A method of the protocol of adapters, or of that of instances.

    Attributes:
        name: its name.
        of_adapter: whether it is the adapter's, not an instance's.
        arguments: its arguments, by name.
        answer: the type of its answer, as the protocol annotates it.
        summary: what it does, in a sentence.
        sends_gradient: whether it backpropagates an upstream gradient.
        keeps_weight: whether it leaves the weight as it is.
    """

    name: str
    of_adapter: bool
    arguments: Mapping[str, Argument]
    answer: str
    summary: str
    sends_gradient: bool
    keeps_weight: bool

    @property
    def makes_instance(self) -> bool:
        """Whether it answers with a new instance."""
        return self.answer == "Instance"


def _verbs_of(protocol: type, *, of_adapter: bool) -> Iterable[Verb]:
    for name, function in vars(protocol).items():
        if name.startswith("_") or not inspect.isfunction(function):
            continue
        signature = inspect.signature(function)
        arguments = {
            p.name: Argument(p.name, str(p.annotation), p.default is p.empty, p.default)
            for p in list(signature.parameters.values())[1:]
        }
        summary = (inspect.getdoc(function) or "").partition("\n")[0]
        answer = str(signature.return_annotation)
        sends, keeps = name in _SEND_GRADIENTS, name in _KEEP_WEIGHT
        yield Verb(name, of_adapter, MappingProxyType(arguments), answer, summary, sends, keeps)


VERBS: Mapping[str, Verb] = MappingProxyType(
    {verb.name: verb for verb in (*_verbs_of(Adapter, of_adapter=True), *_verbs_of(Instance, of_adapter=False))}
)
"""Every verb, by name."""


def misspelt_verb(cls: type, *, of_adapter: bool) -> str:
    """The public method of a class whose name is nearly that of a verb that the class lacks.

    Args:
        cls: the class of an adapter, or of an instance.
        of_adapter: whether it is an adapter's.

    Returns:
        The method and the verb that was meant, in words. "" where there is none, or where the class also answers to
        names that it does not define.
    """
    return _misspelt_verb(cast("Hashable", cls), of_adapter)  # mypy takes a class for unhashable


@functools.lru_cache(maxsize=None)  # noqa: UP033 - Python 3.8; instances of a class are made by the thousand
def _misspelt_verb(cls: Any, of_adapter: bool) -> str:
    if hasattr(cls, "__getattr__"):
        return ""
    missing = [verb.name for verb in VERBS.values() if verb.of_adapter is of_adapter and not hasattr(cls, verb.name)]
    for name in dir(cls):
        if name in VERBS or name.startswith("_") or not callable(getattr(cls, name, None)):
            continue
        hint = nearest(name, missing, cutoff=0.8)
        if hint:
            return f"{cls.__name__} has a method {name!r}, which is no verb of the protocol{hint}"
    return ""
