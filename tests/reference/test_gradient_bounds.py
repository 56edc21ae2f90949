"""The bounds of gradients admit everything that a conforming implementation may compute."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from membership import furthest, permits, position
from one_row import COLUMNS, permitted_for, single
from simulate import CONTENTS, FLOATS, accumulators, contents, generator, gradients, rounded

from embedding_reference import FORMATS, Embedding, Interval, Tensor, Within
from embedding_reference.sums import exact_interval, gradient_intervals

NAN, INFINITY = float("nan"), float("inf")
MODES = pytest.mark.parametrize("wide", [False, True], ids=["any accumulator", "wide accumulator"])


# -- sound: never accuses ----------------------------------------------------------------------------------------------


@MODES
@pytest.mark.parametrize("scaled", [False, True], ids=["sum", "mean"])
@pytest.mark.parametrize("kind", CONTENTS)
@pytest.mark.parametrize("dtype", FLOATS)
def test_every_order_and_precision_is_admitted(dtype: str, kind: str, scaled: bool, wide: bool) -> None:
    form = FORMATS[dtype]
    computed = finite = 0
    for count, lookups in ((2, 1), (3, 2), (9, 1), (40, 3), (270 if form.precision < 12 else 100, 1)):
        rng = generator(dtype, kind, scaled, wide, count)
        parts = np.array_split(contents(kind, form, (count, COLUMNS), rng), lookups)
        permitted = permitted_for(parts, dtype, scaled=scaled, wide=wide)
        for how, result in gradients([list(p) for p in parts], form, rng, scaled=scaled, least=24 if wide else 0):
            assert furthest(permitted, result.tolist()) is not None, (how, count, result)
            computed += 1
            finite += bool(np.isfinite(result).any())
    assert computed >= 15
    assert finite > 0


@pytest.mark.parametrize("kind", CONTENTS)
@pytest.mark.parametrize("dtype", FLOATS)
def test_every_division_of_the_second_derivative_is_admitted(dtype: str, kind: str) -> None:
    form = FORMATS[dtype]
    model = Embedding(1, COLUMNS, scale_grad_by_freq=True)
    for count in (2, 3, 10, 255, 1025):
        direction = contents(kind, form, (1, COLUMNS), generator(dtype, kind, count))
        index = Tensor.of("int64", (count,), [0] * count)
        permitted = model.second_order(index, Tensor.of(dtype, (1, COLUMNS), direction.ravel().tolist()))
        assert isinstance(permitted, Within)
        for accumulator in accumulators(form):
            divisor = rounded(count, accumulator)
            for divided in (direction / divisor, direction * rounded(1 / divisor, accumulator)):
                result = rounded(rounded(divided, accumulator), form).ravel().tolist()
                assert furthest(permitted, result * count) is not None, (accumulator.name, count)
        if kind == "normal":
            assert furthest(permitted, direction.ravel().tolist() * count) is None


@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
def test_components_of_complex_gradients_are_summed_apart(dtype: str) -> None:
    rng = generator(dtype)
    values = contents("normal", FORMATS[dtype], (5, 6), rng)
    upstream = Tensor(dtype, (5, 3), FORMATS[dtype].encode(values.ravel().tolist()))
    permitted = Embedding(1, 3).gradient(dtype, [(Tensor.of("int32", (5,), [0] * 5), upstream)])
    assert isinstance(permitted, Within)
    real = permitted_for([values], {"complex64": "float32", "complex128": "float64"}[dtype])
    assert list(permitted.intervals) == list(real.intervals)


def test_a_reciprocal_that_is_subnormal_is_admitted() -> None:
    """1/c of so large a count is subnormal in float16, and errs by more than a unit roundoff."""
    form, count = FORMATS["float16"], 60241
    computed = form.round(512 * form.round(1 / count))
    assert position(gradient_intervals([[512.0]], [count], form)[0], computed) is not None
    assert abs(Fraction(computed) - Fraction(512, count)) > 3 * form.unit_roundoff * Fraction(512, count)


@pytest.mark.parametrize("dtype", FLOATS)
def test_a_term_on_its_own_is_divided_and_no_more(dtype: str) -> None:
    form = FORMATS[dtype]
    for value, count in ((0.7, 3), (0.3, 257), (1.0, 4), (-0.9, 1000)):
        term = form.round(value)
        (interval,) = gradient_intervals([[term]], [count], form)
        for way in (form.round(term * form.round(1 / count)), form.round(Fraction(term) / count)):
            assert position(interval, way) is not None
        assert interval.low is not None
        assert interval.high is not None
        assert interval.high - interval.low <= abs(Fraction(term) / count) * 7 * form.unit_roundoff
        assert (interval.high == interval.low) == (count == 4)


def test_a_term_on_its_own_is_exact() -> None:
    assert single([0.1], "float64") == Interval.exactly(Fraction(0.1))
    assert single([0.5], scaled=True) == Interval.exactly(Fraction(1, 2))
    assert exact_interval(-INFINITY) == Interval(None, None, frozenset({"-inf"}))


def test_zeros_of_either_sign_are_alike() -> None:
    permitted = permitted_for([np.array([[-0.0]])], "float32")
    assert all(permits(permitted, Tensor.of("float32", (1, 1), [zero])) for zero in (0.0, -0.0))
    assert single([-0.0, -0.0]) == Interval(Fraction(0), Fraction(0))


def test_rows_that_were_not_looked_up_get_exactly_zero() -> None:
    gradient = Embedding(2, 1).gradient("float32", [(Tensor.of("int64", (), [1]), Tensor.of("float32", (1,), [NAN]))])
    assert isinstance(gradient, Within)
    assert list(gradient.intervals) == [Interval(Fraction(0), Fraction(0)), Interval(None, None, frozenset({"nan"}))]
    none = Embedding(2, 1).gradient("float32", [])
    assert isinstance(none, Within)
    assert set(none.intervals) == {Interval(Fraction(0), Fraction(0))}


# -- NaN, infinity and overflow ----------------------------------------------------------------------------------------


@MODES
@pytest.mark.parametrize(
    ("values", "allowed"),
    [
        ([NAN], {"nan"}),
        ([-INFINITY], {"-inf"}),
        ([1.0, NAN], {"nan"}),
        ([INFINITY, NAN], {"nan"}),
        ([1.0, INFINITY, 2.0], {"inf"}),
        ([1.0, -INFINITY], {"-inf"}),
        ([INFINITY, -INFINITY], {"nan"}),
        ([INFINITY, 60000.0, 60000.0], {"inf"}),
        ([INFINITY, -60000.0, -60000.0], {"inf", "nan"}),
        ([-INFINITY, 60000.0, 60000.0], {"-inf", "nan"}),
    ],
)
def test_a_special_term_decides(values: list[float], allowed: set[str], wide: bool) -> None:
    assert single(values, wide=wide) == Interval(None, None, frozenset(allowed))


@pytest.mark.parametrize(
    ("values", "allowed"),
    [
        ([30000.0, 30000.0], set()),
        ([60000.0, -60000.0], set()),
        ([60000.0, 60000.0, -60000.0], {"inf"}),
        ([-60000.0, -60000.0, 60000.0], {"-inf"}),
        ([60000.0, 60000.0, -60000.0, -60000.0], {"inf", "-inf", "nan"}),
    ],
)
def test_infinity_is_admitted_only_where_a_partial_sum_could_overflow(values: list[float], allowed: set[str]) -> None:
    interval = single(values)
    assert interval.also == allowed
    assert interval.low is not None
    assert interval.high is not None
    assert interval.low <= sum(values) <= interval.high


def test_a_sum_that_must_overflow_has_no_finite_value() -> None:
    interval = single([60000.0, 60000.0])
    assert interval.low is not None
    assert interval.low > FORMATS["float16"].largest
    assert interval.also == {"inf"}


def test_roundings_may_carry_a_sum_to_infinity() -> None:
    form = FORMATS["float16"]
    values = [32768.0] + [17.0] * 1024  # each addition of 17 rounds up to 32
    total = 0.0
    for value in values:
        total = form.round(total + value)
    assert total == INFINITY
    assert sum(values) < 0.8 * form.overflow
    assert single(values).also == {"inf"}
    assert not single(values, wide=True).also


@pytest.mark.parametrize("scaled", [False, True], ids=["sum", "mean"])
def test_a_wide_accumulator_reaches_as_far_as_float32(scaled: bool) -> None:
    assert not single([60000.0, 60000.0, -60000.0, -60000.0], scaled=scaled, wide=True).also
    assert single([60000.0, 60000.0], scaled=scaled, wide=True).also == (set() if scaled else {"inf"})
    large = float(FORMATS["bfloat16"].largest)
    assert single([large, large, -large], "bfloat16", scaled=scaled, wide=True).also == {"inf"}


def test_adding_first_and_dividing_last_may_overflow() -> None:
    assert single([60000.0, 60000.0]).also == single([60000.0, 60000.0], scaled=True).also == {"inf"}
    assert single([30000.0, 30000.0], scaled=True).also == set()
