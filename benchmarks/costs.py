"""What one case costs, by part and by size: benchmarks for pytest-benchmark, which `performance.py` runs.

The bare framework does the same beside each: a module, a lookup, a backward.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch

from embedding_conformance.adapters.torch.module import TorchModuleAdapter
from embedding_conformance.boundary.observations import Backward
from embedding_conformance.cases.case import Case, Config, Lookup
from embedding_conformance.cases.domain import Domain
from embedding_conformance.cases.drawing import draw
from embedding_conformance.judging.compare import compare, compare_gradient
from embedding_conformance.judging.expectations import Expectations
from embedding_reference import Tensor, Within

SIZES = {"small": (2, 2, 3), "typical": (33, 8, 33), "large": (1025, 65, 513)}
"""num_embeddings, embedding_dim, and the number of indices."""

DRAWN = 100
"""How many cases are drawn at once."""

ROWS = {f"{rows} rows": (rows, 4, 16) for rows in (100, 10_000, 1_000_000)}
COLUMNS = {f"{columns} columns": (64, columns, 16) for columns in (10, 100, 1000)}
LOOKUPS = {f"{lookups} lookups": (64, 4, lookups) for lookups in (100, 1000, 10_000)}
GROWTH = ROWS | COLUMNS | LOOKUPS

by_size = pytest.mark.parametrize("sizes", SIZES.values(), ids=SIZES)


def case_of(sizes: tuple[int, int, int]) -> Case:
    """A case of these sizes in float32, whose lookups name a row several times."""
    rows, columns, count = sizes
    index = Tensor.of("int64", (count,), [place * 7919 % rows for place in range(count)])
    weight = Tensor.repeating("float32", (rows, columns), [place / 7 for place in range(1, 62)])
    upstream = Tensor.repeating("float32", (count, columns), [place / 3 for place in range(-30, 31)])
    return Case(Config(rows, columns), weight, (Lookup(index, upstream),))


def asked(case: Case) -> tuple[Backward, Tensor]:
    """What torch answers to a case, through the adapter: a forward and backward, and the weight afterwards."""
    embedding = TorchModuleAdapter().make(case.config, device="cpu", weight=case.weight)
    return embedding.gradient(case.lookups), embedding.weight()


def expected(case: Case) -> Expectations:
    """What is permitted for output, weight and gradient, computed."""
    expectations = Expectations(case)
    _ = expectations.output, expectations.weight, expectations.gradient
    return expectations


def judged(expectations: Expectations, backward: Backward, weight: Tensor) -> None:
    """Judge all three."""
    assert isinstance(expectations.gradient, Within)
    assert backward.gradient is not None
    compare("output", expectations.output, backward.outputs[0])
    compare("weight", expectations.weight, weight)
    compare_gradient("gradient", expectations.gradient, backward.gradient, "dense")


@by_size
def test_bare_framework(benchmark: Any, sizes: tuple[int, int, int]) -> None:
    rows, columns, count = sizes
    weight, upstream = torch.ones(rows, columns), torch.ones(count, columns)
    index = torch.arange(count) * 7919 % rows

    def bare() -> None:
        embedding = torch.nn.Embedding(rows, columns, _weight=weight.clone())
        embedding(index).backward(upstream)

    benchmark(bare)


@by_size
def test_adapter(benchmark: Any, sizes: tuple[int, int, int]) -> None:
    benchmark(asked, case_of(sizes))


@by_size
def test_oracle(benchmark: Any, sizes: tuple[int, int, int]) -> None:
    benchmark(expected, case_of(sizes))


@by_size
def test_judging(benchmark: Any, sizes: tuple[int, int, int]) -> None:
    case = case_of(sizes)
    benchmark(judged, expected(case), *asked(case))


@pytest.mark.parametrize("sizes", GROWTH.values(), ids=GROWTH)
def test_oracle_and_judging(benchmark: Any, sizes: tuple[int, int, int]) -> None:
    case = case_of(sizes)
    answers = asked(case)
    benchmark(lambda: judged(expected(case), *answers))


def test_drawing_cases(benchmark: Any) -> None:
    benchmark.pedantic(draw, (lambda _: None, Domain(dtype="float32"), "costs", DRAWN), rounds=20)
