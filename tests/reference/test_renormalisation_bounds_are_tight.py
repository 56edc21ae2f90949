"""The bounds of rescaled rows admit little more than what a conforming implementation may compute."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from membership import permits, rows_of
from renormalised import permitted_for, tensor
from simulate import FLOATS, Array, contents, generator, rounded

from embedding_reference import FORMATS, Exactly, Format, OneOf, Tensor, Within

ORDERS = (1.0, 2.0, 3.0, 0.5, 1.5, math.inf)


def rescaled_by(weight: Array, p: float, max_norm: float, epsilon: float) -> Array:
    """The rows rescaled in float64, rounded by whoever compares."""
    norm = np.linalg.norm(weight, ord=p, axis=1, keepdims=True) if p >= 1 else _quasinorm(weight, p)
    return np.asarray(weight * (max_norm / (norm + epsilon)), dtype=np.float64)


def _quasinorm(weight: Array, p: float) -> Array:
    return np.asarray((np.abs(weight) ** p).sum(axis=1, keepdims=True) ** (1 / p), dtype=np.float64)


def accepted(weight: Array, form: Format, p: float, max_norm: float, after: Array, *, wide: bool = False) -> list[bool]:
    """For each row whether the bounds admit it."""
    rules = permitted_for(weight, form, max_norm, p, wide=wide).rows
    assert all(isinstance(rule, Within) for rule in rules)
    components = rounded(after, form)
    return [
        permits(rule, Tensor.of(form.name, row.shape, row.tolist()))
        for rule, row in zip(rules, components, strict=True)
    ]


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize("p", ORDERS)
@pytest.mark.parametrize("dtype", FLOATS)
def test_a_norm_of_another_order_is_rejected(dtype: str, p: float, wide: bool) -> None:
    form = FORMATS[dtype]
    rng = generator(dtype, p, "order")
    weight = rounded(rng.uniform(0.8, 1.2, (8, 6)) * rng.choice([-1, 1], (8, 6)), form)
    assert all(accepted(weight, form, p, 0.25, rescaled_by(weight, p, 0.25, 1e-7), wide=wide))
    for other in ORDERS:
        if other != p:
            wrong = rescaled_by(weight, other, 0.25, 1e-7)
            assert not any(accepted(weight, form, p, 0.25, wrong, wide=wide)), other


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize("epsilon", [1e-3, -1e-3])
@pytest.mark.parametrize("dtype", FLOATS)
def test_a_larger_epsilon_is_rejected(dtype: str, epsilon: float, wide: bool) -> None:
    form = FORMATS[dtype]
    size = 1.0 if form.precision >= 24 else 0.004
    weight = rounded(contents("normal", form, (8, 6), generator(dtype, "epsilon")) * size, form)
    right, wrong = (rescaled_by(weight, 2.0, size / 4, e) for e in (1e-7, epsilon))
    assert all(accepted(weight, form, 2.0, size / 4, right, wide=wide))
    assert not any(accepted(weight, form, 2.0, size / 4, wrong, wide=wide))


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize(
    ("dtype", "epsilon"), [("float32", 1e-6), ("float32", 1e-5), ("float64", 2e-7), ("float64", 1e-5)]
)
def test_a_slightly_larger_epsilon_is_rejected(dtype: str, epsilon: float, wide: bool) -> None:
    """Where norms are about a half, as far as float32 can tell."""
    form = FORMATS[dtype]
    weight = rounded(contents("normal", form, (8, 3), generator(dtype, "small")) * 0.2, form)
    right, wrong = (rescaled_by(weight, 2.0, 0.01, e) for e in (1e-7, epsilon))
    assert all(accepted(weight, form, 2.0, 0.01, right, wide=wide))
    assert not any(accepted(weight, form, 2.0, 0.01, wrong, wide=wide))


@pytest.mark.parametrize("p", [1.0, 2.0, 3.0, math.inf])
@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
def test_complex_rows_that_are_slightly_off_are_rejected(dtype: str, p: float) -> None:
    form = FORMATS[dtype]
    weight = contents("normal", form, (8, 6), generator(dtype, p))
    moduli = np.hypot(weight[:, 0::2], weight[:, 1::2])
    factors = 0.25 / (np.linalg.norm(moduli, ord=p, axis=1, keepdims=True) + 1e-7)
    for wrong, right in ((1, True), (1 + 1e-5, False), (1 - 1e-5, False)):
        rules = permitted_for(weight, form, 0.25, p).rows
        after = tensor(rounded(weight * factors * wrong, form), form)
        assert [permits(rule, row) for rule, row in zip(rules, rows_of(after), strict=True)] == [right] * 8


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize(
    ("dtype", "factor"), [("float16", 1.01), ("bfloat16", 1.06), ("float32", 1.000003), ("float64", 1.000001)]
)
def test_a_factor_slightly_off_is_rejected(dtype: str, factor: float, wide: bool) -> None:
    form = FORMATS[dtype]
    weight = contents("normal", form, (8, 6), generator(dtype, "factor"))
    right = rescaled_by(weight, 2.0, 0.25, 5e-8)
    assert all(accepted(weight, form, 2.0, 0.25, right, wide=wide))
    for wrong in (right * factor, right / factor):
        assert not any(accepted(weight, form, 2.0, 0.25, wrong, wide=wide))


@pytest.mark.parametrize("dtype", FLOATS)
def test_a_row_that_stays_above_or_changes_below_is_rejected(dtype: str) -> None:
    form = FORMATS[dtype]
    weight = contents("normal", form, (6, 4), generator(dtype, "unchanged"))
    assert not any(accepted(weight, form, 2.0, 0.25, weight))
    below = permitted_for(weight, form, 64.0, 2.0)
    assert all(isinstance(rule, Exactly) for rule in below.rows)
    assert not permits(below, tensor(rounded(weight * (1 - 2 * float(form.unit_roundoff)), form), form))


@pytest.mark.parametrize("dtype", FLOATS)
def test_only_norms_near_the_limit_are_undecided(dtype: str) -> None:
    """16 unit roundoffs away, the verdict is settled."""
    form = FORMATS[dtype]
    u = float(form.unit_roundoff)
    row = np.array([[0.6, 0.8]])
    verdicts = [type(permitted_for(rounded(row, form), form, 1 + k * u * 16, 2.0).rows[0]) for k in (-1, 0, 1)]
    assert verdicts == [Within, OneOf, Exactly]


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize("dtype", FLOATS)
def test_nothing_is_undecided_at_the_limit_of_an_infinity_norm(dtype: str, wide: bool) -> None:
    form = FORMATS[dtype]
    limit = form.round(0.3)
    above = float(limit + form.ulp(limit))
    for top, verdict in ((limit, Exactly), (above, Within)):
        rule = permitted_for(np.array([[-top, 0.1]]), form, limit, math.inf, wide=wide).rows[0]
        assert isinstance(rule, verdict)


@pytest.mark.parametrize("p", [1.0, 2.0, 3.0, 1.5])
@pytest.mark.parametrize("dtype", FLOATS)
def test_few_norms_are_undecided(dtype: str, p: float) -> None:
    """Of the rows around the limit, no more than eight ulps to either side."""
    form = FORMATS[dtype]
    ulps = Fraction(form.ulp(1.0))
    rows = np.array([[float(1 + k * ulps)] for k in range(-20, 21)])
    kinds = [isinstance(rule, OneOf) for rule in permitted_for(rows, form, 1.0, p).rows]
    assert sum(kinds) <= 16
    assert not any(kinds[:12] + kinds[-12:])
