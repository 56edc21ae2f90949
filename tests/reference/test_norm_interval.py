"""The bounds of computed norms."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from simulate import FLOATS, Renormaliser, contents, generator

from embedding_reference import FORMATS
from embedding_reference.norms import Norm, norm_interval

ORDERS = (1.0, 2.0, 3.0, 0.5, 1.5, math.inf)
INFINITY = math.inf


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
    for p in (1.0, 2.0):
        norm = norm_interval([1.0], p, form)
        assert norm.high is not None
        assert off <= norm.high < off**2


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


def test_zeros_have_no_norm() -> None:
    assert norm_interval([0.0, -0.0], 2.0, FORMATS["float32"]) == Norm(Fraction(0), Fraction(0))
    assert norm_interval([], 3.0, FORMATS["float32"]) == Norm(Fraction(0), Fraction(0))


def test_the_exact_norm_of_a_hypotenuse() -> None:
    form = FORMATS["float32"]
    norm = norm_interval([3.0, 4.0], 2.0, form)
    assert norm.high is not None
    assert norm.low < 5 < norm.high
    assert norm.high - norm.low < 5 * 24 * form.unit_roundoff


@pytest.mark.parametrize("dtype", FLOATS)
def test_the_infinity_norm_is_exact(dtype: str) -> None:
    row = [FORMATS[dtype].round(v) for v in (0.1, -1 / 3, 1e-3)]
    largest = Fraction(abs(row[1]))
    assert norm_interval(row, INFINITY, FORMATS[dtype]) == Norm(largest, largest)


def test_a_row_may_be_divided_by_its_largest_magnitude() -> None:
    form = FORMATS["float16"]
    row = [1.0234375, 1.8505859375]
    way = Renormaliser(form, form, form, scaled=True)
    computed = float(way.norm(np.array([row]), 2.0, generator())[0])
    error = abs(computed / math.hypot(*row) - 1)
    assert error > 2.3 * float(form.unit_roundoff)  # two would do for a square, a sum and a root
    norm = norm_interval(row, 2.0, form)
    assert norm.high is not None
    assert norm.low <= computed <= norm.high


@pytest.mark.parametrize("p", ORDERS)
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_wide_arithmetic_is_no_worse_than_one_rounding_to_the_dtype(dtype: str, p: float) -> None:
    form = FORMATS[dtype]
    row = contents("normal", form, (12, 1), generator(dtype, p))[:, 0].tolist()
    norm = norm_interval(row, p, form, wide=True)
    assert norm.high is not None
    assert norm.high / norm.low - 1 <= Fraction(21, 10) * form.unit_roundoff


@pytest.mark.parametrize("components", [[0.5], [0.9, 0.3], [3.0, -2.0, 3.0], [1.0, 1.0]])
@pytest.mark.parametrize("p", [1e3, 1e7, 1e7 + 0.5, 1e16, 1e100, 1.7e308])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_norm_of_large_order_is_the_largest_magnitude(dtype: str, p: float, components: list[float]) -> None:
    """The norm lies between max |x| and D^(1/p) max |x|, however large p is."""
    form = FORMATS[dtype]
    row = list(map(form.round, components))
    norm, largest = norm_interval(row, p, form, wide=True), Fraction(max(map(abs, row)))
    assert norm.high is not None
    most = largest * Fraction(len(row) ** (1 / p))
    assert largest * (1 - 20 * form.unit_roundoff) <= norm.low <= most
    assert largest <= norm.high <= most * (1 + 20 * form.unit_roundoff)
    narrow = norm_interval(row, p, form)
    assert narrow.low <= norm.low
    assert narrow.high is None or narrow.high >= norm.high


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize("p", [1e-3, 1e-7, 1e-300])
def test_a_norm_of_small_order_is_huge(p: float, wide: bool) -> None:
    norm = norm_interval([1.0, 1.0], p, FORMATS["float32"], wide=wide)  # it is 2^(1/p)
    assert norm.high is None or norm.high > 2**999
    assert norm.low > FORMATS["float32"].overflow or p < 1e-6


def test_powers_that_underflow_may_leave_no_norm() -> None:
    form = FORMATS["float16"]
    tiny = [float(form.quantum)] * 3
    norm = norm_interval(tiny, 3.0, form)
    assert norm.low == 0
    assert norm.high is not None
    assert norm.high < 1
    assert norm_interval(tiny, 3.0, form, wide=True).low > 0
