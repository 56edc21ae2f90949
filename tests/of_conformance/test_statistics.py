"""Normal draws are accepted in every dtype; other distributions are not."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import pytest

from conformance.judge import Deviation
from conformance.statistics import COLUMNS, FALSE_ALARM, ROWS, judge_normal
from conformance.strategies import DTYPES
from reference import FORMATS, Tensor

COUNT = ROWS * COLUMNS


def table(draw: Callable[[random.Random], float], dtype: str = "float32", count: int = COUNT) -> Tensor:
    """A table of draws, each component from the same distribution, always the same ones."""
    rng = random.Random(dtype)  # noqa: S311 - test data
    form = FORMATS[dtype]
    return Tensor(dtype, (count,), form.encode([draw(rng) for _ in range(count * form.components)]))


@pytest.mark.parametrize("dtype", DTYPES)
def test_normal_draws_are_accepted(dtype: str) -> None:
    scale = math.sqrt(1 / FORMATS[dtype].components)
    judge_normal(table(lambda rng: rng.gauss(0, scale), dtype))


WRONG: dict[str, Callable[[random.Random], float]] = {
    "too wide by 5 %": lambda rng: rng.gauss(0, 1.05),
    "off by 0.05": lambda rng: rng.gauss(0.05, 1),
    "uniform of the same variance": lambda rng: rng.uniform(-math.sqrt(3), math.sqrt(3)),
    "half of it zeros": lambda rng: rng.gauss(0, 1) if rng.random() < 0.5 else 0.0,
    "half of it never written": lambda rng: rng.gauss(0, 1) if rng.random() < 0.5 else 1e-40,
    "without a left half": lambda rng: abs(rng.gauss(0, 1)),
    "zeros": lambda _: 0.0,
}


@pytest.mark.parametrize("wrong", WRONG)
def test_other_distributions_are_rejected(wrong: str) -> None:
    with pytest.raises(Deviation, match="not a draw from N"):
        judge_normal(table(WRONG[wrong]))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_coarse_dtypes_hide_nothing(dtype: str) -> None:
    with pytest.raises(Deviation):
        judge_normal(table(WRONG["too wide by 5 %"], dtype))


def test_a_complex_element_has_variance_one_in_all() -> None:
    with pytest.raises(Deviation):
        judge_normal(table(lambda rng: rng.gauss(0, 1), "complex64"))


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_is_rejected(value: float) -> None:
    with pytest.raises(Deviation, match="no normal draw"):
        judge_normal(Tensor.of("float32", (3,), [0.5, value, -0.5]))


def test_small_tables_are_judged_less_strictly() -> None:
    """The bound grows as one over the root of the count, so few draws accuse nobody."""
    judge_normal(table(lambda rng: rng.gauss(0, 1), count=20))
    assert FALSE_ALARM * 64 <= 1e-9
