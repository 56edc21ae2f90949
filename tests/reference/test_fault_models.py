"""Each fault model is wrong in one way: somewhere it permits nothing that the model permits."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from embedding_conformance.cases import palettes
from embedding_conformance.cases.case import Case
from embedding_conformance.cases.domain import ANY, ON
from embedding_conformance.cases.strategies import cases, out_of_range
from embedding_reference import Anything, Embedding, Exactly, Interval, OneOf, Permitted, Raises, Rows, Tensor, Within
from embedding_reference.fault_models import FAULT_MODELS, GRADIENT, OUTPUT, WEIGHT, FaultModel
from embedding_reference.telling_apart import share_nothing

EACH = pytest.mark.parametrize("fault", FAULT_MODELS, ids=lambda fault: fault.__name__)

POOL = (
    cases(freeze=ANY, lookups=2, weights=palettes.ANY),
    cases(max_norm=ON, weights=palettes.MODERATE_OR_NEAR, indices=1, columns=1),
    cases(scale_grad_by_freq=ON, padding_idx=ON, index_patterns=("some pads", "only pads"), upstreams=("counting",)),
    cases(scale_grad_by_freq=ON, indices=33, upstreams=("counting",), index_patterns=("equal", "two rows")),
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
    scale_zero = [case for case in found if case.config.max_norm is not None][:40]
    edges = [_with(case, max_norm=0.0) for case in scale_zero]
    return tuple(sorted((*found, *edges), key=lambda case: case.weight.numel + case.lookups[0].upstream.numel))


def _with(case: Case, **arguments: object) -> Case:
    from dataclasses import replace  # noqa: PLC0415 - used here alone

    return replace(case, config=replace(case.config, **arguments))  # type: ignore[arg-type]


def answers(model: Embedding, case: Case) -> Iterator[tuple[str, Permitted]]:
    """What a model permits for a case."""
    yield OUTPUT, model.output(case.weight, case.index)
    yield WEIGHT, model.weight_after(case.weight, case.index)
    if not case.features()["index_out_of_range"]:
        pairs = [(lookup.index, lookup.upstream) for lookup in case.lookups]
        yield GRADIENT, model.gradient(case.weight.dtype, pairs)


def differing(fault: type[FaultModel], case: Case) -> set[str]:
    """The answers to a case that tell a fault model and the model apart."""
    right, wrong = answers(case.config, case), answers(fault.of(case.config), case)
    return {what for (what, one), (_, other) in zip(right, wrong, strict=True) if share_nothing(one, other)}


def test_there_are_enough() -> None:
    assert len(FAULT_MODELS) >= 60
    assert len({fault.sentence() for fault in FAULT_MODELS}) == len(FAULT_MODELS)
    assert {what for fault in FAULT_MODELS for what in fault.about} == {OUTPUT, WEIGHT, GRADIENT}


@EACH
def test_a_fault_model_is_one_sentence(fault: type[FaultModel]) -> None:
    assert re.fullmatch(r"[^\n]+[^.]\.", fault.sentence())
    assert ". " not in fault.sentence()


@EACH
def test_a_fault_model_differs_from_the_model_in_what_it_is_about(fault: type[FaultModel]) -> None:
    found: set[str] = set()
    for case in drawn():
        found |= differing(fault, case)
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
