"""A table in another dtype: rounded to nearest, with or without float32 on the way."""

from __future__ import annotations

import pytest
from membership import permits

from embedding_reference import Tensor
from embedding_reference.conversion import converted

INFINITY, NAN = float("inf"), float("nan")


def row(dtype: str, *values: complex) -> Tensor:
    return Tensor.of(dtype, (1, len(values)), values)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (row("float32", 1.0, -0.0, 1 / 3), row("float64", 1.0, -0.0, 0.3333333432674408)),
        (row("float32", 1 + 2.0**-11, 1 + 3 * 2.0**-11), row("float16", 1.0, 1 + 2.0**-9)),  # ties to even
        (row("float32", 65519.0, 65520.0, -1e30), row("float16", 65504.0, INFINITY, -INFINITY)),
        (row("float32", 2.0**-24, 2.0**-26), row("float16", 2.0**-24, 0.0)),
        (row("float64", 1e-60, -1e60, 1 + 2.0**-24), row("float32", 0.0, -INFINITY, 1.0)),
        (row("complex128", complex(1 / 3, -0.0)), row("complex64", complex(1 / 3, -0.0))),
    ],
)
def test_each_component_is_rounded_to_nearest(before: Tensor, after: Tensor) -> None:
    permitted = converted(before, after.dtype)
    assert permits(permitted, after)
    neighbour = bytes([after.data[0] ^ 1]) + after.data[1:]
    assert not permits(permitted, Tensor(after.dtype, after.shape, neighbour))
    assert not permits(permitted, before)


@pytest.mark.parametrize("half", ["float16", "bfloat16"])
def test_float32_may_lie_on_the_way_from_float64(half: str) -> None:
    middle = (1 + 2.0**-11 + 2.0**-40) if half == "float16" else (1 + 2.0**-8 + 2.0**-40)
    permitted = converted(row("float64", middle), half)
    above = 1 + 2.0 ** (-10 if half == "float16" else -7)
    assert permits(permitted, row(half, above))
    assert permits(permitted, row(half, 1.0))
    assert not permits(permitted, row(half, 2 * above - 1.0))
    assert not permits(permitted, row(half, 2 - above))


def test_a_nan_stays_one() -> None:
    permitted = converted(Tensor("float32", (1, 2), bytes.fromhex("0100c0ff0000803f")), "float16")
    assert permits(permitted, row("float16", NAN, 1.0))
    assert not permits(permitted, row("float16", INFINITY, 1.0))
    assert not permits(permitted, row("float16", NAN, 2.0))


def test_in_its_own_dtype_it_keeps_its_bits() -> None:
    table = Tensor("float32", (1, 1), bytes.fromhex("0100a07f"))
    assert permits(converted(table, "float32"), table)
    assert not permits(converted(table, "float32"), row("float32", NAN))
