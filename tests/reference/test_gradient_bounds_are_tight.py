"""The bounds of gradients admit little more than what a conforming implementation may compute."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from membership import furthest, position
from one_row import COLUMNS, permitted_for, single
from simulate import FLOATS, Array, contents, generator, rounded, tree_sum

from embedding_reference import FORMATS, Interval, Within

MODES = pytest.mark.parametrize("wide", [False, True], ids=["any accumulator", "wide accumulator"])


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


@pytest.mark.parametrize("scaled", [False, True], ids=["sum", "mean"])
@pytest.mark.parametrize("kind", ["equal", "normal", "wide", "cancelling"])
@pytest.mark.parametrize("dtype", FLOATS)
def test_a_wide_bound_is_never_wider(dtype: str, kind: str, scaled: bool) -> None:
    form = FORMATS[dtype]
    for count, lookups in ((2, 1), (3, 1), (10, 2), (100, 3)):
        parts = np.array_split(contents(kind, form, (count, COLUMNS), generator(dtype, kind, count)), lookups)
        bounds = [permitted_for(parts, dtype, scaled=scaled, wide=wide).intervals for wide in (False, True)]
        for narrow, wide in zip(*bounds, strict=True):
            assert narrow.low is not None
            assert narrow.high is not None
            assert wide.low is not None
            assert wide.high is not None
            assert narrow.low <= wide.low <= wide.high <= narrow.high
            assert narrow.also >= wide.also


# -- sharp: nothing is charged that cannot happen ----------------------------------------------------------------------


@pytest.mark.parametrize("scaled", [False, True], ids=["sum", "mean"])
@pytest.mark.parametrize("dtype", FLOATS)
def test_sums_of_small_integers_are_exact(dtype: str, scaled: bool) -> None:
    """While no partial sum needs more digits than there are, in whatever order."""
    most = 2 ** FORMATS[dtype].precision
    for values in ([1.0] * 64, [most - 1.0, 1.0], [2.0 - most, 5.0, most - 5.0, -2.0], [most / 4] * 4):
        right = Fraction(sum(values)) / (len(values) if scaled else 1)
        assert single(values, dtype, scaled=scaled) == Interval.exactly(right)


@pytest.mark.parametrize("dtype", FLOATS)
def test_sums_beyond_are_not(dtype: str) -> None:
    most = float(2 ** FORMATS[dtype].precision)
    interval = single([most, 1.0, 1.0], dtype)
    assert interval.low is not None
    assert interval.low <= most < most + 2
    assert interval.low > most - 1


@pytest.mark.parametrize("dtype", FLOATS)
def test_two_terms_are_rounded_once(dtype: str) -> None:
    """But for ties, and for what another rounding makes one."""
    form = FORMATS[dtype]
    for kind in ("normal", "wide", "cancelling"):
        terms = contents(kind, form, (2, 50), generator(dtype, kind, "two"))
        intervals = permitted_for([terms], dtype).intervals
        for interval, pair in zip(intervals, terms.T.tolist(), strict=True):
            exact = Fraction(pair[0]) + Fraction(pair[1])
            total = form.round(exact)
            ulp = form.ulp(total)
            assert position(interval, total) is not None
            for neighbour in (Fraction(total) + ulp, Fraction(total) - ulp):
                admitted = position(interval, float(neighbour)) is not None
                assert not admitted or abs(neighbour - exact) <= Fraction(51, 100) * ulp


def test_many_duplicates_do_not_vanish() -> None:
    """An accumulator of bfloat16 stops at 256 ones, and no other order does worse than a fifth."""
    ones = [1.0] * 1025
    interval = single(ones, "bfloat16")
    assert tree_sum([np.ones(1)] * 1025, FORMATS["bfloat16"], generator(), "recursive") == [256.0]
    assert position(interval, 256.0) is not None
    for wrong in (0.0, 1.0, 128.0, 200.0):
        assert position(interval, wrong) is None
    mirrored = single([-1.0] * 1025, "bfloat16")
    assert position(mirrored, -256.0) is not None
    assert position(mirrored, -200.0) is None


def test_the_loss_of_many_duplicates_is_reached() -> None:
    values = [256.0] + [1.0] * 256
    total = 0.0
    for value in values:
        total = FORMATS["bfloat16"].round(total + value)
    low = single(values, "bfloat16").low
    assert low is not None
    assert 255.9 < low <= total == 256


def test_terms_of_both_signs_may_vanish() -> None:
    assert position(single([256.0] + [1.0] * 256 + [-256.0], "bfloat16"), 0.0) is not None


@pytest.mark.parametrize(
    ("dtype", "wide", "count"),
    [
        ("bfloat16", False, 16),
        ("float16", False, 33),
        ("float32", False, 1000),
        ("float64", False, 1000),
        ("bfloat16", True, 100),
        ("float16", True, 1000),
    ],
)
def test_a_count_that_is_off_by_one_is_rejected(dtype: str, wide: bool, count: int) -> None:
    """While k u < 1 / count: from there on a sum of quotients that are rounded is as uncertain as that."""
    terms, total = typical(dtype, count)
    permitted = permitted_for([terms], dtype, scaled=True, wide=wide)
    assert not rejected(permitted, total / count)
    assert rejected(permitted, total / (count + 1))
    assert rejected(permitted, total / (count - 1))
