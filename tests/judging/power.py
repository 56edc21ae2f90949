"""Tables that are drawn right, and tables that are not.

How surely the statistics tell them apart: `python tests/power.py [DRAWS [DTYPE ...]]`
"""

from __future__ import annotations

import itertools
import math
import re
import sys
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from embedding_conformance.cases.case import DTYPES
from embedding_conformance.judging import normality
from embedding_conformance.judging.compare import Deviation
from embedding_conformance.judging.normality import TALL, WIDE
from embedding_reference import FORMATS, Tensor

Array = np.ndarray[Any, np.dtype[np.float64]]
Draw = Callable[[np.random.Generator, tuple[int, int]], Array]

NUMPY = {"float16": "f2", "float32": "f4", "float64": "f8", "complex64": "f4", "complex128": "f8"}


def table(values: Array, dtype: str) -> Tensor:
    """The values, in standard deviations and a column a component, as a weight of the dtype."""
    components = FORMATS[dtype].components
    shape = (values.shape[0], values.shape[1] // components)
    values = values * math.sqrt(1 / components)
    if dtype == "bfloat16":
        bits = values.astype("<f4").view("<u4").astype("<u8")
        return Tensor(dtype, shape, ((bits + 0x7FFF + (bits >> 16 & 1)) >> 16).astype("<u2").tobytes())
    return Tensor(dtype, shape, values.astype("<" + NUMPY[dtype]).tobytes())


def right(rng: np.random.Generator, shape: tuple[int, int]) -> Array:
    """A table that is drawn right."""
    return rng.standard_normal(shape)


def changed(change: Callable[[Array], Array]) -> Draw:
    """A right table with a change made to it."""
    return lambda rng, shape: change(right(rng, shape))


def filled(where: Any, value: float = 0.0) -> Draw:
    """A right table with a part that holds something else."""

    def fill(values: Array) -> Array:
        values[where] = value
        return values

    return changed(fill)


def first(count: int, *, repeat: bool = False) -> Draw:
    """Only the first elements are drawn; the others repeat them or are zeros."""

    def cut(values: Array) -> Array:
        drawn = values.reshape(-1)[:count]
        whole = np.resize(drawn, values.size) if repeat else np.pad(drawn, (0, values.size - count))
        return whole.reshape(values.shape)

    return changed(cut)


def truncated(limit: float) -> Draw:
    """What lies beyond the limit is drawn again."""

    def draw(rng: np.random.Generator, shape: tuple[int, int]) -> Array:
        values = right(rng, shape)
        while (beyond := abs(values) > limit).any():
            values[beyond] = rng.standard_normal(int(beyond.sum()))
        return values

    return draw


def autoregressive(rho: float) -> Draw:
    """Each element follows the one before it."""

    def draw(rng: np.random.Generator, shape: tuple[int, int]) -> Array:
        noise = right(rng, shape).reshape(-1) * math.sqrt(1 - rho * rho)
        noise[0] /= math.sqrt(1 - rho * rho)
        for i in range(1, noise.size):
            noise[i] += rho * noise[i - 1]
        return noise.reshape(shape)

    return draw


def follows(rho: float, of: Any, to: Any) -> Draw:
    """One part of the table follows another."""

    def follow(values: Array) -> Array:
        values[to] = rho * values[of] + math.sqrt(1 - rho * rho) * values[to]
        return values

    return changed(follow)


def in_common(rho: float) -> Draw:
    """All rows share a part."""
    return lambda rng, shape: math.sqrt(rho) * right(rng, (1, shape[1])) + math.sqrt(1 - rho) * right(rng, shape)


def of_rank(rank: int) -> Draw:
    """Each row combines the same few rows, so that every single element is normal with variance 1."""

    def draw(rng: np.random.Generator, shape: tuple[int, int]) -> Array:
        basis = right(rng, (rank, shape[1]))
        return right(rng, (shape[0], rank)) @ (basis / np.linalg.norm(basis, axis=0))

    return draw


ALL, EVEN, ODD = slice(None), slice(0, None, 2), slice(1, None, 2)
HALF = TALL[0] // 2


class Defect(NamedTuple):
    """How a table comes to be wrong, which judge must see it, and on which shape of table."""

    draw: Draw
    judge: Callable[[Tensor], object]
    shape: tuple[int, int] = TALL


DEFECTS = {
    "standard deviation 1.05": Defect(changed(lambda v: 1.05 * v), normality.judge_normal),
    "standard deviation 0.95": Defect(changed(lambda v: 0.95 * v), normality.judge_normal),
    "mean 0.05": Defect(changed(lambda v: v + 0.05), normality.judge_normal),
    "uniform, variance 1": Defect(lambda rng, shape: rng.uniform(-(3**0.5), 3**0.5, shape), normality.judge_normal),
    "cut off at 2": Defect(truncated(2), normality.judge_normal),
    "cut off at 3": Defect(truncated(3), normality.judge_normal),
    "absolute values": Defect(changed(abs), normality.judge_normal),
    "3 % of the draws zeros": Defect(filled((ALL, slice(100, 104))), normality.judge_normal),
    "one element of 12": Defect(filled((7, 7), 12.0), normality.judge_normal),
    "last row zeros": Defect(filled(-1), normality.judge_lines),
    "last column zeros": Defect(filled((ALL, -1)), normality.judge_lines),
    "a row of 0.5": Defect(filled(1000, 0.5), normality.judge_lines),
    "a column of 0.5": Defect(filled((ALL, 100), 0.5), normality.judge_lines),
    "a row of -1.5": Defect(filled(1000, -1.5), normality.judge_lines),
    "a row of 1e-5": Defect(filled(0, 1e-5), normality.judge_lines),
    "a column of 1e4": Defect(filled((ALL, 0), 1e4), normality.judge_lines),
    "the first 2^16 elements alone": Defect(first(2**16), normality.judge_lines),
    "the first 2^18 elements alone": Defect(first(2**18), normality.judge_lines),
    "the first 2048 rows alone": Defect(filled(slice(2048, None)), normality.judge_lines),
    "the first 2048 columns alone": Defect(filled((ALL, slice(2048, None))), normality.judge_lines, WIDE),
    "neighbours correlated, 0.05": Defect(autoregressive(0.05), normality.judge_independent),
    "neighbours correlated, -0.05": Defect(autoregressive(-0.05), normality.judge_independent),
    "rows correlated in pairs, 0.1": Defect(follows(0.1, EVEN, ODD), normality.judge_independent),
    "columns correlated in pairs, 0.1": Defect(follows(0.1, (ALL, EVEN), (ALL, ODD)), normality.judge_independent),
    "halves correlated, 0.1": Defect(follows(0.1, slice(HALF), slice(HALF, None)), normality.judge_independent),
    "two rows correlated, 0.6": Defect(follows(0.6, 3, 100), normality.judge_independent, WIDE),
    "two columns correlated, 0.6": Defect(follows(0.6, (ALL, 3), (ALL, 100)), normality.judge_independent),
    "two columns alike": Defect(follows(1.0, (ALL, 3), (ALL, 100)), normality.judge_independent),
    "neighbours opposite": Defect(follows(-1.0, (ALL, EVEN), (ALL, ODD)), normality.judge_independent),
    "a tenth in common": Defect(in_common(0.1), normality.judge_independent),
    "rank 20": Defect(of_rank(20), normality.judge_independent),
    "all rows alike": Defect(follows(1.0, slice(0, 1), ALL), normality.judge_unrepeated),
    "64 rows over and over": Defect(first(64 * TALL[1], repeat=True), normality.judge_unrepeated),
    "100,003 elements over and over": Defect(first(100_003, repeat=True), normality.judge_unrepeated),
    "2^18 elements over again": Defect(first(2**18, repeat=True), normality.judge_unrepeated),
    "two rows alike": Defect(follows(1.0, 3, 1700), normality.judge_unrepeated),
    "two rows opposite": Defect(follows(-1.0, 3, 1700), normality.judge_unrepeated),
    "halves opposite": Defect(follows(-1.0, slice(HALF), slice(HALF, None)), normality.judge_unrepeated),
}

JUDGES = (normality.judge_normal, normality.judge_lines, normality.judge_independent, normality.judge_unrepeated)


def rejected(judge: Callable[[Tensor], object], weight: Tensor) -> str | None:
    """What a judge observed in a table that it rejects."""
    try:
        judge(weight)
    except Deviation as deviation:
        return deviation.observed
    return None


def main(draws: int, dtypes: Sequence[str]) -> None:
    """Print how near to rejection right tables come, and how surely each wrong one is rejected."""
    rng = np.random.default_rng()
    for dtype in dtypes:
        for judge, shape in itertools.product(JUDGES, (TALL, WIDE)):
            worst = max(judge(table(right(rng, shape), dtype)) or 0.0 for _ in range(draws))
            sys.stdout.write(f"{dtype}: right, {judge.__name__} of {shape}: at most {worst:.2f} of the limit\n")
        for name, (draw, judge, shape) in DEFECTS.items():
            found = [rejected(judge, table(draw(rng, shape), dtype)) for _ in range(draws)]
            powers = [int(power) for text in found if text for power in re.findall(r"below 1e-(\d+)$", text)]
            least = f", each with p < 1e-{min(powers)}" if powers else ""
            rejections = draws - found.count(None)
            sys.stdout.write(f"{dtype}: {name}: {judge.__name__} rejects {rejections} of {draws}{least}\n")


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else 10, sys.argv[2:] or DTYPES)
