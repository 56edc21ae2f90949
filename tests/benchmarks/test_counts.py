"""A run draws, judges and calls as often as is written down: what makes it dearer is seen, and done on purpose."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

import performance
import performance_page
from counts import Counts, counted

WRITTEN = {name: Counts(**one) for name, one in json.loads(performance.COUNTS.read_text(encoding="utf-8")).items()}
REMADE = "benchmarks/performance.py --counts writes them anew"
EACH, ALL = 0.3, 0.05
"""By how much the counts of a clause, and of all, may differ: releases of Hypothesis draw other cases."""


@pytest.fixture(scope="module")
def counts() -> Mapping[str, Counts]:
    return counted(**performance.COUNTED)


def test_they_are_of_the_clauses_that_there_are(counts: Mapping[str, Counts]) -> None:
    assert counts.keys() == WRITTEN.keys(), REMADE


@pytest.mark.parametrize("what", ["drawn", "judged", "calls"])
def test_no_clause_counts_otherwise_than_written(counts: Mapping[str, Counts], what: str) -> None:
    pairs = {name: (getattr(WRITTEN[name], what), getattr(one, what)) for name, one in counts.items()}
    assert {n: pair for n, pair in pairs.items() if abs(pair[1] - pair[0]) > 20 + EACH * pair[0]} == {}, REMADE
    written, total = map(sum, zip(*pairs.values()))
    assert total == pytest.approx(written, rel=ALL), REMADE


def test_the_page_is_made_of_the_data() -> None:
    data, written = (json.loads(file.read_text(encoding="utf-8")) for file in (performance.DATA, performance.COUNTS))
    assert performance.PAGE.read_text(encoding="utf-8") == performance_page.rendered(data, written)
