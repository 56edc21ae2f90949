"""Pairs of partitions: counted right, and told apart where no lookup can have both."""

from __future__ import annotations

import itertools
import math
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

import plain
from embedding_conformance.adapters.torch.module import TorchModuleAdapter
from embedding_conformance.boundary.description import Declared
from embedding_conformance.boundary.refusals import Unsupported
from embedding_conformance.cases.case import LAYOUTS, Case, Config, Lookup
from embedding_conformance.cases.domain import Domain
from embedding_conformance.judging.clause import MUST, Clause
from embedding_conformance.judging.compare import Deviation
from embedding_conformance.judging.known import KnownDeviation
from embedding_conformance.judging.pair_coverage import NEVER, PARTITIONS, Slice, pair_counts
from embedding_conformance.judging.partitions import ARGUMENTS, Partition, Partitions
from embedding_conformance.judging.subject import Subject
from embedding_reference import Tensor
from examples import case, of_case
from pairs import count

FLOAT32 = ("float32", "cpu")
SHAPES: Sequence[Sequence[tuple[int, ...]]] = (
    ((),),
    ((0,), (1,), (2,), (5,), (40,), (300,), (1100,)),
    ((0, 3), (1, 1), (2, 2), (3, 20), (20, 20), (2, 600)),
    ((0, 2, 1), (1, 1, 1), (2, 1, 2), (3, 4, 5), (2, 10, 20), (2, 3, 200)),
)
"""Shapes of an index, by its rank."""


def test_pairs_are_counted_by_column_and_by_rank() -> None:
    scalar = replace(case().lookups[0], index=Tensor.of("int64", (), [0]), upstream=Tensor.of("float32", (2,), [1, 1]))
    one, other = of_case(case(padding_idx=-1, sparse=True)), of_case(replace(case(sparse=True), lookups=(scalar,)))
    columns = {FLOAT32: Counter([*one, *one, *other]), ("float64", "cpu"): Counter(one)}
    slices = pair_counts(columns, [])
    assert [(s.dtype, s.index_ndim, s.lookups) for s in slices] == [
        ("float32", None, 3),
        ("float64", None, 1),
        (None, "0", 1),
        (None, "1", 3),
        (None, "2", 0),
        (None, "3+", 0),
    ]
    assert [count(s, "sparse True", "sparse True") for s in slices] == [3, 1, 1, 3, 0, 0]
    assert [count(s, "sparse True", "padding_idx negative") for s in slices] == [2, 1, 0, 3, 0, 0]
    assert [count(s, "sparse True", "index_ndim 0") for s in slices] == [1, 0, 1, NEVER, NEVER, NEVER]
    assert [count(s, "sparse True", "index_ndim 2") for s in slices] == [0, 0, NEVER, NEVER, 0, NEVER]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ({"sparse": True}, {"sparse True": NEVER, "sparse False": 0, "max_norm exceeded": 0}),
        ({"max_norm": True, "dtype": ["float32", "float16"]}, {"max_norm exceeded": NEVER, "norm_type 3": NEVER}),
        ({"max_norm": True, "dtype": "float64"}, {"max_norm exceeded": 0, "norm_type 3": 0}),
        ({"norm_type": math.inf}, {"norm_type inf": NEVER, "norm_type 3": 0, "max_norm None": 0}),
        ({"freeze": False, "device": "cpu"}, {"sparse True": NEVER, "upstream_layout sliced": NEVER, "freeze True": 0}),
        ({"index_ndim": 0}, {"index_ndim 0": NEVER, "index_ndim 3+": 0}),
        ({"index_layout": ["sliced", "expanded"]}, {"index_layout sliced": NEVER, "index_layout strided": 0}),
        ({"sparse": True, "padding_idx": True}, {"sparse True": 0}),
        ({"dtype": "float32"}, {"sparse True": NEVER, "max_norm None": NEVER}),
    ],
    ids=repr,
)
def test_what_is_declared_unsupported_is_not_missed(pattern: dict[str, Any], expected: dict[str, int]) -> None:
    other = ("complex64", "cpu")  # so that the run has lookups
    columns = {FLOAT32: Counter[Partitions](), other: Counter(of_case(case()))}
    part = pair_counts(columns, [Declared(pattern, "so it is")])[0]
    assert {name: count(part, name, "index_dtype int32") for name in expected} == expected


def test_a_pair_is_declared_unsupported_together() -> None:
    columns = {FLOAT32: Counter(of_case(case()))}
    declared = [Declared({"sparse": True, "padding_idx": True}, "no")]
    parts = pair_counts(columns, declared)
    for part in parts:
        assert count(part, "sparse True", "padding_idx last") == count(part, "sparse True", "pads some") == NEVER
        assert count(part, "sparse False", "padding_idx last") != NEVER


def test_a_run_without_lookups_has_no_interplay() -> None:
    assert all(not count for part in pair_counts({}, []) for row in part.pairs for count in row if count != NEVER)


# -- what no lookup can have ------------------------------------------------------------------------------------------


def anything(rng: random.Random) -> set[Partitions]:
    """A lookup of any kind that there is, drawn without regard for what is worth testing."""
    rows, dim, shape = rng.choice((1, 2, 3, 1200)), rng.choice((1, 2)), rng.choice(rng.choice(SHAPES))
    padding = rng.choice((None, 0, rows // 2, rows - 1, -1))
    limit, order = rng.choice((None, 0.5, 1e6)), rng.choice((1.0, 2.0, 3.0, math.inf, 0.5))
    config = Config(rows, dim, padding, limit, order, *(rng.random() < 0.5 for _ in range(3)))
    pool = rng.choice(([config.padding_row or 0], range(rows), range(min(rows, 2))))
    index_layout, layout, upstream_layout = rng.choices(LAYOUTS, k=3)
    size = math.prod(shape)
    positions = rng.sample(pool, size) if size <= len(pool) else rng.choices(pool, k=size)
    if index_layout == "expanded" and shape and size:
        positions = positions[: size // shape[0]] * shape[0]
    if limit is not None and layout == "expanded":
        layout = "contiguous"
    weight = Tensor("float32", (rows, dim), Tensor.of("float32", (), [1]).data * (rows * dim))
    upstream = Tensor("float32", (*shape, dim), bytes(4 * size * dim))
    index = Tensor.of(rng.choice(("int64", "int32")), shape, positions)
    lookup = Lookup(index, upstream, index_layout, upstream_layout)
    return of_case(Case(config, weight, (lookup,), layout), rng.choice(("forward", "gradient")))


@pytest.fixture(scope="module")
def found() -> set[tuple[str, Partition, Partition]]:
    """Which pairs of partitions there are among many lookups, by rank of the index."""
    rng, met = random.Random(1), set[tuple[str, Partition, Partition]]()  # noqa: S311 - test data
    for _ in range(15_000):
        (partitions,) = anything(rng)
        there = [(argument, name) for argument, name in zip(ARGUMENTS, partitions, strict=True) if name is not None]
        rank = dict(there)["index_ndim"]
        met.update((rank, one, other) for one, other in itertools.combinations(there, 2))
    return met


def entries(part: Slice) -> list[tuple[Partition, Partition, int]]:
    """Every pair of partitions of a slice, the earlier first."""
    pairs = ((row, column) for row in range(len(PARTITIONS)) for column in range(row))
    return [(PARTITIONS[column], PARTITIONS[row], part.pairs[row][column]) for row, column in pairs]


def test_all_that_is_not_ruled_out_can_be_met_and_nothing_else(found: set[tuple[str, Partition, Partition]]) -> None:
    # a lookup that is in no slice, so that all the entries are 0 or NEVER
    nothing: Partitions = (None,) * len(ARGUMENTS)
    for part in pair_counts({FLOAT32: Counter([nothing])}, []):
        ranks: Sequence[str] = [part.index_ndim] if part.index_ndim else ARGUMENTS["index_ndim"]
        for one, other, entry in entries(part):
            met = any((rank, one, other) in found for rank in ranks)
            assert met == (entry == 0), (part.index_ndim, one, other)


# -- where lookups are counted ----------------------------------------------------------------------------------------


def subject() -> Subject:
    adapter = TorchModuleAdapter()
    return Subject(adapter, adapter.describe(), "float32", "cpu")


def a_clause(**more: Any) -> Clause:
    return Clause("section.name", MUST, "It holds.", body=looks_up, **more)


def looks_up(embedding: Subject, case: Case) -> None:
    embedding.run(case)


def deviates(embedding: Subject, case: Case) -> None:
    embedding.run(case)
    raise Deviation("it differs", expected="this", observed="that")


def lacks_a_verb(embedding: Subject, case: Case) -> None:
    embedding.run(case)
    raise Unsupported("no such verb")


def test_a_case_that_was_judged_counts() -> None:
    embedding = subject()
    for _ in range(2):
        embedding.examine(a_clause(), looks_up, case(sparse=True))
    assert embedding.tally.lookups == Counter([*of_case(case(sparse=True))] * 2)


def test_a_case_that_does_not_meet_the_precondition_does_not_count() -> None:
    embedding = subject()
    embedding.examine(a_clause(domain=Domain(where=lambda c: not c.config.sparse)), looks_up, case(sparse=True))
    assert not embedding.tally.lookups


def test_a_case_that_deviates_as_is_known_does_not_count() -> None:
    embedding = subject()
    embedding.examination.start([KnownDeviation({"sparse": True}, ["it differs"], "cpu")])
    embedding.examine(a_clause(), deviates, case(sparse=True))
    assert (embedding.tally.declared, embedding.tally.lookups) == (1, Counter())


def test_an_unsupported_case_does_not_count() -> None:
    embedding = subject()
    embedding.examine(a_clause(), lacks_a_verb, case())
    adapter = plain.OnlyFloat64()
    declared = (Declared({"dtype": "float32"}, "float64 is enough"),)
    refusing = Subject(adapter, replace(adapter.describe(), unsupported=declared), "float32", "cpu")
    refusing.examine(a_clause(), looks_up, case())
    assert [each.tally.unsupported for each in (embedding, refusing)] == [1, 1]
    assert not embedding.tally.lookups
    assert not refusing.tally.lookups
