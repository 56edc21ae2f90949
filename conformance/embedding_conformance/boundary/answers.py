"""What an adapter answers, checked before anything is made of it: nonsense says nothing about an implementation."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from embedding_conformance.boundary.adapter import Backward, Call, Forward, Gradient, Shape
from embedding_conformance.cases.case import Lookup
from embedding_reference import Tensor


class Misanswered(Exception):  # noqa: N818 - it says what the adapter did
    """The adapter answered a verb with what the protocol does not have; the text says what, and what would do."""


def check(call: Call, answer: Any) -> None:
    """Check the types and the structure of an answer: not what it says, which is for the judge.

    Raises:
        Misanswered: it is not what `boundary.adapter` has for that verb.
    """
    wrong = next(_CHECKS[call.verb](answer, call.arguments), "") if call.verb in _CHECKS else ""
    if wrong:
        raise Misanswered(f"the adapter's answer to {call.verb}() is not one of the protocol: {wrong}")


Wrong = Iterator[str]
"""What is wrong, the first first; as nothing is looked at before it is asked for, a check may rely on those before."""


def _instance(answer: Any, _: Mapping[str, Any]) -> Wrong:
    if not hasattr(answer, "forward"):
        yield f"it is {_a(answer)}, without forward(); it must be an object with the verbs of an Instance"


def _forward(answer: Any, _: Mapping[str, Any]) -> Wrong:
    yield from _is("it", answer, Forward)
    yield from _tensor("output", answer.output)
    if answer.requires_grad is not None:
        yield from _is("requires_grad", answer.requires_grad, bool)
    yield from _is("device", answer.device, str)
    yield from _tensor("index_after", answer.index_after)


def _gradient(answer: Any, arguments: Mapping[str, Any]) -> Wrong:
    yield from _backward("it", answer)
    asked = len(arguments["lookups"])
    if len(answer.outputs) != asked:
        yield f"it has {len(answer.outputs)} outputs for {asked} lookups; it must have one for each"
    if len(answer.inputs) not in (0, asked):
        yield f"it has {len(answer.inputs)} inputs for {asked} lookups; it must have one for each, or none"


def _pair(answer: Any, _: Mapping[str, Any]) -> Wrong:
    yield from _is("it", answer, tuple)
    if len(answer) != 2:
        yield f"it has {len(answer)} parts; it must have two, each a Backward"
    for part in answer:
        yield from _backward("a part of it", part)


def _one_backward(answer: Any, _: Mapping[str, Any]) -> Wrong:
    yield from _backward("it", answer)


def _backward(what: str, answer: Any) -> Wrong:
    yield from _is(what, answer, Backward)
    yield from _is("outputs", answer.outputs, tuple)
    for output in answer.outputs:
        yield from _tensor("an output", output)
    yield from _is("inputs", answer.inputs, tuple)
    for lookup in answer.inputs:
        yield from _is("an element of inputs", lookup, Lookup)
        yield from _tensor("an index in inputs", lookup.index)
        yield from _tensor("an upstream gradient in inputs", lookup.upstream)
    gradient = answer.gradient
    if gradient is None:
        return
    yield from _is("gradient", gradient, Gradient)
    yield from _is("the gradient's layout", gradient.layout, str)
    yield from _shape("the gradient's shape", gradient.shape)
    yield from _is("the gradient's device", gradient.device, str)
    yield from _is("the gradient's coalesced", gradient.coalesced, bool)
    yield from _tensor("the gradient's values", gradient.values)
    if gradient.layout in ("coo", "rows"):
        yield from _entries(gradient)
    elif gradient.rows is not None:
        yield f"the gradient is {gradient.layout!r} and has rows; only one that is 'coo' or 'rows' has"
    elif gradient.values.shape != gradient.shape:
        yield f"the gradient says that its shape is {gradient.shape}, but its values have {gradient.values.shape}"


def _entries(gradient: Gradient) -> Wrong:
    yield from _tensor("the gradient's rows", gradient.rows)
    assert gradient.rows is not None
    if gradient.rows.dtype != "int64" or len(gradient.rows.shape) != 1:
        yield f"the gradient's rows are {gradient.rows.dtype} of shape {gradient.rows.shape}, not int64 of shape (nnz,)"
    if gradient.values.shape[:1] != gradient.rows.shape:
        yield f"the gradient has {gradient.rows.numel} rows, but its values have shape {gradient.values.shape}"


def _one_tensor(answer: Any, _: Mapping[str, Any]) -> Wrong:
    yield from _tensor("it", answer)


def _attributes(answer: Any, _: Mapping[str, Any]) -> Wrong:
    yield from _is("it", answer, Mapping)


def _state(answer: Any, _: Mapping[str, Any]) -> Wrong:
    yield from _is("it", answer, Mapping)
    for name, tensor in answer.items():
        yield from _tensor(f"its {name!r}", tensor)


def _tensor(what: str, answer: Any) -> Wrong:
    yield from _is(what, answer, Tensor)
    yield from _is(f"the dtype of {what}", answer.dtype, str)
    yield from _shape(f"the shape of {what}", answer.shape)
    if not isinstance(answer, Shape):
        yield from _is(f"the data of {what}", answer.data, bytes)


def _shape(what: str, answer: Any) -> Wrong:
    yield from _is(what, answer, tuple)
    for length in answer:
        if type(length) is not int:
            yield f"{what} holds {_a(length)}; it must be a tuple of int"


def _is(what: str, answer: Any, wanted: type) -> Wrong:
    if not isinstance(answer, wanted):
        yield f"{what} is {_a(answer)}; it must be {_named(wanted)}"


def _a(answer: Any) -> str:
    return "None" if answer is None else _named(type(answer))


def _named(wanted: type) -> str:
    ours = wanted.__module__ in ("builtins", "collections.abc") or wanted.__module__.startswith(
        ("embedding_conformance", "embedding_reference")
    )
    name = wanted.__name__ if ours else f"{wanted.__module__}.{wanted.__name__}"
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


_CHECKS: Mapping[str, Callable[[Any, Mapping[str, Any]], Wrong]] = {
    "make": _instance,
    "copy": _instance,
    "forward": _forward,
    "gradient": _gradient,
    "again": _pair,
    "beside": _pair,
    "use_first": _one_backward,
    "weight": _one_tensor,
    "overwrite": _one_tensor,
    "index_after": _one_tensor,
    "second_order": _one_tensor,
    "given": _one_tensor,
    "attributes": _attributes,
    "state": _state,
}
"""The verbs that answer with something; of the others nothing is expected."""
