"""Small cases, built part by part."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from embedding_conformance.boundary.observations import Call
from embedding_conformance.cases.case import Case, Config, Lookup
from embedding_conformance.judging.partitions import Partitions, partitions_of_calls
from embedding_reference import Tensor


def case(
    rows: int = 3,
    dim: int = 2,
    index: Sequence[int] = (0, 1),
    *,
    dtype: str = "float32",
    values: Sequence[float] | None = None,
    upstream: Sequence[complex] | None = None,
    **arguments: Any,
) -> Case:
    """A case with a one-dimensional int64 index; unless given, weights 0, 1, 2, ... and upstream gradients of 1."""
    weight = Tensor.of(dtype, (rows, dim), range(rows * dim) if values is None else values)
    given = Tensor.of(dtype, (len(index), dim), [1] * (len(index) * dim) if upstream is None else upstream)
    lookup = Lookup(Tensor.of("int64", (len(index),), index), given)
    return Case(Config(rows, dim, **arguments), weight, (lookup,))


def of_case(case: Case, verb: str = "gradient") -> set[Partitions]:
    """The partitions of a case's lookups, each run by this verb."""
    made = {"config": case.config, "weight": case.weight, "layout": case.weight_layout, "device": "cpu"}
    return partitions_of_calls([Call("make", made), Call(verb, {"lookups": case.lookups}, 1)], case.weight.dtype, "cpu")
