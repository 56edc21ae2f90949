"""Each fault model is wrong in one way: somewhere it permits nothing that the model permits."""

from __future__ import annotations

import math
import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import cache
from itertools import product

import pytest

from drawing import drawn
from embedding_conformance.cases import palettes
from embedding_conformance.cases.case import Case, Config, Lookup
from embedding_conformance.cases.domain import ANY, ON
from embedding_conformance.cases.indices import INDEX_PATTERNS
from embedding_conformance.cases.sizes import LARGE
from embedding_conformance.cases.strategies import cases, out_of_range
from embedding_reference import Anything, Embedding, Exactly, Interval, OneOf, Permitted, Raises, Rows, Tensor, Within
from embedding_reference.fault_models import (
    ATTRIBUTES,
    FAULT_MODELS,
    FORM,
    GRADIENT,
    OUTPUT,
    REFUSAL,
    SECOND_ORDER,
    UNDOCUMENTED,
    WEIGHT,
    FaultModel,
)
from embedding_reference.model import INDEX_DTYPES
from embedding_reference.telling_apart import share_nothing

EACH = pytest.mark.parametrize("fault", FAULT_MODELS, ids=lambda fault: fault.__name__)

POOL = (
    cases(freeze=ANY, lookups=2, weights=palettes.ANY, large=False),
    cases(dtype="float64", max_norm=ON, weights=palettes.MODERATE_OR_NEAR, indices=1, columns=1, large=False),
    cases(max_norm=ON, weights=(*palettes.MODERATE_OR_NEAR, "specials"), indices=1, columns=1, large=False),
    cases(
        scale_grad_by_freq=ON,
        padding_idx=ON,
        index_patterns=("some pads", "only pads"),
        upstreams=("counting",),
        large=False,
    ),
    cases(scale_grad_by_freq=ON, indices=3, lookups=3, upstreams=("counting",), large=False),
    cases(upstreams=("specials", "huge", "tiny"), padding_idx=ON, large=False),
    cases(corner="sparse with scale", large=False),
    out_of_range(),
)
LARGE_CONFIGS = ({}, {"max_norm": 0.5, "norm_type": 1.0}, {"scale_grad_by_freq": True})


@cache
def pool() -> tuple[Case, ...]:
    """Cases of all kinds, always the same, the smallest first."""
    found = [case for strategy in POOL for case in drawn(strategy, 100)]
    return tuple(sorted((*found, *edges(found), *large()), key=size))


def size(case: Case) -> int:
    return case.weight.numel + case.lookups[0].upstream.numel


def edges(found: Sequence[Case]) -> Iterator[Case]:
    """Cases with arguments, or an index, that are drawn seldom or never."""
    with_limit = [case for case in found if case.config.max_norm is not None]
    for case in with_limit[:20]:
        yield with_arguments(case, max_norm=0.0)
        for outside in (case.config.num_embeddings, -1, 2**32):
            inside = min(1, case.config.num_embeddings - 1)
            yield with_index(with_arguments(case, padding_idx=0), Tensor.of("int64", (2,), [inside, outside]))
    for case in found[:60]:
        rows = case.config.num_embeddings
        yield from (with_arguments(case, padding_idx=row) for row in (rows, -rows - 1, -1, 0))
        bits = {int(i) for i in case.index.components()} <= {0, 1}
        for dtype in ("float32", "bool")[: 1 + bits]:
            yield with_index(case, Tensor.of(dtype, case.index.shape, case.index.components()))
    too_long = Case(Config(2, 2, max_norm=1.0), Tensor.of("float32", (2, 2), [3, 4, 6, 8]), ())
    yield from (with_index(too_long, Tensor.of(dtype, (2,), [0, 1])) for dtype in ("float32", "bool"))
    with_nan = Case(Config(2, 2, max_norm=1.0), Tensor.of("float32", (2, 2), [math.nan, 1, 3, 4]), ())
    yield with_index(with_nan, Tensor.of("int64", (2,), [0, 1]))


def large() -> Iterator[Case]:
    """Cases with large tables, wide rows or many indices."""
    for seed, ((rows, columns, count), arguments) in enumerate(product(LARGE, LARGE_CONFIGS)):
        config = Config(rows, columns, **arguments)  # type: ignore[arg-type]
        weight = palettes.fill("counting", "float32", (rows, columns), seed)
        pattern = ("two rows", "distinct", "equal")[seed % 3 if rows < count else 1]
        positions = INDEX_PATTERNS[pattern](config, count, random.Random(seed))  # noqa: S311 - test data
        positions[-1] = rows - 1
        upstream = palettes.fill("counting", "float32", (count, columns), seed)
        yield Case(config, weight, (Lookup(Tensor.of("int64", (count,), positions), upstream),))


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
        if all(map(math.isfinite, case.weight.components())):
            asked[SECOND_ORDER] = lambda model: model.second_order(case.index, case.weight)
    return asked


@cache
def right(number: int, what: str) -> Permitted:
    """What the model permits for a drawn case."""
    case = pool()[number]
    return questions(case)[what](case.config)


def differing(fault: type[FaultModel], number: int) -> set[str]:
    """What tells a fault model and the model apart in a drawn case; in a large one only in what the fault is about."""
    case = pool()[number]
    model, wrong, asked = case.config, fault.of(case.config), questions(case)
    if model.refusal is not None:
        return {REFUSAL} if wrong.refusal is None else set()
    matters = fault.about if size(case) > 500 else asked
    found = {what for what in asked if what in matters and share_nothing(right(number, what), asked[what](wrong))}
    if model.attributes() != wrong.attributes():
        found.add(ATTRIBUTES)
    pairs = [(lookup.index, lookup.upstream) for lookup in case.lookups]
    if GRADIENT in asked and model.gradient_form("float16", pairs) != wrong.gradient_form("float16", pairs):
        found.add(FORM)
    return found


def test_there_are_enough() -> None:
    assert len(FAULT_MODELS) >= 200
    assert len({fault.sentence() for fault in FAULT_MODELS}) == len(FAULT_MODELS)
    every = {OUTPUT, WEIGHT, GRADIENT, SECOND_ORDER, FORM, ATTRIBUTES, REFUSAL}
    assert {what for fault in FAULT_MODELS for what in fault.about} == every


@EACH
def test_a_fault_model_is_one_sentence(fault: type[FaultModel]) -> None:
    assert re.fullmatch(r"[^\n]+[^.]\.", fault.sentence())
    assert ". " not in fault.sentence()


@EACH
def test_a_fault_model_differs_from_the_model_in_what_it_is_about(fault: type[FaultModel]) -> None:
    found: set[str] = set()
    for number in range(len(pool())):
        found |= differing(fault, number)
        if found >= set(fault.about):
            break
    assert found == set(fault.about)


@pytest.mark.parametrize("model", UNDOCUMENTED, ids=lambda model: model.__name__)
def test_what_is_undocumented_is_permitted_and_no_more_than_one_thing(model: type[FaultModel]) -> None:
    assert re.fullmatch(r"[^\n]+[^.]\.", model.sentence())
    apart = 0
    for case in pool():
        right, done = (one.weight_after(case.weight, case.index) for one in (case.config, model.of(case.config)))
        assert not share_nothing(right, done)
        apart += share_nothing(done, Exactly(case.weight)) and not share_nothing(right, Exactly(case.weight))
    assert apart


TWO, THREE = (Tensor.of("float32", (1, 2), values) for values in ([1, 2], [1, 3]))


def within(low: float, high: float, *also: str) -> Within:
    bounds = [None if bound is None else Fraction(bound) for bound in (low, high)]
    return Within("float32", (1, 2), (Interval(*bounds, frozenset(also)),) * 2)


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
