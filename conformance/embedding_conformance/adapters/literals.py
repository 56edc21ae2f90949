"""Tensors and arguments as source code of a standalone script."""

from __future__ import annotations

import base64
import math
import zlib
from typing import Any

from embedding_reference import Tensor

LISTED = 4096
"""The most bytes of a tensor whose values are listed; a larger one is packed."""


def number(value: Any) -> str:
    """The source of an argument or an element; a float that has no literal is written as `float("inf")`."""
    if isinstance(value, complex):
        return f"complex({number(value.real)}, {number(value.imag)})"
    return f'float("{value}")' if isinstance(value, float) and not math.isfinite(value) else repr(value)


def listed(tensor: Tensor) -> str | None:
    """The elements, comma-separated; None where they are too many, or where one is a NaN, as they omit its payload."""
    if len(tensor.data) > LISTED:
        return None
    values = tensor.values()
    return None if any(v != v for v in values) else ", ".join(map(number, values))  # noqa: PLR0124 - NaN alone differs


def data(tensor: Tensor) -> str:
    """The source of a tensor's bytes."""
    if len(tensor.data) <= LISTED:
        return f'bytes.fromhex("{tensor.data.hex()}")'
    packed = base64.b64encode(zlib.compress(tensor.data, 9)).decode()
    return f'zlib.decompress(base64.b64decode("{packed}"))'


def with_imports(lines: list[str]) -> str:
    """The script of these lines, preceded by the imports that `data` needs."""
    needed = any("zlib." in line for line in lines)
    return "\n".join((["import base64, zlib"] if needed else []) + lines) + "\n"
