"""`Tensor`: validated, immutable, compared bit for bit, and written as Python that gives it back."""

from __future__ import annotations

import dataclasses
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embedding_reference import FORMATS, Tensor

NAN, INFINITY = float("nan"), float("inf")


@st.composite
def tensors(draw: st.DrawFn) -> Tensor:
    """Any bits of any dtype in any small shape."""
    form = FORMATS[draw(st.sampled_from(sorted(FORMATS)))]
    shape = tuple(draw(st.lists(st.integers(0, 3), max_size=3)))
    size = math.prod(shape) * form.itemsize
    data = draw(st.binary(min_size=size, max_size=size))
    return Tensor(form.name, shape, bytes(b & 1 for b in data) if form.kind == "bool" else data)


@settings(derandomize=True, max_examples=300)
@given(tensors())
def test_repr_is_python_that_gives_an_equal_tensor(tensor: Tensor) -> None:
    again = eval(repr(tensor), {"Tensor": Tensor, "float": float})  # noqa: S307 - our own text
    assert again == tensor
    assert hash(again) == hash(tensor)


@pytest.mark.parametrize(
    ("tensor", "text"),
    [
        (Tensor.of("float32", (2,), [1, -0.0]), 'Tensor.of("float32", (2,), [1.0, -0.0])'),
        (Tensor.of("float16", (3,), [NAN, INFINITY, -INFINITY]), '[float("nan"), float("inf"), float("-inf")])'),
        (Tensor.of("int64", (), [2**63 - 1]), 'Tensor.of("int64", (), [9223372036854775807])'),
        (Tensor.of("bool", (1, 2), [True, False]), 'Tensor.of("bool", (1, 2), [True, False])'),
        (Tensor.of("float32", (0,), []), 'Tensor.of("float32", (0,), [])'),
        (Tensor.of("complex64", (1,), [1j]), 'Tensor("complex64", (1,), bytes.fromhex("000000000000803f"))'),
        (Tensor("float16", (1,), b"\x01\x7e"), 'Tensor("float16", (1,), bytes.fromhex("017e"))'),
    ],
)
def test_repr_shows_values_where_they_say_it_all(tensor: Tensor, text: str) -> None:
    assert repr(tensor).endswith(text)


@pytest.mark.parametrize(
    ("dtype", "shape", "data", "message"),
    [
        ("float8", (1,), b"\0", "unknown dtype 'float8'; known: float16, bfloat16"),
        ("float32", (-1, -1), b"\0" * 4, "negative length"),
        ("float32", (2,), b"\0" * 4, r"float32 of shape \(2,\) takes 8 bytes, got 4"),
        ("complex64", (), b"\0" * 4, "takes 8 bytes, got 4"),
        ("bool", (0,), b"\0", "takes 0 bytes, got 1"),
    ],
)
def test_what_does_not_fit_is_refused(dtype: str, shape: tuple[int, ...], data: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Tensor(dtype, shape, data)


def test_a_tensor_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Tensor.of("float32", (1,), [1]).dtype = "float64"  # type: ignore[misc]


def test_equal_means_every_bit() -> None:
    zero, negative = (Tensor.of("float32", (1,), [z]) for z in (0.0, -0.0))
    assert zero != negative
    assert Tensor.of("float32", (1,), [NAN]) == Tensor.of("float32", (1,), [NAN])
    assert len({zero, negative, Tensor.of("float32", (), [0.0]), Tensor.of("int32", (1,), [0]), zero}) == 4


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64", "complex64"])
def test_payloads_of_nans_survive_in_rows(dtype: str) -> None:
    form = FORMATS[dtype]
    quiet = int.from_bytes(form.encode([NAN])[: form.component_size], "little")
    payloads = b"".join((quiet | n).to_bytes(form.component_size, "little") for n in range(1, 1 + 4 * form.components))
    tensor = Tensor(dtype, (2, 2), payloads)
    assert all(math.isnan(c) for c in tensor.components())
    assert tensor.row(0) + tensor.row(1) == payloads
    assert len({tensor.row(0), tensor.row(1)}) == 2


def test_rows_are_entries_of_the_first_dimension() -> None:
    tensor = Tensor.of("int16", (2, 3, 2), range(12))
    assert tensor.row_size == 12
    assert FORMATS["int16"].decode(tensor.row(1)) == (6, 7, 8, 9, 10, 11)
    assert (tensor.numel, Tensor.of("int8", (), [1]).numel, Tensor.of("int8", (3, 0), []).numel) == (12, 1, 0)


def test_values_are_elements_and_components_their_parts() -> None:
    tensor = Tensor.of("complex128", (2,), [1 - 2j, 3])
    assert tensor.values() == [1 - 2j, 3]
    assert tuple(tensor.components()) == (1, -2, 3, 0)
    assert Tensor.of("float16", (2,), [0.1, 70000]).values() == [0.0999755859375, INFINITY]


@pytest.mark.parametrize(
    ("tensor", "block"),
    [
        (Tensor.repeating("float32", (3000, 1), [1, 2, 3, 4, 5, 6, 7]), 7),
        (Tensor.repeating("bfloat16", (1024, 2), [1, 1, 2]), 3),
        (Tensor.repeating("complex64", (2000,), [1j]), 1),
        (Tensor.repeating("float32", (10,), [1, 2]), 10),  # short
        (Tensor.of("float64", (2000,), range(2000)), 2000),
        (Tensor.of("float64", (2000,), [*[1, 2] * 999, 1, 3]), 2000),
    ],
)
def test_what_a_large_tensor_repeats_is_found(tensor: Tensor, block: int) -> None:
    assert len(tensor.block) == block * tensor.format.itemsize
    assert tensor.data.startswith(tensor.block)
    assert eval(repr(tensor)) == tensor  # noqa: S307 - what it gives is the claim
