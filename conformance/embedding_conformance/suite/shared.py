"""What tests of several sections share."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import replace
from itertools import takewhile

from embedding_conformance.boundary.adapter import Backward, Unsupported
from embedding_conformance.cases.case import Case, Lookup
from embedding_conformance.judging.compare import Deviation
from embedding_conformance.judging.subject import Subject
from embedding_reference import Tensor


def emptied(case: Case) -> Case:
    """The case with the same rank of index and nothing in it."""
    call = case.lookups[0]
    shape = (0, *call.index.shape[1:])
    index = Tensor(call.index.dtype, shape, b"")
    upstream = Tensor(call.upstream.dtype, (*shape, case.config.embedding_dim), b"")
    return replace(case, lookups=(replace(call, index=index, upstream=upstream),))


Parameter = tuple[str, str, str]
"""The name, the kind and the default of a parameter, as `boundary.adapter.Adapter.signature` has them."""


def judge_signature(what: str, expected: Sequence[Parameter], found: Sequence[Parameter]) -> None:
    """Judge the first parameters of a callable, as far as its signature shows them.

    Raises:
        Deviation: one is not as expected.
        Unsupported: one may be behind *args or **kwargs.
    """
    shown = list(takewhile(lambda parameter: not parameter[1].startswith("VAR_"), found))
    for number, wanted in enumerate(expected):
        if number == len(shown) < len(found):
            raise Unsupported(f"{what} has {found[number][0]}, which does not show {wanted[0]}")
        came = shown[number] if number < len(shown) else None
        if came is None or _meant(came) != _meant(wanted):
            observed = _written(came) if came else "no more parameters"
            raise Deviation(f"{what} differs", expected=_written(wanted), observed=observed)


def _meant(parameter: Parameter) -> tuple[object, ...]:
    """The parameter, with the value of its default where that is a literal: 2 is 2.0, but True is not 1."""
    name, kind, default = parameter
    try:
        value = ast.literal_eval(default)
    except (ValueError, SyntaxError):
        return name, kind, default
    return name, kind, value, isinstance(value, bool)


def _written(parameter: Parameter) -> str:
    name, kind, default = parameter
    return f"{name}={default} ({kind})" if default else f"{name} ({kind})"


def reversed_order(weight: Tensor) -> Tensor:
    """The same elements in reverse order: a second table, of the same kind, that differs."""
    return Tensor.of(weight.dtype, weight.shape, reversed(weight.values()))


def judge_second_order(embedding: Subject, case: Case) -> None:
    """Judge the derivative of the gradient by the upstream gradient, along a direction of the weight's magnitudes."""
    direction = reversed_order(case.weight)
    derivative = embedding.make(case).second_order(lookup=case.lookups[0], direction=direction)
    embedding.judge("the derivative", case.config.second_order(case.index, direction), derivative)


def judge_used_first(embedding: Subject, case: Case, came: Backward) -> None:
    """Judge the gradient of the verb `use_first`, for a case without padding_idx.

    The squares add twice the weight, which is the gradient of looking up each row with that as upstream gradient.
    """
    rows = case.config.num_embeddings
    doubled = Tensor.of(embedding.dtype, case.weight.shape, [2 * v for v in case.weight.values()])
    squares = Lookup(Tensor.of("int64", (rows,), range(rows)), doubled)
    both = replace(case, lookups=(squares, *case.lookups))
    embedding.judge_gradient(both, embedding.predict(both).gradient, came)
