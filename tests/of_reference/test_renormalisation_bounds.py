"""The bounds of rescaled rows admit everything that a conforming implementation may compute, and little more."""

from __future__ import annotations

import math
import zlib
from collections import Counter
from fractions import Fraction

import numpy as np
import pytest
from membership import permits
from simulate import (
    CONTENTS,
    FLOATS,
    Array,
    Generator,
    Renormaliser,
    contents,
    renormalisers,
    rounded,
    wide_renormalisers,
)

from reference import FORMATS, Embedding, Exactly, Format, OneOf, Rows, Tensor, Within
from reference.bounds import Norm, norm_interval, product_interval, rescaling, storing_error

ORDERS = (1.0, 2.0, 3.0, 0.5, 1.5, math.inf)
INFINITY = math.inf


def generator(*what: object) -> Generator:
    """Random numbers that depend on what they are for, and on nothing else."""
    return np.random.default_rng(zlib.crc32(repr(what).encode()))


def tensor(weight: Array, form: Format) -> Tensor:
    """The weight whose components these are."""
    rows, width = weight.shape
    return Tensor(form.name, (rows, width // form.components), form.encode(weight.ravel().tolist()))


def permitted_for(weight: Array, form: Format, max_norm: float, p: float, *, wide: bool = False) -> Rows:
    """What the weight may be once every row was looked up."""
    table = tensor(weight, form)
    index = Tensor.of("int64", (len(weight),), range(len(weight)))
    permitted = Embedding(len(weight), table.shape[1], max_norm=max_norm, norm_type=p).weight_after(
        table, index, wide=wide
    )
    assert isinstance(permitted, Rows)
    return permitted


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


# -- tight: does not pass what is wrong --------------------------------------------------------------------------------


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
    ("dtype", "factor"), [("float16", 1.02), ("bfloat16", 1.1), ("float32", 1.00001), ("float64", 1.000001)]
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


# -- the pieces --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize("p", [*ORDERS, 1.1, 0.1, 10.0, 1000.0])
@pytest.mark.parametrize("dtype", FLOATS)
def test_the_interval_holds_the_norm(dtype: str, p: float, wide: bool) -> None:
    form = FORMATS[dtype]
    row = contents("normal", form, (12, 1), generator(dtype, p, wide))[:, 0].tolist()
    top = max(abs(v) for v in row)
    exact = top * math.fsum((abs(v) / top) ** p for v in row) ** (1 / p) if math.isfinite(p) else top
    norm = norm_interval(row, p, form, wide=wide)
    assert norm.low <= exact * (1 + 1e-13)
    assert norm.high is None or norm.high >= exact * (1 - 1e-13)
    assert norm.high is not None or not wide


def test_an_exponent_and_its_reciprocal_may_be_rounded_to_the_dtype() -> None:
    form, p, large = FORMATS["float32"], 1.019, Fraction(2**120)
    excess = Fraction(form.round(p)) * Fraction(form.round(1 / p)) - 1
    assert excess > form.unit_roundoff
    norm = norm_interval([float(large)], p, form, wide=True)
    assert norm.high is not None
    growth = Fraction(math.expm1(float(excess) * math.log(large)))
    assert norm.low <= large * (1 + growth) <= norm.high
    assert norm.high - large < 4 * growth * large


def test_powers_and_roots_may_be_four_ulps_off() -> None:
    form = FORMATS["float32"]
    off = 1 + 4 * form.ulp(1.0)
    norm = norm_interval([1.0], 0.5, form)
    assert norm.high is not None
    assert off**3 <= norm.high < off**4  # the error of the power is squared


@pytest.mark.parametrize(("components", "p"), [([1, 3], 0.5), ([1, 2], 0.5), ([1, 1], 1.5)])
@pytest.mark.parametrize("wide", [False, True])
def test_a_norm_may_be_subnormal(components: list[int], p: float, wide: bool) -> None:
    form = FORMATS["float16"]
    quanta = sum(c**p for c in components) ** (1 / p)
    assert abs(quanta - round(quanta)) > 0.1
    norm = norm_interval([c * float(form.quantum) for c in components], p, form, wide=wide)
    assert norm.high is not None
    assert norm.low <= round(quanta) * form.quantum <= norm.high


def test_a_modulus_may_be_subnormal() -> None:
    form = FORMATS["complex64"]
    norm = norm_interval([float(form.quantum)] * 2, INFINITY, form)
    assert norm.high is not None
    assert norm.low <= form.quantum < Fraction(2, 3) * norm.high


def test_an_epsilon_may_be_rounded_to_the_dtype() -> None:
    form = FORMATS["float16"]
    norm = 16 * form.quantum
    padded = form.round(norm + Fraction(form.round(1e-7)))
    least, _ = rescaling(Norm(norm, norm), float(norm / 2), form)
    assert least <= Fraction(form.round(norm / 2 / Fraction(padded)))


def test_zeros_have_no_norm() -> None:
    assert norm_interval([0.0, -0.0], 2.0, FORMATS["float32"]) == Norm(Fraction(0), Fraction(0))
    assert norm_interval([], 3.0, FORMATS["float32"]) == Norm(Fraction(0), Fraction(0))


def test_the_exact_norm_of_a_hypotenuse() -> None:
    form = FORMATS["float32"]
    norm = norm_interval([3.0, 4.0], 2.0, form)
    assert norm.high is not None
    assert norm.low < 5 < norm.high
    assert norm.high - norm.low < 5 * 8 * form.unit_roundoff


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
