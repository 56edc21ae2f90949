"""What tests of several sections share."""

from __future__ import annotations

from dataclasses import replace

from conformance.adapter import Backward
from conformance.case import Case, Lookup
from conformance.subject import Subject
from reference import Tensor


def emptied(case: Case) -> Case:
    """The case with the same rank of index and nothing in it."""
    call = case.lookups[0]
    shape = (0, *call.index.shape[1:])
    index = Tensor(call.index.dtype, shape, b"")
    upstream = Tensor(call.upstream.dtype, (*shape, case.config.embedding_dim), b"")
    return replace(case, lookups=(replace(call, index=index, upstream=upstream),))


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
