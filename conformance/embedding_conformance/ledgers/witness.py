"""Witnesses: cases in numbers that a person can read and write, as ledgers hold them.

    num_embeddings = 2
    embedding_dim = 3
    max_norm = 1.0
    weight = [[1.0, 2.0, 3.0], [4.0, nan, "0x7f800001"]]
    index = [0, -1]

What is left out is as in a plain case: arguments have their defaults, the dtype is float32, an index is int64, layouts
are contiguous, weights and upstream gradients are ones. One number stands for as many as there must be. Bits, as text,
are for what numbers cannot say. A complex number is a pair. Several lookups are an array of tables, `lookups`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from typing import Any

from embedding_conformance.cases.case import DTYPES, LAYOUTS, Case, Config, Life, Lookup, Step
from embedding_conformance.cases.life_strategies import VERBS
from embedding_conformance.unusable import nearest
from embedding_reference import FORMATS, Tensor

ARGUMENTS = tuple(field.name for field in fields(Config))
LOOKUP = ("index", "index_shape", "index_dtype", "index_layout", "upstream", "upstream_layout")
KEYS = (*ARGUMENTS, "dtype", "weight", "weight_layout", "no_grad", "lookups", "steps", *LOOKUP)
STEP = ("verb", "how", "lookups", "weight")
ONE, CONTIGUOUS = 1.0, "contiguous"
MANY = 8
"""Equal indices from which on one stands for all."""

Table = Mapping[str, Any]


def read(table: Table) -> Case:
    """The case that a table describes.

    Raises:
        ValueError, TypeError: it describes none; the text says why, and what would be right.
    """
    _known(table, KEYS)
    missing = [name for name in ("num_embeddings", "embedding_dim") if name not in table]
    if missing:
        raise ValueError(f"{missing[0]} is missing")
    config = Config(**{name: table[name] for name in ARGUMENTS if name in table})
    dtype = table.get("dtype", "float32")
    _one_of("dtype", dtype, DTYPES)
    shape = (config.num_embeddings, config.embedding_dim)
    weight = _tensor("weight", table.get("weight", ONE), dtype, shape)
    if "lookups" in table and any(name in table for name in LOOKUP):
        raise ValueError("a witness with lookups has no index or upstream of its own")
    plain = {name: table[name] for name in LOOKUP if name in table}
    lookups = tuple(_lookup(one, config, dtype) for one in table.get("lookups", [plain]))
    layout = _one_of("weight_layout", table.get("weight_layout", CONTIGUOUS), LAYOUTS)
    if "steps" not in table:
        return Case(config, weight, lookups, layout, table.get("no_grad", False))
    steps = tuple(_step(one, config, dtype) for one in table["steps"])
    return Life(config, weight, lookups, layout, steps=steps)


def written(case: Case) -> dict[str, Any]:
    """The table that describes a case; `read` makes an equal case of it."""
    config, dtype = case.config, case.weight.dtype
    table: dict[str, Any] = {"num_embeddings": config.num_embeddings, "embedding_dim": config.embedding_dim}
    table |= config.changed()
    if config.freeze:
        table["freeze"] = True
    if dtype != "float32":
        table["dtype"] = dtype
    table |= _unless_ones("weight", case.weight)
    table |= _unless("weight_layout", case.weight_layout, CONTIGUOUS)
    table |= _unless("no_grad", case.no_grad, usual=False)
    lookups = [_written_lookup(one) for one in case.lookups]
    table |= lookups[0] if len(lookups) == 1 else {"lookups": lookups}
    if isinstance(case, Life):
        table["steps"] = [_written_step(step) for step in case.steps]
    return table


# -- reading -----------------------------------------------------------------------------------------------------------


def _lookup(table: Table, config: Config, dtype: str) -> Lookup:
    _known(table, LOOKUP)
    kind, values = table.get("index_dtype", "int64"), table.get("index", [])
    _one_of("index_dtype", kind, FORMATS)
    index = _tensor("index", values, kind, tuple(table.get("index_shape", _shape(values))))
    shape = (*index.shape, config.embedding_dim)
    return Lookup(
        index,
        _tensor("upstream", table.get("upstream", ONE), dtype, shape),
        _one_of("index_layout", table.get("index_layout", CONTIGUOUS), LAYOUTS),
        _one_of("upstream_layout", table.get("upstream_layout", CONTIGUOUS), LAYOUTS),
    )


def _step(table: Table, config: Config, dtype: str) -> Step:
    _known(table, STEP)
    weight = table.get("weight")
    return Step(
        _one_of("verb", table.get("verb", ""), VERBS),
        table.get("how", ""),
        tuple(_lookup(one, config, dtype) for one in table.get("lookups", ())),
        None if weight is None else _tensor("weight", weight, dtype, (config.num_embeddings, config.embedding_dim)),
    )


def _tensor(what: str, values: Any, dtype: str, shape: tuple[int, ...]) -> Tensor:
    """A tensor of numbers in nested lists, of which one may stand for all."""
    form = FORMATS[dtype]
    wanted = math.prod(shape) * form.components
    flat = list(_flat(values))
    if not isinstance(values, list):
        flat = (flat * form.components)[:1] + [0.0] * (form.components - 1) if form.components > 1 else flat
        flat *= math.prod(shape)
    if len(flat) != wanted:
        raise ValueError(f"{what} has {len(flat)} numbers; {wanted} are needed for {dtype} of shape {list(shape)}")
    data = bytearray()
    for number in flat:
        if isinstance(number, str):
            data += int(number, 16).to_bytes(form.itemsize // form.components, "little")
        elif isinstance(number, bool) or not isinstance(number, (int, float)):
            raise TypeError(f"{what} holds {number!r}; it must hold numbers, or bits such as '0x7fc00001'")
        else:
            data += form.encode([number])
    return Tensor(dtype, shape, bytes(data))


def _flat(values: Any) -> Iterator[Any]:
    if isinstance(values, list):
        for value in values:
            yield from _flat(value)
    else:
        yield values


def _shape(values: Any) -> tuple[int, ...]:
    if not isinstance(values, list):
        return ()
    return (len(values), *(_shape(values[0]) if values else ()))


def _known(table: Table, names: Sequence[str]) -> None:
    if not isinstance(table, Mapping):
        raise TypeError(f"{table!r} is not a table")
    for name in table:
        if name not in names:
            raise ValueError(f"unknown key {name!r}{nearest(name, names)}")


def _one_of(what: str, given: Any, allowed: Any) -> Any:
    if given not in allowed:
        raise ValueError(f"{what} is {given!r}{nearest(str(given), allowed)}")
    return given


# -- writing -----------------------------------------------------------------------------------------------------------


def _written_lookup(lookup: Lookup) -> dict[str, Any]:
    index = lookup.index
    positions = list(map(int, index.components()))
    is_long = len(positions) > MANY and len(set(positions)) == 1
    table: dict[str, Any] = {"index": positions[0] if is_long else _nested(positions, index.shape)}
    if _shape(table["index"]) != index.shape:
        table["index_shape"] = list(index.shape)
    table |= _unless("index_dtype", index.dtype, "int64")
    table |= _unless("index_layout", lookup.index_layout, CONTIGUOUS)
    table |= _unless_ones("upstream", lookup.upstream)
    return table | _unless("upstream_layout", lookup.upstream_layout, CONTIGUOUS)


def _written_step(step: Step) -> dict[str, Any]:
    table: dict[str, Any] = {"verb": step.verb} | _unless("how", step.how, "")
    if step.lookups:
        table["lookups"] = [_written_lookup(one) for one in step.lookups]
    if step.weight is not None:
        table["weight"] = _numbers(step.weight)
    return table


def _unless(name: str, value: Any, usual: object) -> dict[str, Any]:
    return {} if value == usual else {name: value}


def _unless_ones(name: str, tensor: Tensor) -> dict[str, Any]:
    ones = Tensor.of(tensor.dtype, tensor.shape, [ONE] * tensor.numel)
    return {} if tensor == ones else {name: _numbers(tensor)}


def _numbers(tensor: Tensor) -> Any:
    """The numbers of a tensor in nested lists; one, if all are the same real number."""
    form, size = tensor.format, tensor.format.itemsize // tensor.format.components
    pieces = [tensor.data[at : at + size] for at in range(0, len(tensor.data), size)]
    numbers: list[Any] = []
    for piece, component in zip(pieces, tensor.components()):
        number = math.nan if math.isnan(component) else component  # read back, a NaN has neither sign nor payload
        numbers.append(float(number) if form.encode([number]) == piece else f"0x{piece[::-1].hex()}")
    if form.components == 1 and len(set(pieces)) == 1:
        return numbers[0]
    return _nested(numbers, (*tensor.shape, *([form.components] if form.components > 1 else [])))


def _nested(values: Sequence[Any], shape: Sequence[int]) -> Any:
    if not shape:
        return values[0]
    step = len(values) // shape[0] if shape[0] else 0
    return [_nested(values[at * step : (at + 1) * step], shape[1:]) for at in range(shape[0])]
