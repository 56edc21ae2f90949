"""What the model says must be refused, and what a refused call leaves behind."""

from __future__ import annotations

import pytest
from membership import permits

from embedding_reference import Anything, Embedding, Exactly, Raises, Tensor
from embedding_reference.permitted import FAMILIES

WEIGHT = Tensor.of("float32", (3, 2), [3, 4, 3, 4, 3, 4])


@pytest.mark.parametrize(
    ("rows", "padding_idx", "refused"),
    [
        (3, -4, True),
        (3, -3, False),
        (3, -1, False),
        (3, 0, False),
        (3, 2, False),
        (3, 3, True),
        (0, 0, True),
        (0, None, False),
    ],
)
def test_padding_idx_must_be_a_row(rows: int, padding_idx: int | None, refused: bool) -> None:
    refusal = Embedding(rows, 2, padding_idx=padding_idx).refusal
    assert (refusal is not None) == refused
    if refusal is not None:
        assert refusal.families <= set(FAMILIES)


@pytest.mark.parametrize("max_norm", [None, 1.0])
@pytest.mark.parametrize("position", [-1, 3, 2**40, -(2**63)])
def test_an_index_outside_the_table_is_refused_and_changes_nothing(position: int, max_norm: float | None) -> None:
    model = Embedding(3, 2, max_norm=max_norm)
    index = Tensor.of("int64", (2,), [0, position])
    refusal = model.output(WEIGHT, index)
    assert isinstance(refusal, Raises)
    assert "index" in refusal.families
    assert "type" not in refusal.families
    assert not permits(refusal, Tensor.of("float32", (2, 2), [0] * 4))
    assert model.weight_after(WEIGHT, index) == Exactly(WEIGHT)


def test_every_index_is_outside_an_empty_table() -> None:
    model, empty = Embedding(0, 2), Tensor.of("float32", (0, 2), [])
    assert isinstance(model.output(empty, Tensor.of("int64", (1,), [0])), Raises)
    assert model.output(empty, Tensor.of("int64", (0,), [])) == Exactly(Tensor.of("float32", (0, 2), []))


@pytest.mark.parametrize("max_norm", [None, 1.0])
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64", "complex64", "bool"])
def test_an_index_that_is_no_integer_is_refused(dtype: str, max_norm: float | None) -> None:
    model, index = Embedding(3, 2, max_norm=max_norm), Tensor.of(dtype, (2,), [0, 1])
    refusal = model.output(WEIGHT, index)
    assert isinstance(refusal, Raises)
    assert "type" in refusal.families
    assert model.weight_after(WEIGHT, index) == Exactly(WEIGHT)


@pytest.mark.parametrize("dtype", ["int8", "int16", "uint8"])
def test_short_integers_are_not_documented(dtype: str) -> None:
    index = Tensor.of(dtype, (2,), [0, 1])
    for model in (Embedding(3, 2), Embedding(3, 2, max_norm=1.0)):
        permitted = model.output(WEIGHT, index)
        assert isinstance(permitted, Anything)
        assert permitted.shape == (2, 2)
    assert isinstance(Embedding(3, 2, max_norm=1.0).weight_after(WEIGHT, index), Anything)
    assert Embedding(3, 2).weight_after(WEIGHT, index) == Exactly(WEIGHT)
