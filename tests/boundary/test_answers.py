"""Nonsense in the place of an answer is told in words, and is nobody's deviation."""

from __future__ import annotations

from typing import Any

import pytest

from embedding_conformance.boundary.answers import check
from embedding_conformance.boundary.observations import Backward, Call, Forward, Gradient
from embedding_conformance.boundary.refusals import Misanswered
from embedding_reference import Tensor

TENSOR = Tensor.of("float32", (3, 2), range(6))
ROWS = Tensor.of("int64", (2,), [0, 2])
DENSE = Gradient("dense", (3, 2), "cpu", TENSOR)


@pytest.mark.parametrize(
    ("verb", "answer", "words"),
    [
        ("forward", None, "it is None; it must be a Forward"),
        ("forward", Forward(TENSOR, 1, "cpu", ROWS), "requires_grad is an int; it must be a bool"),
        ("forward", Forward(TENSOR, True, None, ROWS), "device is None; it must be a str"),
        ("forward", Forward(TENSOR, True, "cpu", [0, 2]), "index_after is a list; it must be a Tensor"),
        ("weight", Tensor("float32", (2.0,), b"12345678"), "the shape of it holds a float; it must be a tuple of int"),
        ("weight", Tensor("float32", (2,), bytearray(8)), "the data of it is a bytearray; it must be a bytes"),
        ("gradient", Backward([TENSOR], DENSE), "outputs is a list; it must be a tuple"),
        ("gradient", Backward((), DENSE), "it has 0 outputs for 1 lookups"),
        ("gradient", Backward((TENSOR,), TENSOR), "gradient is a Tensor; it must be a Gradient"),
        ("gradient", Backward((TENSOR,), Gradient("dense", (3, 3), "cpu", TENSOR)), "its shape is (3, 3), but"),
        ("gradient", Backward((TENSOR,), Gradient("dense", (3, 2), "cpu", TENSOR, ROWS)), "is 'dense' and has rows"),
        ("gradient", Backward((TENSOR,), Gradient("rows", (3, 2), "cpu", TENSOR)), "rows is None; it must be a Tensor"),
        ("gradient", Backward((TENSOR,), Gradient("coo", (3, 2), "cpu", TENSOR, ROWS)), "has 2 rows, but its values"),
        (
            "gradient",
            Backward((TENSOR,), Gradient("coo", (3, 2), "cpu", TENSOR, TENSOR)),
            "are float32 of shape (3, 2)",
        ),
        ("again", (Backward((TENSOR,), None),), "it has 1 parts; it must have two"),
        ("state", {"weight": b""}, "its 'weight' is a bytes; it must be a Tensor"),
        ("attributes", [], "it is a list; it must be a Mapping"),
    ],
)
def test_nonsense_is_told_in_words(verb: str, answer: Any, words: str) -> None:
    with pytest.raises(Misanswered) as caught:
        check(Call(verb, {"lookups": (None,)}), answer)
    assert str(caught.value).startswith(f"the adapter's answer to {verb}() is not one of the protocol: ")
    assert words in str(caught.value)


@pytest.mark.parametrize(
    "gradient", [None, DENSE, Gradient("coo", (3, 2), "cpu", TENSOR, Tensor.of("int64", (3,), [0] * 3))]
)
def test_an_answer_of_the_protocol_passes(gradient: Gradient | None) -> None:
    check(Call("gradient", {"lookups": (None,)}), Backward((TENSOR,), gradient))
    check(Call("forward", {}), Forward(TENSOR, True, "cpu", ROWS))
    check(Call("edit", {}), "anything")
