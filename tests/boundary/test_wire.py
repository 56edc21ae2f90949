"""Plain data goes to JSON and back unchanged."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings

from embedding_conformance.boundary.description import Declared, Description
from embedding_conformance.boundary.observations import Backward, Forward, Gradient
from embedding_conformance.boundary.wire import decode, encode
from embedding_conformance.cases.case import Case, Lookup
from embedding_conformance.cases.domain import ANY
from embedding_conformance.cases.life_strategies import life_cases
from embedding_conformance.cases.palettes import ANY as ANY_PALETTE
from embedding_conformance.cases.strategies import cases, out_of_range
from embedding_reference import Tensor

VECTOR = Tensor("float32", (2,), bytes.fromhex("0500c07f 00000080"))
NUMBERS = Tensor.of("int64", (2,), [2**62 + 1, -(2**63)])


def there_and_back(value: Any) -> Any:
    return decode(json.loads(json.dumps(encode(value), allow_nan=False)))


several = cases(freeze=ANY, weights=ANY_PALETTE, upstreams=ANY_PALETTE, large=False, lookups=2)


@given(several | out_of_range() | life_cases())
@settings(max_examples=60)
def test_cases_come_back_equal(case: Case) -> None:
    assert there_and_back(case) == case


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        2**70,
        -0.0,
        0.1,
        float("inf"),
        float("-inf"),
        "text\n\u2028\udc80",
        (),
        (1, (2.5, "x")),
        {"a": (1,), "b": {"c": None}},
        VECTOR,
        NUMBERS,
        Tensor("float32", (0, 3), b""),
        Tensor.of("bool", (), [1]),
        Forward(VECTOR, requires_grad=True, device="cpu", index_after=NUMBERS),
        Backward((VECTOR,), None),
        Backward((VECTOR,), Gradient("coo", (2,), "cpu", VECTOR, NUMBERS, coalesced=True)),
        Backward((VECTOR,), None, (Lookup(NUMBERS, VECTOR),)),
        Description("x", "1", ("float32",), unsupported=(Declared({"sparse": True}, "no"),)),
    ],
)
def test_values_come_back_equal(value: Any) -> None:
    back = there_and_back(value)
    assert back == value
    assert type(back) is type(value)
    assert str(back) == str(value)


def test_nan_comes_back() -> None:
    assert str(there_and_back(float("nan"))) == "nan"


def test_lists_come_back_as_tuples() -> None:
    assert there_and_back([1, [2]]) == (1, (2,))


@pytest.mark.parametrize("value", [object(), {1, 2}, b"bytes", 1j, [object()]])
def test_what_is_not_plain_data_is_refused(value: Any) -> None:
    with pytest.raises(TypeError, match="not plain data"):
        encode(value)


@pytest.mark.parametrize(
    "text",
    [
        '{"type": "Case"}',
        '{"type": "Nothing"}',
        '{"type": "Config", "num_embeddings": 1, "embedding_dim": 1, "vocab": 3}',
        '{"tensor": ["float32", [1], "AA=="]}',
        '{"tensor": ["float99", [], ""]}',
    ],
)
def test_what_is_not_ours_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        decode(json.loads(text))
