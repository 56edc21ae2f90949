"""Witnesses are written in numbers, and read back as the same case, bit for bit."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
import tomlkit

from drawing import drawn
from embedding_conformance.cases import palettes
from embedding_conformance.cases.case import DTYPES, Case, Lookup
from embedding_conformance.cases.domain import ANY
from embedding_conformance.cases.life_strategies import life_cases
from embedding_conformance.cases.strategies import cases
from embedding_conformance.ledgers import witness
from embedding_reference import Tensor
from examples import case


def through_toml(given: Case) -> Case:
    """The case that a file holds where another is written."""
    return witness.read(tomlkit.parse(tomlkit.dumps(witness.written(given))).unwrap())


@pytest.mark.parametrize("dtype", DTYPES)
def test_whatever_is_drawn_is_read_as_it_was_written(dtype: str) -> None:
    for weights in (palettes.ANY, palettes.MODERATE):
        strategy = cases(dtype=dtype, freeze=ANY, weights=weights, upstreams=weights, lookups=2, large=False)
        for given in drawn(strategy, 25):
            assert through_toml(given) == given


def test_a_life_is_read_as_it_was_written() -> None:
    for given in drawn(life_cases(), 25):
        assert through_toml(given) == given


def test_a_plain_case_is_short() -> None:
    ones = Tensor.of("float32", (3, 2), [1.0] * 6)
    plain = case(index=(2, 0))
    plain = replace(plain, weight=ones, lookups=(replace(plain.lookups[0], upstream=ones_like(plain.lookups[0])),))
    assert witness.written(plain) == {"num_embeddings": 3, "embedding_dim": 2, "index": [2, 0]}


def ones_like(lookup: Lookup) -> Tensor:
    return Tensor.of("float32", lookup.upstream.shape, [1.0] * lookup.upstream.numel)


PLAIN = {"num_embeddings": 2, "embedding_dim": 1, "index": [1]}


@pytest.mark.parametrize(
    ("more", "weight"),
    [
        ({"weight": [[2.0], [3.0]]}, [2.0, 3.0]),
        ({"weight": [2, 3]}, [2.0, 3.0]),
        ({"weight": 5}, [5.0, 5.0]),
        ({}, [1.0, 1.0]),
        ({"weight": [["0x7f800000"], [-0.0]]}, [math.inf, -0.0]),
    ],
)
def test_numbers_are_taken_as_a_person_writes_them(more: dict[str, Any], weight: list[float]) -> None:
    assert witness.read({**PLAIN, **more}).weight == Tensor.of("float32", (2, 1), weight)


def test_bits_are_kept() -> None:
    found = witness.read({**PLAIN, "dtype": "bfloat16", "weight": ["0x7f81", "0xffc0"]})
    assert found.weight.data == bytes.fromhex("817fc0ff")
    assert witness.written(found)["weight"] == [["0x7f81"], ["0xffc0"]]


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"embedding_dim": 1}, "num_embeddings is missing"),
        ({**PLAIN, "indx": [1]}, "unknown key 'indx'; did you mean 'index'?"),
        ({**PLAIN, "dtype": "float33"}, "dtype is 'float33'; did you mean"),
        ({**PLAIN, "weight": [1.0]}, "weight has 1 numbers; 2 are needed for float32 of shape [2, 1]"),
        ({**PLAIN, "weight": [True, 1.0]}, "weight holds True; it must hold numbers"),
        ({**PLAIN, "index_layout": "stided"}, "index_layout is 'stided'; did you mean 'strided'?"),
        ({**PLAIN, "lookups": [{"index": [1]}]}, "a witness with lookups has no index"),
        ({**PLAIN, "steps": [{"verb": "trane"}]}, "verb is 'trane'; did you mean 'train'?"),
        ({**PLAIN, "steps": ["train"]}, "'train' is not a table"),
    ],
)
def test_what_describes_no_case_is_named(table: dict[str, Any], words: str) -> None:
    with pytest.raises((ValueError, TypeError)) as caught:
        witness.read(table)
    assert words in str(caught.value)
