"""The bounds of gradients admit everything that a conforming implementation may compute, and little more."""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import pytest
from membership import furthest, permits
from simulate import CONTENTS, FLOATS, Array, Generator, accumulators, contents, gradients, rounded, tree_sum

from reference import FORMATS, Embedding, Interval, Tensor, Within
from reference.sums import exact_interval

NAN, INFINITY = float("nan"), float("inf")
COLUMNS = 6
MODES = pytest.mark.parametrize("wide", [False, True], ids=["any accumulator", "wide accumulator"])


def generator(*what: object) -> Generator:
    """Random numbers that depend on what they are for, and on nothing else."""
    return np.random.default_rng(zlib.crc32(repr(what).encode()))


def permitted_for(parts: Sequence[Array], dtype: str, *, scaled: bool = False, wide: bool = False) -> Within:
    """What the gradient of a table of one row may be; each part holds one lookup's terms, of shape (terms, columns)."""
    columns = parts[0].shape[1]
    lookups = [
        (Tensor.of("int64", (len(p),), [0] * len(p)), Tensor.of(dtype, p.shape, p.ravel().tolist())) for p in parts
    ]
    permitted = Embedding(1, columns, scale_grad_by_freq=scaled).gradient(dtype, lookups, wide=wide)
    assert isinstance(permitted, Within)
    return permitted


def single(values: Sequence[float], dtype: str = "float16", *, scaled: bool = False, wide: bool = False) -> Interval:
    """What the sum of the values may be."""
    return permitted_for([np.array(values, dtype=np.float64)[:, None]], dtype, scaled=scaled, wide=wide).intervals[0]


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
    assert permitted.intervals == real.intervals


def test_a_reciprocal_that_is_subnormal_is_admitted() -> None:
    """1/c of so large a count is subnormal in float16, and errs by more than a unit roundoff."""
    form, count = FORMATS["float16"], 60241
    relative, absolute = frequency_error(count, Fraction(0), 1, form)
    computed = form.round(512 * form.round(1 / count))
    assert abs(Fraction(computed) - Fraction(512, count)) <= relative * Fraction(512, count) + absolute
    assert abs(Fraction(computed) - Fraction(512, count)) > 3 * form.unit_roundoff * Fraction(512, count)


# -- tight: does not pass what is wrong --------------------------------------------------------------------------------


def rejected(permitted: Within, wrong: Array) -> bool:
    """Whether the sums, rounded to the dtype, are outside."""
    form = FORMATS[permitted.dtype]
    return furthest(permitted, rounded(wrong, form).tolist()) is None


def typical(dtype: str, count: int, kind: str = "positive") -> tuple[Array, Array]:
    """Terms of shape (count, columns) and their sum, good to float64."""
    terms = contents(kind, FORMATS[dtype], (count, COLUMNS), generator("typical", dtype, count))
    return terms, np.array([math.fsum(column) for column in terms.T])


@MODES
@pytest.mark.parametrize("count", [2, 5, 10])
@pytest.mark.parametrize("dtype", FLOATS)
def test_a_term_too_few_or_too_many_is_rejected(dtype: str, count: int, wide: bool) -> None:
    terms, total = typical(dtype, count)
    permitted = permitted_for([terms], dtype, wide=wide)
    assert not rejected(permitted, total)
    for term in terms:
        assert rejected(permitted, total - term)
        assert rejected(permitted, total + term)


@MODES
@pytest.mark.parametrize("count", [2, 5, 10])
@pytest.mark.parametrize("dtype", FLOATS)
def test_a_wrong_divisor_is_rejected(dtype: str, count: int, wide: bool) -> None:
    terms, total = typical(dtype, count)
    permitted = permitted_for([terms], dtype, scaled=True, wide=wide)
    assert not rejected(permitted, total / count)
    for divisor in (1, count - 1, count + 1):
        assert rejected(permitted, total / max(divisor, 0.5))


@pytest.mark.parametrize("scaled", [False, True], ids=["sum", "mean"])
@pytest.mark.parametrize("count", [2, 5, 10])
@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_four_unit_roundoffs_a_term_are_too_much(dtype: str, count: int, scaled: bool) -> None:
    terms, total = typical(dtype, count)
    permitted = permitted_for([terms], dtype, scaled=scaled)
    right = total / count if scaled else total
    assert not rejected(permitted, right)
    for sign in (1, -1):
        assert rejected(permitted, right * (1 + sign * 4 * count * float(FORMATS[dtype].unit_roundoff)))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_a_wide_accumulator_is_told_from_a_narrow_one(dtype: str) -> None:
    form = FORMATS[dtype]
    terms = np.full((400, 1), form.round(0.7))
    permitted = permitted_for([terms], dtype, wide=True)
    for name, inside in (("float64", True), ("float32", True), (dtype, False)):
        total = rounded(tree_sum(list(terms), FORMATS[name], generator(name), "recursive"), form)
        assert (furthest(permitted, total.tolist()) is not None) == inside, name
    narrow = tree_sum(list(terms), form, generator(), "recursive")
    assert not rejected(permitted_for([terms], dtype), narrow)


@pytest.mark.parametrize("dtype", FLOATS)
def test_a_wide_bound_is_never_wider(dtype: str) -> None:
    u = FORMATS[dtype].unit_roundoff
    for terms in (2, 3, 10, 1000):
        for parts in {1, 2, terms}:
            if u > Fraction(1, 2**24) and parts == 1:
                assert wide_sum_error(terms, parts, u) <= sum_error(terms, parts, u)
            assert wide_sum_error(terms, parts, u) >= (parts - 1) * u


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
    assert gradient.intervals == (Interval(Fraction(0), Fraction(0)), Interval(None, None, frozenset({"nan"})))
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


def test_adding_first_and_dividing_last_may_overflow() -> None:
    assert single([60000.0, 60000.0]).also == single([60000.0, 60000.0], scaled=True).also == {"inf"}
    assert single([30000.0, 30000.0], scaled=True).also == set()
