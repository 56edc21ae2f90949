"""A case can be read, written down as Python, and asked what it is like."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embedding_conformance.cases.case import FEATURES, Case, Config, Life, Lookup, Step
from embedding_conformance.cases.domain import ANY
from embedding_conformance.cases.life_strategies import life_cases
from embedding_conformance.cases.palettes import ANY as ANY_PALETTE
from embedding_conformance.cases.strategies import cases, out_of_range
from embedding_reference import Tensor
from examples import case

NAMES = {made.__name__: made for made in (Case, Config, Life, Lookup, Step, Tensor)}

every_kind = cases(freeze=ANY, weights=ANY_PALETTE, upstreams=ANY_PALETTE, large=False) | out_of_range() | life_cases()


@given(every_kind)
@settings(max_examples=60)
def test_the_repr_is_python_that_makes_an_equal_case(case: Case) -> None:
    for value in (case, case.config, case.lookups[0], case.weight, case.index):
        assert eval(repr(value), {"__builtins__": {"float": float, "bytes": bytes}, **NAMES}) == value  # noqa: S307


@pytest.mark.parametrize("value", [math.inf, -math.inf, 0.1])
def test_the_repr_of_any_number_is_python(value: float) -> None:
    config = Config(1, 1, norm_type=value)
    assert eval(repr(config), {"Config": Config}) == config  # noqa: S307


def test_the_repr_names_only_what_is_not_at_its_default() -> None:
    assert repr(Config(3, 2, padding_idx=1)) == "Config(num_embeddings=3, embedding_dim=2, padding_idx=1)"


@given(every_kind)
@settings(max_examples=60)
def test_features_are_flat_and_plain(case: Case) -> None:
    features = case.features()
    assert tuple(features) == FEATURES
    assert all(type(value) in (bool, int, float, str) for value in features.values())
    json.dumps(features)


def test_features_are_said_of_each_lookup() -> None:
    first = case(index=(0, 1))
    both = replace(first, lookups=(*first.lookups, *case(index=(1, 1, 1)).lookups))
    assert [f["duplicates"] for f in both.each_features] == [False, True]
    assert [f["index_numel"] for f in both.each_features] == [2, 3]
    assert both.features() == both.each_features[0]
    assert both.features()["accumulates"]


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (case(), {"padding_idx": False, "pads": 0, "max_norm": False, "norm_range": "ordinary", "dtype": "float32"}),
        (case(padding_idx=1, index=(1, 1, 0)), {"padding_idx": True, "padding_idx_negative": False, "pads": 2}),
        (case(padding_idx=-2, index=(1,)), {"padding_idx": True, "padding_idx_negative": True, "pads": 1}),
        (case(padding_idx=7), {"padding_idx": True, "pads": 0}),
        (case(padding_idx=0, index=(1,), values=[0] * 6), {"pads": 0, "pads_hold": "none"}),
        (case(padding_idx=-3, index=(0,), values=[0] * 6), {"pads": 1, "pads_hold": "zeros"}),
        (case(padding_idx=0, index=(0,), values=[0, -0.0] * 3), {"pads_hold": "other"}),
        (case(padding_idx=0, index=(0,), values=[0, 1] * 3), {"pads_hold": "other"}),
        (case(index=(0, 3)), {"index_out_of_range": True}),
        (case(index=(0, -1)), {"index_out_of_range": True}),
        (case(index=(0, 2)), {"index_out_of_range": False, "duplicates": False}),
        (case(index=()), {"index_numel": 0, "index_ndim": 1, "duplicates": False}),
    ],
)
def test_features_say_what_the_case_is_like(made: Case, expected: dict[str, Any]) -> None:
    assert made.features() | expected == made.features()


@pytest.mark.parametrize(
    ("dtype", "values", "norm_type", "expected"),
    [
        ("float32", [3.0, 4.0], 2.0, "ordinary"),
        ("float32", [0.0, 0.0], 2.0, "ordinary"),
        ("float32", [1e30, 1e30], 2.0, "overflow"),
        ("float32", [1e30, 1e30], 1.0, "ordinary"),
        ("float32", [1e30, 1e30], math.inf, "ordinary"),
        ("float32", [1e-30, 1e-30], 2.0, "underflow"),
        ("float32", [1e-30, 1e-30], 1.0, "ordinary"),
        ("float32", [3e38, 3e38], 1.0, "overflow"),
        ("float16", [60000.0, 60000.0], 2.0, "overflow"),
        ("float16", [60000.0, 0.0], 2.0, "overflow"),
        ("float16", [100.0, 100.0], 2.0, "ordinary"),
        ("float64", [1e30, 1e30], 2.0, "ordinary"),
        ("float64", [1e200, 1e200], 2.0, "overflow"),
        ("float64", [1e-200, 1e-200], 2.0, "underflow"),
    ],
)
def test_the_norm_range_says_where_arithmetic_leaves_the_format(
    dtype: str, values: list[float], norm_type: float, expected: str
) -> None:
    made = case(1, 2, (0,), dtype=dtype, values=values, max_norm=1.0, norm_type=norm_type)
    assert made.features()["norm_range"] == expected


def test_the_norm_range_is_that_of_the_rows_looked_up() -> None:
    made = case(2, 1, (0,), values=[1.0, 3e38], max_norm=1.0)
    assert made.features()["norm_range"] == "ordinary"
    assert made.norms([0, 1]) == {0: 1.0, 1: pytest.approx(3e38)}


@pytest.mark.parametrize(
    ("dtype", "value", "expected"),
    [
        ("float32", 1.0, "ordinary"),
        ("float32", -0.0, "ordinary"),
        ("float32", math.nan, "ordinary"),
        ("float32", -math.inf, "ordinary"),
        ("float32", 1e-45, "underflow"),
        ("float32", -(2.0**-104), "underflow"),  # 2^-104 + 2^-127 is one too, and their difference is subnormal
        ("float32", 2.0**-103, "ordinary"),
        ("float16", 2.0**-5, "underflow"),
        ("bfloat16", 2.0**-119, "ordinary"),
        ("float64", 2.0**-104, "ordinary"),
        ("complex64", 1 + 1e-40j, "underflow"),
    ],
)
def test_the_upstream_range_says_where_sums_may_be_subnormal(dtype: str, value: complex, expected: str) -> None:
    assert case(dtype=dtype, upstream=[1.0, 0.0, 1.0, value]).features()["upstream_range"] == expected


@given(cases(dtype="float64"), st.sampled_from(("float16", "bfloat16", "float32", "complex64")))
@settings(max_examples=25)
def test_with_dtype_rounds_weight_and_upstream_and_nothing_else(case: Case, dtype: str) -> None:
    cast = case.with_dtype(dtype)
    assert cast.weight == Tensor.of(dtype, case.weight.shape, case.weight.values())
    assert {lookup.upstream.dtype for lookup in cast.lookups} == {dtype}
    assert (cast.config, cast.index, cast.weight_layout) == (case.config, case.index, case.weight_layout)
    assert case.with_dtype("float64") is case


@given(life_cases())
@settings(max_examples=25)
def test_with_dtype_rounds_the_steps_of_a_life_too(life: Life) -> None:
    cast = life.with_dtype("complex128")
    found = {lookup.upstream.dtype for step in cast.steps for lookup in step.lookups}
    found |= {step.weight.dtype for step in cast.steps if step.weight}
    assert found | {cast.weight.dtype, cast.lookups[0].upstream.dtype} == {"complex128"}
    assert [(step.verb, step.how) for step in cast.steps] == [(step.verb, step.how) for step in life.steps]
