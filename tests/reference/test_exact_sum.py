"""The sum of components is not rounded, and what is not finite decides."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedding_reference import FORMATS
from embedding_reference.sums import exact_sum

DTYPES = {"float16": 16, "float32": 32, "float64": 64}


@pytest.mark.parametrize("dtype", DTYPES)
def test_it_is_that_of_fractions(dtype: str) -> None:
    @given(st.lists(st.floats(width=DTYPES[dtype], allow_nan=False, allow_infinity=False)))  # type: ignore[arg-type]
    def same(terms: list[float]) -> None:
        assert exact_sum(terms, FORMATS[dtype]) == sum(map(Fraction, terms))

    same()


@pytest.mark.parametrize(
    ("terms", "total"), [([1.0, math.inf], math.inf), ([-math.inf, 2.0, -math.inf], -math.inf), ([math.inf], math.inf)]
)
def test_an_infinity_stays_one(terms: list[float], total: float) -> None:
    assert exact_sum(terms, FORMATS["float32"]) == total


@pytest.mark.parametrize("terms", [[math.nan, 1.0], [math.inf, -math.inf], [1.0, math.nan, math.inf]])
def test_nan_stays_one(terms: list[float]) -> None:
    assert math.isnan(exact_sum(terms, FORMATS["float32"]))
