"""`Tensor`: a dtype, a shape and little-endian bytes, so that no bit is lost on the way to or from a framework."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from embedding_reference.formats import FORMATS, Format

_SHORT, _STARTS = 1024, 64
"""Elements up to which it is not looked for repetitions, and the bytes by which they are found."""


@dataclass(frozen=True)
class Tensor:
    """An immutable, hashable array in row-major order. Two are equal when dtype, shape and every bit are equal.

    Attributes:
        dtype: a name in `FORMATS`.
        shape: lengths along each dimension; `()` is one element, `(0,)` is none.
        data: `numel * itemsize` bytes, little-endian.

    Raises:
        ValueError: the dtype is unknown, or the bytes do not fill the shape.
    """

    dtype: str
    shape: tuple[int, ...]
    data: bytes

    def __post_init__(self) -> None:
        """Check that the bytes fill the shape."""
        if self.dtype not in FORMATS:
            raise ValueError(f"unknown dtype {self.dtype!r}; known: {', '.join(FORMATS)}")
        if self.shape and min(self.shape) < 0:
            raise ValueError(f"shape {self.shape} has a negative length")
        wanted = self.numel * self.format.itemsize
        if len(self.data) != wanted:
            raise ValueError(f"{self.dtype} of shape {self.shape} takes {wanted} bytes, got {len(self.data)}")

    @classmethod
    def of(cls, dtype: str, shape: Sequence[int], values: Iterable[complex]) -> Tensor:
        """A tensor of the given values, row-major, each rounded to the dtype (nearest, ties to even)."""
        form = FORMATS[dtype]
        if form.kind == "complex":
            components = [part for v in values for part in (complex(v).real, complex(v).imag)]
            return cls(dtype, tuple(shape), form.encode(components))
        return cls(dtype, tuple(shape), form.encode(values))  # type: ignore[arg-type]

    @classmethod
    def repeating(cls, dtype: str, shape: Sequence[int], values: Sequence[complex]) -> Tensor:
        """A tensor whose elements are the given values, row-major, over and over: what a large one is made of."""
        form = FORMATS[dtype]
        block, size = cls.of(dtype, (len(values),), values).data, math.prod(shape) * form.itemsize
        return cls(dtype, tuple(shape), (block * -(-size // max(len(block), 1)))[:size])

    @property
    def format(self) -> Format:
        """The number format of the elements."""
        return FORMATS[self.dtype]

    @property
    def numel(self) -> int:
        """How many elements there are."""
        return math.prod(self.shape)

    @cached_property
    def row_size(self) -> int:
        """Bytes of one entry of the first dimension."""
        return math.prod(self.shape[1:]) * self.format.itemsize

    def row(self, position: int) -> bytes:
        """The bytes of one entry of the first dimension."""
        size = self.row_size
        return self.data[position * size : (position + 1) * size]

    def entry(self, position: int) -> Tensor:
        """One entry of the first dimension. It is not checked, for speed: tables have tens of thousands."""
        entry = object.__new__(Tensor)
        entry.__dict__.update(dtype=self.dtype, shape=self.shape[1:], data=self.row(position))
        return entry

    @cached_property
    def block(self) -> bytes:
        """The bytes that the data repeats, the last time perhaps in part; all of it, if it is short or repeats none."""
        size = self.format.itemsize
        if self.numel <= _SHORT:
            return self.data
        period = self.data.find(self.data[:_STARTS], size)
        while period > 0 and period % size:
            period = self.data.find(self.data[:_STARTS], period + 1)
        return self.data[:period] if period > 0 and self.data[period:] == self.data[:-period] else self.data

    def first_difference(self, other: Tensor, *, payloads: bool = True) -> int | None:
        """The place of the first element whose bits differ from those of a tensor of the same dtype and shape, or None.

        Without `payloads`, one NaN is as good as another, whatever its sign and payload.
        """
        if self.data == other.data:
            return None
        size, each = self.format.component_size, self.format.components
        for place in range(self.numel * each):
            here = slice(place * size, (place + 1) * size)
            one, two = self.data[here], other.data[here]
            if one != two and (payloads or not all(math.isnan(self.format.decode(data)[0]) for data in (one, two))):
                return place // each
        return None

    def components(self) -> Sequence[float]:
        """Every component, row-major: one a number, or two (real, imaginary) for a complex dtype."""
        return self.format.decode(self.data)

    def block_components(self) -> Sequence[float]:
        """The components of `block`: all that occur, and few where a large tensor repeats its content."""
        return self.format.decode(self.block)

    def values(self) -> list[complex]:
        """Every element as a Python number, row-major."""
        parts = self.components()
        if self.format.kind == "complex":
            return [complex(re, im) for re, im in zip(parts[0::2], parts[1::2])]
        return list(parts)

    def __repr__(self) -> str:
        """Valid Python that makes an equal tensor: from values where these determine every bit, else from bytes."""
        if len(self.block) < len(self.data) and self.format.kind != "complex":
            values = self.block_components()
            if Tensor.repeating(self.dtype, self.shape, values) == self:
                return f'Tensor.repeating("{self.dtype}", {self.shape}, {list(values)})'
        values = [math.nan if math.isnan(v) else v for v in self.components()]  # read back, a NaN has no payload
        if self.format.kind != "complex" and Tensor.of(self.dtype, self.shape, values) == self:
            listed = ", ".join(repr(v) if math.isfinite(v) else f'float("{v}")' for v in values)
            return f'Tensor.of("{self.dtype}", {self.shape}, [{listed}])'
        return f'Tensor("{self.dtype}", {self.shape}, bytes.fromhex("{self.data.hex()}"))'


def rows_of(tensor: Tensor) -> list[bytes]:
    """The bytes of each row of a tensor of shape (..., embedding_dim), row-major; none where rows have no elements."""
    size = tensor.format.itemsize * tensor.shape[-1]
    return [tensor.data[at : at + size] for at in range(0, len(tensor.data), size)] if size else []
