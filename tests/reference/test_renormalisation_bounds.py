"""The bounds of rescaled rows admit everything that a conforming implementation may compute."""

from __future__ import annotations

import math
from collections import Counter
from fractions import Fraction

import numpy as np
import pytest
from membership import permits
from renormalised import permitted_for, tensor
from simulate import (
    CONTENTS,
    FLOATS,
    Array,
    Generator,
    Renormaliser,
    contents,
    generator,
    renormalisers,
    wide_renormalisers,
)

from embedding_reference import FORMATS, Format, Tensor, Within
from embedding_reference.norms import Norm, product_interval, rescaling, storing_error

ORDERS = (1.0, 2.0, 3.0, 0.5, 1.5, math.inf)
INFINITY = math.inf


def limits(weight: Array, form: Format, p: float, rng: Generator) -> list[float]:
    """Limits below, at and above the norms, and one at random that few formats hold exactly."""
    moduli = np.hypot(weight[:, 0::2], weight[:, 1::2]) if form.kind == "complex" else np.abs(weight)
    top = moduli.max()
    double = FORMATS["float64"]
    norms = Renormaliser(double, double, double).norm(moduli / (top or 1.0), p, rng) * top
    middle = float(np.median(norms))
    chosen = [middle, middle * 0.7, 0.1, float(10.0 ** rng.uniform(-9, 1))]
    return [limit for limit in chosen if math.isfinite(limit)]


# -- sound: never accuses ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("p", ORDERS)
@pytest.mark.parametrize("dtype", [*FLOATS, "complex64"])
def test_every_way_to_rescale_is_admitted(dtype: str, p: float) -> None:
    form = FORMATS[dtype]
    kinds: Counter[str] = Counter()
    rescaled = 0
    for kind in CONTENTS:
        rng = generator(dtype, p, kind)
        for dim in (1, int(rng.choice([2, 3, 8, 64]))):
            weight = contents(kind, form, (2, dim * form.components), rng)
            for max_norm in limits(weight, form, p, rng):
                permitted = permitted_for(weight, form, max_norm, p)
                kinds.update(type(rule).__name__ for rule in permitted.rows)
                for way in renormalisers(form, rng, 3):
                    after = way(weight, max_norm, p, form, rng)
                    assert permits(permitted, tensor(after, form)), (way, max_norm, weight.tolist(), after.tolist())
                    rescaled += int((after != weight).any(axis=1).sum())
    decided = ("Within", "Exactly") if math.isinf(p) else ("Within", "OneOf", "Exactly")
    assert min(kinds[name] for name in decided) >= 5, kinds
    assert rescaled > 200


@pytest.mark.parametrize("p", ORDERS)
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_wide_arithmetic_meets_the_narrow_bounds(dtype: str, p: float) -> None:
    form = FORMATS[dtype]
    kinds: Counter[str] = Counter()
    for kind in CONTENTS:
        rng = generator(dtype, p, kind, "wide")
        for dim in (1, 8):
            weight = contents(kind, form, (2, dim), rng)
            for max_norm in limits(weight, form, p, rng):
                permitted = permitted_for(weight, form, max_norm, p, wide=True)
                kinds.update(type(rule).__name__ for rule in permitted.rows)
                for way in wide_renormalisers(form, rng, 4):
                    after = way(weight, max_norm, p, form, rng)
                    assert permits(permitted, tensor(after, form)), (way, max_norm, weight.tolist(), after.tolist())
    assert kinds["Within"] >= 40


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
@pytest.mark.parametrize("p", ORDERS)
def test_a_float32_norm_of_moderate_rows_meets_the_wide_bounds(dtype: str, p: float) -> None:
    form, single = FORMATS[dtype], FORMATS["float32"]
    rng = generator(dtype, p)
    weight = contents("normal", form, (6, 8), rng)
    way = Renormaliser(single, single, single, norm_rounded=True, sloppy=4)
    assert permits(permitted_for(weight, form, 0.5, p, wide=True), tensor(way(weight, 0.5, p, form, rng), form))


def test_a_limit_that_the_dtype_cannot_hold_need_not_be_exceeded() -> None:
    form = FORMATS["float16"]
    weight = np.array([[60000.0, 60000.0]])
    rule = permitted_for(weight, form, 70000.0, 1.0).rows[0]
    assert permits(rule, Tensor.of("float16", (2,), [60000, 60000]))
    assert permits(rule, Tensor.of("float16", (2,), [35000, 35000]))
    assert permits(rule, Tensor.of("float16", (2,), [0, 0]))
    assert isinstance(permitted_for(weight, form, 70000.0, 1.0, wide=True).rows[0], Within)


@pytest.mark.parametrize("p", [1.0, 2.0, 3.0, INFINITY])
def test_a_norm_that_overflows_may_make_zeros_unless_arithmetic_is_wide(p: float) -> None:
    form = FORMATS["complex64"] if math.isinf(p) else FORMATS["float16"]
    weight = np.full((1, 4), float(form.largest))
    zeros = tensor(0 * weight, form)
    assert permits(permitted_for(weight, form, 1.0, p), zeros)
    assert not permits(permitted_for(weight, form, 1.0, p, wide=True), zeros)


def test_squares_of_both_parts_of_a_complex_number_may_underflow() -> None:
    form = FORMATS["complex64"]
    part = float(np.float32(float(form.quantum * Fraction(49, 100)) ** 0.5))
    rule = permitted_for(np.array([[part, part]]), form, 1e-24, 2.0).rows[0]
    assert permits(rule, Tensor.of("complex64", (1,), [complex(part, part)]))


# -- the pieces --------------------------------------------------------------------------------------------------------


def test_an_epsilon_may_be_rounded_to_the_dtype() -> None:
    form = FORMATS["float16"]
    norm = 16 * form.quantum
    padded = form.round(norm + Fraction(form.round(1e-7)))
    least, _ = rescaling(Norm(norm, norm), float(norm / 2), form)
    assert least <= Fraction(form.round(norm / 2 / Fraction(padded)))


def test_a_direction_may_underflow_before_it_is_scaled() -> None:
    form, limit = FORMATS["float16"], 64.0
    weight = np.array([[200.0, form.round(0.0004)]])
    first = Renormaliser(form, form, form, direction_first=True)
    after = first(weight, limit, 2.0, form, generator())
    assert abs(after[0, 1] / weight[0, 1] - limit / 200) > 4 * form.unit_roundoff * limit / 200
    assert permits(permitted_for(weight, form, limit, 2.0), tensor(after, form))


def test_a_component_of_zero_stays_zero() -> None:
    interval = product_interval(-0.0, (Fraction(1, 3), Fraction(1, 2)), FORMATS["float32"])
    assert interval.low == interval.high == 0


def test_a_norm_that_may_vanish_does_not_make_a_row_grow() -> None:
    form = FORMATS["float16"]
    for max_norm, low in ((0.0, 0), (1e-8, 0), (1.0, 0), (1.0, Fraction(1, 10**12))):
        least, greatest = rescaling(Norm(Fraction(low), None), max_norm, form)
        assert least == 0
        assert greatest <= 1 + 8 * form.unit_roundoff


@pytest.mark.parametrize("dtype", FLOATS)
def test_storing_errs_by_half_an_ulp_or_not_at_all(dtype: str) -> None:
    form = FORMATS[dtype]
    assert storing_error(0.5, form) == 0
    for value in (0.1, 1e-9, float(form.quantum) * 1.5 if dtype != "float64" else 0.1):
        assert abs(Fraction(form.round(value)) - Fraction(value)) <= storing_error(value, form)
