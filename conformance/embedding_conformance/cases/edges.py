"""The edge cases of a domain: small plain cases, the same in every run, that are tried before any is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

from embedding_conformance.cases import palettes
from embedding_conformance.cases.case import Case, Config, Lookup
from embedding_conformance.cases.domain import ANY, OFF, ON, Domain, Lives, OneOutOfRange
from embedding_conformance.cases.sizes import (
    FEW_EMBEDDING_DIMS,
    FEW_NUM_EMBEDDINGS,
    FEW_SHAPES,
    LADDER,
    LIMITS,
    ORDERS,
)
from embedding_conformance.cases.strategies import UnderTest, blanked
from embedding_reference import FORMATS, Tensor

Sizes = tuple[int, int, tuple[int, ...], tuple[int, ...]]

PLAIN: tuple[Sizes, ...] = (
    (1, 1, (2,), (0, 0)),
    (2, 2, (3,), (1, 0, 1)),
    (1, 1, (1,), (0,)),
    (2, 2, (0,), ()),
    (2, 2, (), (1,)),
    (2, 0, (3,), (1, 0, 1)),
    (3, 2, (2, 2), (2, 0, 1, 2)),
)
"""num_embeddings, embedding_dim, and the index's shape and elements; one of two dimensions is transposed in memory."""

OPENED = {PLAIN[1]: (OFF, ON), PLAIN[-1]: (ON,)}
"""Of which of them there is a case with whatever the domain leaves open; of the others there is one without."""

OUTSIDE: tuple[Sizes, ...] = (
    (2, 2, (1,), (2,)),
    (2, 2, (3,), (1, 0, -1)),
    (1, 1, (1,), (1,)),
    (2, 2, (), (-2,)),
    (2, 2, (3,), (0, -3, 1)),
)
"""The same, with one index out of range: the one beyond either end, and those that would count from the end."""

FARTHEST = (("int64", 2**63 - 1), ("int64", -(2**63)), ("int32", 2**31 - 1), ("int32", -(2**31)))
"""The greatest and the least index of each dtype: alone, they are out of the range of any table."""


def edges_of(domain: Domain, subject: UnderTest) -> Sequence[Case]:
    """The edge cases of a domain, for an implementation under test, the plainest first; a life has none."""
    if isinstance(domain, Lives):
        return ()
    found: list[Case] = []
    for sizes in OUTSIDE if isinstance(domain, OneOutOfRange) else PLAIN:
        rows, columns, shape, _ = sizes
        few = rows in FEW_NUM_EMBEDDINGS and columns in FEW_EMBEDDING_DIMS and shape in FEW_SHAPES
        if subject.compiles and not few:
            continue
        for open_ones in OPENED.get(sizes, (OFF,)):
            case = _case(sizes, domain, subject, open_ones)
            case = domain.made(case) if domain.made else case
            if case not in found and domain.admits(case) and domain.counts(case):
                found.append(case)
    if isinstance(domain, OneOutOfRange) and found:
        alone = next(case for case in found if case.index.numel == 1)
        found += [_asked_for(alone, index_dtype, position) for index_dtype, position in FARTHEST]
    return found


def _asked_for(case: Case, index_dtype: str, position: int) -> Case:
    """The case with another index in the place of its only one."""
    index = Tensor.of(index_dtype, case.index.shape, [position])
    return replace(case, lookups=(replace(case.lookups[0], index=index),))


def ladder_of(domain: Domain, subject: UnderTest, most: int) -> Sequence[Case]:
    """The cases of the rungs of the ladders that a domain climbs, the plainest first.

    Args:
        domain: the domain.
        subject: the implementation under test.
        most: the bytes of the largest table.
    """
    if not domain.climbs:
        return ()
    cases: list[Case] = []
    plain = _case(PLAIN[1], domain, subject, OFF)
    if "sizes" in domain.climbs:
        itemsize = FORMATS[domain.dtype or subject.dtype or "float32"].itemsize
        for rows, columns, count in LADDER:
            if rows * columns * itemsize <= most:
                cases.append(_case((rows, columns, (count,), _spread(rows, count)), domain, subject, OFF))
    if "orders" in domain.climbs:
        cases += [replace(plain, config=replace(plain.config, norm_type=order)) for order in ORDERS]
    if "limits" in domain.climbs:
        cases += [_just_above(limit, plain) for limit in LIMITS]
    return [case for case in cases if domain.admits(case) and domain.counts(case)]


def _just_above(limit: float, case: Case) -> Case:
    """The case with a max_norm, and rows of a norm that is above it by half."""
    dtype, rows, dim = case.weight.dtype, case.config.num_embeddings, case.config.embedding_dim
    elements = ([1.5 * limit] + [0.0] * (dim - 1)) * rows
    weight = Tensor.of(dtype, case.weight.shape, elements)
    return replace(case, config=replace(case.config, max_norm=limit), weight=weight)


@lru_cache(maxsize=len(LADDER))
def _spread(rows: int, count: int) -> tuple[int, ...]:
    """Indices from all over a table: the last row, the first, the last again, and others by a prime's steps."""
    return (rows - 1, 0, rows - 1, *((place * 7919) % rows for place in range(3, count)))[:count]


def _case(sizes: Sizes, domain: Domain, subject: UnderTest, open_ones: str) -> Case:
    rows, columns, shape, positions = sizes
    dtype = domain.dtype or subject.dtype or "float32"

    def is_on(name: str) -> bool:
        asked = subject.switch(name, getattr(domain, name))
        return (open_ones if asked == ANY else asked) == ON

    no_grad = subject.untracked and domain.no_grad != OFF if subject.freezes else domain.no_grad == ON
    config = Config(
        rows,
        columns,
        (-1 if domain.corner == "negative padding_idx" else 0) if is_on("padding_idx") else None,
        1.0 if is_on("max_norm") else None,
        domain.norm_type or 2.0,
        is_on("scale_grad_by_freq") and (domain.sparse != ON or domain.corner == "sparse with scale"),
        domain.sparse == ON,
        domain.freeze == ON or (domain.freeze == ANY and subject.freezes and not no_grad),
    )
    weight = _counting(dtype, (rows, columns), 2)  # from 2: a row of one element is too long for max_norm
    if config.padding_row is not None and subject.switch("pads_hold", domain.pads_hold) == OFF:
        weight = blanked(weight, config.padding_row)
    only_ones = set(domain.upstreams) == {"ones"}
    index_dtype = "int64" if open_ones == OFF or "int32" not in domain.index_dtypes else "int32"
    turned = len(shape) == 2 and "transposed" in subject.layouts("index_layout", domain.layouts)
    lookups = tuple(
        # each with the indices one place further, and an upstream gradient of its own
        Lookup(
            _index(index_dtype, shape, positions[number:] + positions[:number]),
            palettes.fill("ones", dtype, (*shape, columns), 0)
            if only_ones
            else _counting(dtype, (*shape, columns), 1 + number),
            "transposed" if turned else "contiguous",
        )
        for number in range(domain.lookups)
    )
    return Case(config, weight, lookups, no_grad=no_grad)


@lru_cache(maxsize=32)
def _index(dtype: str, shape: tuple[int, ...], positions: tuple[int, ...]) -> Tensor:
    return Tensor.of(dtype, shape, positions)


@lru_cache(maxsize=8)
def _counting(dtype: str, shape: tuple[int, ...], start: int) -> Tensor:
    """Whole numbers from `start` on, 61 and then again; complex ones have an imaginary part that is larger by one."""
    imaginary = FORMATS[dtype].kind == "complex"
    numbers = range(start, start + 61)
    return Tensor.repeating(dtype, shape, [complex(n, n + 1) if imaginary else float(n) for n in numbers])
