"""The check that an answer has the types that the protocol asks for: an ill-formed one says nothing about a clause."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from embedding_conformance.boundary.description import mistake_in
from embedding_conformance.boundary.observations import Backward, Call, Forward, Gradient, Shape
from embedding_conformance.boundary.refusals import Misanswered
from embedding_conformance.boundary.verbs import VERBS, misspelt_verb
from embedding_conformance.cases.case import Lookup
from embedding_reference import Tensor


def check(call: Call, answer: Any) -> None:
    """Check the types and the structure of an answer, not its content, which is for the oracle.

    Args:
        call: the call that was answered.
        answer: the answer to it.

    Raises:
        Misanswered: the answer is not of the type that the table of verbs has for this verb.
    """
    mistake = next(_CHECKS[VERBS[call.verb].answer](answer, call.arguments), "")
    if mistake:
        raise Misanswered(f"the adapter's answer to {call.verb}() is not one of the protocol: {mistake}")


Mistakes = Iterator[str]
"""The mistakes in an answer, in words. Only the first is ever taken, so a check may rely on those that precede it."""


def _instance(answer: Any, _: Mapping[str, Any]) -> Mistakes:
    if not hasattr(answer, "forward"):
        yield f"it is {_type_of(answer)}, without forward(); it must be an object with the verbs of an Instance"
    if mistake := misspelt_verb(type(answer), of_adapter=False):
        yield mistake


def _forward(answer: Any, _: Mapping[str, Any]) -> Mistakes:
    yield from _is("it", answer, Forward)
    yield from _tensor("output", answer.output)
    if answer.requires_grad is not None:
        yield from _is("requires_grad", answer.requires_grad, bool)
    yield from _is("device", answer.device, str)
    yield from _tensor("index_after", answer.index_after)
    if answer.contiguous is not None:
        yield from _is("contiguous", answer.contiguous, bool)


def _pair(answer: Any, _: Mapping[str, Any]) -> Mistakes:
    yield from _is("it", answer, tuple)
    if len(answer) != 2:
        yield f"it has {len(answer)} parts; it must have two, each a Backward"
    for part in answer:
        yield from _backward("a part of it", part)


def _one_backward(answer: Any, arguments: Mapping[str, Any]) -> Mistakes:
    yield from _backward("it", answer)
    if "lookups" not in arguments:
        return
    lookups = len(arguments["lookups"])
    if len(answer.outputs) != lookups:
        yield f"it has {len(answer.outputs)} outputs for {lookups} lookups; it must have one for each"
    if len(answer.inputs) not in (0, lookups):
        yield f"it has {len(answer.inputs)} inputs for {lookups} lookups; it must have one for each, or none"


def _backward(what: str, answer: Any) -> Mistakes:
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


def _entries(gradient: Gradient) -> Mistakes:
    yield from _tensor("the gradient's rows", gradient.rows)
    assert gradient.rows is not None
    if gradient.rows.dtype != "int64" or len(gradient.rows.shape) != 1:
        yield f"the gradient's rows are {gradient.rows.dtype} of shape {gradient.rows.shape}, not int64 of shape (nnz,)"
    if gradient.values.shape[:1] != gradient.rows.shape:
        yield f"the gradient has {gradient.rows.numel} rows, but its values have shape {gradient.values.shape}"


def _one_tensor(answer: Any, _: Mapping[str, Any]) -> Mistakes:
    yield from _tensor("it", answer)


def _attributes(answer: Any, _: Mapping[str, Any]) -> Mistakes:
    yield from _is("it", answer, Mapping)


def _state(answer: Any, _: Mapping[str, Any]) -> Mistakes:
    yield from _is("it", answer, Mapping)
    for name, tensor in answer.items():
        yield from _tensor(f"its {name!r}", tensor)


def _tensor(what: str, answer: Any) -> Mistakes:
    yield from _is(what, answer, Tensor)
    yield from _is(f"the dtype of {what}", answer.dtype, str)
    yield from _shape(f"the shape of {what}", answer.shape)
    if not isinstance(answer, Shape):
        yield from _is(f"the data of {what}", answer.data, bytes)


def _shape(what: str, answer: Any) -> Mistakes:
    yield from _is(what, answer, tuple)
    for length in answer:
        if type(length) is not int:
            yield f"{what} holds {_type_of(length)}; it must be a tuple of int"


def _is(what: str, answer: Any, wanted: type) -> Mistakes:
    if not isinstance(answer, wanted):
        yield f"{what} is {_type_of(answer)}; it must be {_with_article(wanted)}"


def _type_of(answer: Any) -> str:
    return "None" if answer is None else _with_article(type(answer))


def _with_article(cls: type) -> str:
    familiar = cls.__module__ in ("builtins", "collections.abc") or cls.__module__.startswith(
        ("embedding_conformance", "embedding_reference")
    )
    name = cls.__name__ if familiar else f"{cls.__module__}.{cls.__name__}"
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


def _nothing(_: Any, __: Mapping[str, Any]) -> Mistakes:
    """The verb answers with nothing; an answer that it gives all the same is ignored."""
    yield from ()


def _text(answer: Any, _: Mapping[str, Any]) -> Mistakes:
    yield from _is("it", answer, str)


def _description(answer: Any, _: Mapping[str, Any]) -> Mistakes:
    if mistake := mistake_in(answer):
        yield mistake


def _parameters(answer: Any, _: Mapping[str, Any]) -> Mistakes:
    yield from _is("it", answer, list)
    for parameter in answer:
        if len(parameter) != 3 or not all(isinstance(part, str) for part in parameter):
            yield f"it holds {parameter!r}; a parameter is its name, its kind and its default, three strings"


_CHECKS: Mapping[str, Callable[[Any, Mapping[str, Any]], Mistakes]] = {
    "Instance": _instance,
    "Forward": _forward,
    "Backward": _one_backward,
    "tuple[Backward, Backward]": _pair,
    "Tensor": _one_tensor,
    "Mapping[str, Any]": _attributes,
    "Mapping[str, Tensor]": _state,
    "list[tuple[str, str, str]]": _parameters,
    "Description": _description,
    "str": _text,
    "None": _nothing,
}
"""The check for each type of answer that the table of verbs has."""
