"""Plain data as JSON and back: for results files, ledgers and the worker protocol."""

from __future__ import annotations

import base64
import dataclasses
import math
from typing import Any

from embedding_conformance.boundary import description, observations
from embedding_conformance.cases.case import Case, Config, Life, Lookup, Step
from embedding_reference import Tensor

TYPES = {
    t.__name__: t
    for t in (
        Case,
        Config,
        Life,
        Lookup,
        Step,
        observations.Forward,
        observations.Backward,
        observations.Gradient,
        description.Description,
        description.Declared,
    )
}
"""The dataclasses whose instances can be encoded, by name."""


def encode(value: Any) -> Any:
    """`value` as JSON types.

    A tensor becomes {"tensor": [dtype, shape, base64]}, with null where it has no data; a dataclass {"type": name,
    field: ...} without the fields that have their default; a float that JSON cannot hold {"float": "inf"}.

    Raises:
        TypeError: the value is not plain data.
    """
    if isinstance(value, Tensor):
        data = None if isinstance(value, observations.Shape) else base64.b64encode(value.data).decode()
        return {"tensor": [value.dtype, list(value.shape), data]}
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": repr(value)}
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (list, tuple)):
        return [encode(v) for v in value]
    if isinstance(value, dict):
        return {str(k): encode(v) for k, v in value.items()}
    if type(value).__name__ in TYPES:
        named = {f.name: (getattr(value, f.name), f.default) for f in dataclasses.fields(value)}
        return {"type": type(value).__name__, **{k: encode(v) for k, (v, default) in named.items() if v != default}}
    raise TypeError(f"{type(value).__name__} is not plain data: {value!r:.80}")


def decode(value: Any) -> Any:
    """The inverse of `encode`; lists come back as tuples.

    Raises:
        ValueError: the JSON does not describe a value that `encode` takes.
    """
    if isinstance(value, list):
        return tuple(decode(v) for v in value)
    if not isinstance(value, dict):
        return value
    if set(value) == {"tensor"}:
        return _tensor(*value["tensor"])
    if set(value) == {"float"}:
        return float(value["float"])
    if "type" in value:
        fields = {k: decode(v) for k, v in value.items() if k != "type"}
        try:
            return TYPES[value["type"]](**fields)
        except (KeyError, TypeError) as error:
            raise ValueError(f"not a {value['type']} of ours: {error}") from error
    return {k: decode(v) for k, v in value.items()}


def _tensor(dtype: str, shape: Any, data: Any) -> Tensor:
    """A tensor; a `Shape` where it has no data."""
    if data is None:
        return observations.Shape(dtype, tuple(shape))
    return Tensor(dtype, tuple(shape), base64.b64decode(data, validate=True))
