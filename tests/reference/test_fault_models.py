"""Each fault model is wrong in one way: somewhere it permits nothing that the model permits."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from embedding_conformance.cases import palettes
from embedding_conformance.cases.case import Case, Lookup
from embedding_conformance.cases.strategies import ANY, ON, cases, out_of_range
from embedding_reference import Anything, Embedding, Exactly, Interval, OneOf, Permitted, Raises, Rows, Tensor, Within
from embedding_reference.fault_models import (
    ATTRIBUTES,
    FAULT_MODELS,
    FORM,
    GRADIENT,
    OUTPUT,
    REFUSAL,
    WEIGHT,
    FaultModel,
)
from embedding_reference.model import INDEX_DTYPES
from embedding_reference.telling_apart import share_nothing

EACH = pytest.mark.parametrize("fault", FAULT_MODELS, ids=lambda fault: fault.__name__)

POOL = (
    cases(freeze=ANY, lookups=2, weights=palettes.ANY),
    cases(dtype="float64", max_norm=ON, weights=palettes.MODERATE_OR_NEAR, indices=1, columns=1),
    cases(max_norm=ON, weights=(*palettes.MODERATE_OR_NEAR, "specials"), indices=1, columns=1),
    cases(scale_grad_by_freq=ON, padding_idx=ON, index_patterns=("some pads", "only pads"), upstreams=("counting",)),
    cases(scale_grad_by_freq=ON, indices=33, lookups=3, upstreams=("counting",), index_patterns=("equal", "two rows")),
    cases(upstreams=("specials", "huge", "tiny"), padding_idx=ON),
    cases(corner="sparse with scale"),
    out_of_range(),
)


@cache
def drawn() -> tuple[Case, ...]:
    """Cases of all kinds, always the same."""
    found: list[Case] = []
    for strategy in POOL:

        @settings(
            max_examples=200,
            derandomize=True,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(strategy)
        def collect(one: Case) -> None:
            found.append(one)

        collect()
    return tuple(sorted((*found, *edges(found)), key=lambda case: case.weight.numel + case.lookups[0].upstream.numel))


def edges(found: Sequence[Case]) -> Iterator[Case]:
    """Cases with arguments, or an index, that are drawn seldom or never."""
    with_limit = [case for case in found if case.config.max_norm is not None]
    for case in with_limit[:40]:
        yield with_arguments(case, max_norm=0.0)
    for case in found[:200]:
        rows = case.config.num_embeddings
        yield from (with_arguments(case, padding_idx=row) for row in (rows, -rows - 1, -1, 0))
        inside = {int(i) for i in case.index.components()} <= {0, 1}
        for dtype in ("float32", "bool")[: 1 + inside]:
            yield with_index(case, Tensor.of(dtype, case.index.shape, case.index.components()))
    for case in with_limit[:40]:
        for outside in (case.config.num_embeddings, -1, 2**32):
            yield with_index(with_arguments(case, padding_idx=0), Tensor.of("int64", (2,), [0, outside]))


def with_arguments(case: Case, **arguments: object) -> Case:
    return replace(case, config=replace(case.config, **arguments))  # type: ignore[arg-type]


def with_index(case: Case, index: Tensor) -> Case:
    """The case with another index, whose upstream gradient is zero."""
    shape = (*index.shape, case.config.embedding_dim)
    upstream = Tensor.of(case.weight.dtype, shape, [0.0] * math.prod(shape))
    return replace(case, lookups=(Lookup(index, upstream),))


def questions(case: Case) -> Mapping[str, Callable[[Embedding], Permitted]]:
    """What a model permits as an answer to a case."""
    dtype, pairs = case.weight.dtype, [(lookup.index, lookup.upstream) for lookup in case.lookups]
    asked: dict[str, Callable[[Embedding], Permitted]] = {
        OUTPUT: lambda model: model.output(case.weight, case.index),
        WEIGHT: lambda model: model.weight_after(case.weight, case.index),
    }
    if not case.features()["index_out_of_range"] and case.index.dtype in INDEX_DTYPES:
        asked[GRADIENT] = lambda model: model.gradient(dtype, pairs)
    return asked


@cache
def right(number: int) -> Mapping[str, Permitted]:
    """What the model permits for a drawn case."""
    case = drawn()[number]
    return {what: ask(case.config) for what, ask in questions(case).items()}


def differing(fault: type[FaultModel], number: int) -> set[str]:
    """What tells a fault model and the model apart in a drawn case."""
    case = drawn()[number]
    model, wrong = case.config, fault.of(case.config)
    if model.refusal is not None:
        return {REFUSAL} if wrong.refusal is None else set()
    found = {what for what, ask in questions(case).items() if share_nothing(right(number)[what], ask(wrong))}
    if model.attributes() != wrong.attributes():
        found.add(ATTRIBUTES)
    pairs = [(lookup.index, lookup.upstream) for lookup in case.lookups]
    if GRADIENT in questions(case) and model.gradient_form("float32", pairs) != wrong.gradient_form("float32", pairs):
        found.add(FORM)
    return found


def test_there_are_enough() -> None:
    assert len(FAULT_MODELS) >= 200
    assert len({fault.sentence() for fault in FAULT_MODELS}) == len(FAULT_MODELS)
    every = {OUTPUT, WEIGHT, GRADIENT, FORM, ATTRIBUTES, REFUSAL}
    assert {what for fault in FAULT_MODELS for what in fault.about} == every


@EACH
def test_a_fault_model_is_one_sentence(fault: type[FaultModel]) -> None:
    assert re.fullmatch(r"[^\n]+[^.]\.", fault.sentence())
    assert ". " not in fault.sentence()


@EACH
def test_a_fault_model_differs_from_the_model_in_what_it_is_about(fault: type[FaultModel]) -> None:
    found: set[str] = set()
    for number in range(len(drawn())):
        found |= differing(fault, number)
        if found >= set(fault.about):
            break
    assert found == set(fault.about)


TWO, THREE = (Tensor.of("float32", (1, 2), values) for values in ([1, 2], [1, 3]))


def within(low: float, high: float, *also: str) -> Within:
    return Within("float32", (1, 2), (Interval(low, high, frozenset(also)),) * 2)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("one", "other", "apart"),
    [
        (Exactly(TWO), Exactly(TWO), False),
        (Exactly(TWO), Exactly(THREE), True),
        (Exactly(TWO), Exactly(Tensor.of("float64", (1, 2), [1, 2])), True),
        (Exactly(TWO), within(0, 2), False),
        (Exactly(TWO), within(0, 1.5), True),
        (within(0, 1), within(1, 2), False),
        (within(0, 1), within(1.5, 2), True),
        (within(0, 1, "nan"), within(1.5, 2, "nan"), False),
        (within(0, 1, "inf"), within(1.5, 2, "nan"), True),
        (within(0, 1), within(3, 4, "any"), False),
        (Anything("float32", (1, 2), "open"), within(0, 1), False),
        (Anything("float32", (2, 1), "open"), within(0, 1), True),
        (Raises(frozenset({"index"})), Exactly(TWO), True),
        (Raises(frozenset({"index"})), Raises(frozenset({"type"})), False),
        (OneOf((Exactly(TWO), Exactly(THREE))), Exactly(THREE), False),
        (OneOf((Exactly(TWO), within(5, 6))), Exactly(THREE), True),
        (Rows("float32", (1, 2), (Exactly(Tensor.of("float32", (2,), [1, 2])),)), Exactly(TWO), False),
        (Rows("float32", (1, 2), (Exactly(Tensor.of("float32", (2,), [1, 2])),)), Exactly(THREE), True),
        (Rows("float32", (1, 2), (Exactly(Tensor.of("float32", (2,), [1, 2])),)), within(3, 4), True),
    ],
)
def test_two_sets_share_nothing(one: Permitted, other: Permitted, apart: bool) -> None:
    assert share_nothing(one, other) == share_nothing(other, one) == apart
