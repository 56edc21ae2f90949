"""Right tables are accepted in every dtype, wrong ones are not, and the probabilities of both errors are derived."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from power import DEFECTS, JUDGES, rejected, right, table

from embedding_conformance.cases.case import DTYPES
from embedding_conformance.judging import normality
from embedding_conformance.judging.compare import Deviation
from embedding_conformance.judging.normality import FALSE_ALARM, JUDGEMENTS, TALL, THRESHOLDS, WIDE
from embedding_reference import Tensor


def rng() -> np.random.Generator:
    """Always the same draws."""
    return np.random.default_rng(1)


@pytest.mark.parametrize("shape", [TALL, WIDE])
@pytest.mark.parametrize("dtype", DTYPES)
def test_right_tables_stay_far_inside(dtype: str, shape: tuple[int, int]) -> None:
    """However the draws are rounded to the dtype, nothing comes near the limit."""
    weight = table(right(rng(), shape), dtype)
    assert all((judge(weight) or 0.0) < 0.4 for judge in JUDGES)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "complex64"])
@pytest.mark.parametrize("name", DEFECTS)
def test_defects_are_rejected(name: str, dtype: str) -> None:
    draw, judge, shape = DEFECTS[name]
    with pytest.raises(Deviation):
        judge(table(draw(rng(), shape), dtype))


def test_how_draws_were_rounded_does_not_matter() -> None:
    """Draws cut to eight bits, and those of float16 in a wider dtype, are judged like any others."""
    values = right(rng(), TALL)
    fraction, exponent = np.frexp(values)
    for rounded in (np.ldexp(np.trunc(fraction * 2**8) / 2**8, exponent), values.astype("f2").astype("f8")):
        assert not any(rejected(judge, table(rounded, "float32")) for judge in JUDGES)


def test_a_complex_element_has_variance_one_in_all() -> None:
    with pytest.raises(Deviation):
        normality.judge_normal(table(right(rng(), TALL) * math.sqrt(2), "complex64"))


@pytest.mark.parametrize("opposite", [1, -1])
def test_a_weight_that_comes_again_is_rejected(opposite: int) -> None:
    """Also where only one row of it does, elsewhere."""
    draws = rng()
    first, second = (right(draws, TALL) for _ in range(2))
    normality.judge_unrepeated(table(first, "float32"), table(second, "float32"))
    second[5] = opposite * first[2000]
    with pytest.raises(Deviation, match="comes twice"):
        normality.judge_unrepeated(table(first, "float32"), table(second, "float32"))


@pytest.mark.parametrize(
    "judge", [normality.judge_normal, normality.judge_lines, normality.judge_independent, normality.judge_unrepeated]
)
def test_a_weight_of_zeros_is_said_to_be_one(judge: Callable[[Tensor], object]) -> None:
    with pytest.raises(Deviation, match="all zero"):
        judge(Tensor.of("float32", (8, 8), [0.0] * 64))


@pytest.mark.parametrize("judge", [normality.judge_normal, normality.judge_lines])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_is_rejected(judge: Callable[[Tensor], float], value: float) -> None:
    with pytest.raises(Deviation, match="no normal draw"):
        judge(Tensor.of("float32", (3, 1), [0.5, value, -0.5]))


@pytest.mark.parametrize("chance", [0.5, 0.1587, 0.0014])
def test_the_bound_is_a_bound(chance: float) -> None:
    """No tail of a binomial distribution is likelier than its surprise says."""
    trials = 300
    each = [math.comb(trials, k) * chance**k * (1 - chance) ** (trials - k) for k in range(trials + 1)]
    for k in range(trials + 1):
        tail = math.fsum(each[k:]) if k > trials * chance else math.fsum(each[: k + 1])
        assert tail <= math.exp(-normality._surprise(k, trials, chance)) * (1 + 1e-9)


@pytest.mark.parametrize(
    ("threshold", "deviation", "mean"), [(-1.5, 1.05, 0), (-1.5, 0.95, 0), (0, 1, 0.05), (0, 1, -0.05)]
)
def test_the_power_is_derived(threshold: float, deviation: float, mean: float) -> None:
    """The same bound says how likely a wrong table's count is to stay within what is accepted, even in bfloat16."""
    draws, chance = TALL[0] * TALL[1], below(threshold)
    limit = math.log(2 * len(THRESHOLDS) * JUDGEMENTS / FALSE_ALARM)
    accepted = [k for k in range(draws) if normality._surprise(k, draws, chance) <= limit]
    half_ulp = 2**-8 if threshold else 0
    if below((threshold - mean) / deviation) > chance:
        edge, wrong = accepted[-1], below((threshold - half_ulp - mean) / deviation)
        assert wrong * draws > edge
    else:
        edge, wrong = accepted[0], below((threshold + half_ulp - mean) / deviation)
        assert wrong * draws < edge
    assert math.exp(-normality._surprise(edge, draws, wrong)) < 1e-23


def below(x: float) -> float:
    """The normal distribution function."""
    return 0.5 * math.erfc(-x / math.sqrt(2))
