"""What a wrong tensor resembles, in words: adapters go wrong in a few usual ways, and most of them leave a mark."""

from __future__ import annotations

import math

from embedding_conformance.judging.compare import Deviation, compare
from embedding_reference import Exactly, Tensor


def difference_in_words(expected: Tensor, observed: Tensor) -> str:
    """How `observed` differs from `expected`: the usual mistake that it shows, if any, and the first difference."""
    if expected.dtype != observed.dtype:
        same = ", with the same values" if expected.values() == observed.values() else ""
        return f"it is {observed.dtype}, not {expected.dtype}{same}"
    if expected.shape != observed.shape:
        same = ", with the same elements" if expected.data == observed.data else ""
        return f"its shape is {observed.shape}, not {expected.shape}{same}"
    mark = _mark(expected, observed)
    return f"{mark}; {_first(expected, observed)}" if mark else _first(expected, observed)


def swapped(tensor: Tensor) -> Tensor:
    """The tensor with the bytes of each component in reverse order."""
    size = tensor.format.component_size
    pieces = (tensor.data[place : place + size] for place in range(0, len(tensor.data), size))
    return Tensor(tensor.dtype, tensor.shape, b"".join(piece[::-1] for piece in pieces))


def _mark(expected: Tensor, observed: Tensor) -> str:
    """The usual mistake that turns `expected` into `observed`, or ""."""
    if observed == swapped(expected):
        return "the bytes of each number are in reverse order (big-endian)"
    if observed.data in (_column_major(expected), _row_major(expected)):
        return "the elements are in another order, that of a transposed table"
    pairs = list(zip(expected.components(), observed.components()))
    if all(a == b or (math.isnan(a) and math.isnan(b)) for a, b in pairs):
        return "only the bits of NaN or the sign of zero were lost, as in a conversion through another dtype"
    if all(b == 0 for _, b in pairs):
        return "it is all zeros"
    return ""


def _column_major(table: Tensor) -> bytes | None:
    """The bytes of a table column by column; None for other than two dimensions."""
    if len(table.shape) != 2:
        return None
    rows, columns = table.shape
    return b"".join(_element(table, row * columns + column) for column in range(columns) for row in range(rows))


def _row_major(table: Tensor) -> bytes | None:
    """The bytes of a table row by row, if its data is column by column; None for other than two dimensions."""
    return _column_major(Tensor(table.dtype, table.shape[::-1], table.data)) if len(table.shape) == 2 else None


def _element(tensor: Tensor, place: int) -> bytes:
    size = tensor.format.itemsize
    return tensor.data[place * size : (place + 1) * size]


def _first(expected: Tensor, observed: Tensor) -> str:
    """The first element that differs, in words."""
    try:
        compare("it", Exactly(expected), observed)
    except Deviation as deviation:
        first = deviation.difference
        assert first is not None
        return (
            f"first at {first.where}: {first.expected} ({first.expected_bits}) should be there, "
            f"{first.observed} ({first.observed_bits}) is"
        )
    return "nothing differs"
