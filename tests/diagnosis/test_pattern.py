"""A pattern has no condition that it does not need, and each that it does."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from embedding_conformance.cases.case import Life, Step
from embedding_conformance.diagnosis.pattern import Pattern, features_of, learn
from embedding_conformance.diagnosis.vary import varied
from embedding_reports.condition import Condition
from examples import case


def features(**named: Any) -> dict[str, Any]:
    return {"num_embeddings": 2, "index_numel": 1, "sparse": False, "weight_layout": "contiguous", **named}


def test_what_nothing_speaks_against_is_always() -> None:
    assert str(learn([features()], [])) == "always"
    assert learn([features()], []).holds(features(sparse=True))


@pytest.mark.parametrize(
    ("deviating", "conforming", "words"),
    [
        ([features(sparse=True)], [features()], "sparse = true"),
        ([features(index_numel=n) for n in (2, 9)], [features(), features(index_numel=0)], "index_numel >= 2"),
        ([features(index_numel=n) for n in (0, 3)], [features(index_numel=4)], "index_numel <= 3"),
        ([features(num_embeddings=1)], [features(num_embeddings=n) for n in (2, 5)], "num_embeddings = 1"),
        (
            [features(num_embeddings=1, index_numel=n) for n in (2, 7)],
            [features(index_numel=2), features(num_embeddings=1)],
            "num_embeddings = 1 and index_numel >= 2",
        ),
        (
            [features(weight_layout=layout) for layout in ("strided", "sliced")],
            [features()],
            "weight_layout in strided, sliced",
        ),
    ],
)
def test_the_pattern_is_what_tells_them_apart(
    deviating: list[dict[str, Any]], conforming: list[dict[str, Any]], words: str
) -> None:
    pattern = learn(deviating, conforming)
    assert str(pattern) == words
    assert all(map(pattern.holds, deviating))
    assert not any(map(pattern.holds, conforming))


def test_what_cannot_be_told_apart_is_covered_too() -> None:
    """Every case that deviates has the pattern; that others have it, too, is counted."""
    assert learn([features()], [features()]).holds(features())


def test_of_several_lookups_the_most_unusual_value_counts() -> None:
    one = case(index=(0,))
    two = replace(one, lookups=one.lookups * 2)
    assert features_of(two)["accumulates"] is True
    life = Life(two.config, two.weight, two.lookups[:1], steps=(Step("train", "SGD", two.lookups[:1]),))
    assert features_of(life)["then train"]
    assert not features_of(life)["then cast"]


def test_a_feature_that_a_case_does_not_have_meets_no_condition() -> None:
    assert not Pattern((Condition("then cast", (True,)),)).holds(features())


def test_an_index_that_only_64_bits_hold_is_varied_in_these() -> None:
    """Else an embedding that cuts it to 32 bits would have no cause."""
    positions = {(other.index.dtype, max(other.positions, default=0)) for other in varied(case(index=(2**40,)))}
    assert ("int64", 2**40) in positions
    assert all(dtype == "int64" or position < 2**31 for dtype, position in positions)
