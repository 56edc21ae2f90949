"""The strategies give what they say, all of it, and without much ado."""

from __future__ import annotations

import itertools
import math
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from drawing import drawn
from embedding_conformance.boundary.target import resolve
from embedding_conformance.cases import palettes
from embedding_conformance.cases.case import DTYPES, FEATURES, LAYOUTS, Case, Config, Lookup
from embedding_conformance.cases.domain import ANY, CORNERS, OFF, ON, Domain
from embedding_conformance.cases.drawing import cases_in
from embedding_conformance.cases.features import WHOLE, lacking
from embedding_conformance.cases.indices import INDEX_PATTERNS
from embedding_conformance.cases.life_strategies import VERBS, life_cases
from embedding_conformance.cases.optimisers import DENSE, SPARSE
from embedding_conformance.cases.sizes import (
    EMBEDDING_DIMS,
    FEW_EMBEDDING_DIMS,
    FEW_NUM_EMBEDDINGS,
    FEW_SHAPES,
    LARGE,
    MAX_NORMS,
    NORM_TYPES,
    NUM_EMBEDDINGS,
    SHAPES,
)
from embedding_conformance.cases.strategies import UnderTest, cases, out_of_range, under_test
from embedding_conformance.judging.clause import Clause
from embedding_conformance.suite.catalogue import clauses
from embedding_reference import FORMATS, Tensor
from examined import subject


def well_formed(case: Case) -> bool:
    """Whether shapes, dtypes and layouts fit together."""
    shape = (case.config.num_embeddings, case.config.embedding_dim)
    return case.weight.shape == shape and all(
        lookup.upstream.shape == (*lookup.index.shape, shape[1])
        and lookup.upstream.dtype == case.weight.dtype
        and {case.weight_layout, lookup.index_layout, lookup.upstream_layout} <= set(LAYOUTS)
        for lookup in case.lookups
    )


def alike(tensor: Tensor) -> bool:
    """Whether all entries along the first dimension are."""
    return not tensor.shape or len({tensor.row(n) for n in range(tensor.shape[0])}) <= 1


def is_finite(tensor: Tensor) -> bool:
    return all(abs(c) < float("inf") for c in tensor.components())


def holds_no_corner(case: Case) -> bool:
    config, scalars = case.config, any(lookup.index.shape == () for lookup in case.lookups)
    return not (
        (config.sparse and config.scale_grad_by_freq)
        or (config.sparse and config.padding_idx is not None and scalars)
        or (config.max_norm is not None and config.embedding_dim == 0)
        or (config.padding_idx or 0) < 0
    )


Holds = Callable[[Case], bool]

KEYWORDS: list[tuple[dict[str, Any], Holds]] = [
    ({}, well_formed),
    ({}, holds_no_corner),
    ({}, lambda c: not c.config.freeze),
    ({}, lambda c: is_finite(c.weight) and all(is_finite(call.upstream) for call in c.lookups)),
    ({}, lambda c: all(0 <= p < c.config.num_embeddings for p in c.positions)),
    ({"dtype": "bfloat16"}, lambda c: c.weight.dtype == "bfloat16"),
    ({"padding_idx": ON}, lambda c: c.config.padding_idx is not None and c.config.refusal is None),
    ({"padding_idx": OFF}, lambda c: c.config.padding_idx is None),
    ({"max_norm": ON}, lambda c: c.config.max_norm in MAX_NORMS and c.config.norm_type in NORM_TYPES),
    ({"max_norm": ON, "weights": ("counting",)}, lambda c: c.weight_layout != "expanded"),
    ({"max_norm": OFF}, lambda c: c.config.max_norm is None and c.config.norm_type == 2.0),
    ({"max_norm": ON, "norm_type": 1.0}, lambda c: c.config.norm_type == 1.0),
    ({"scale_grad_by_freq": ON}, lambda c: c.config.scale_grad_by_freq and not c.config.sparse),
    ({"scale_grad_by_freq": OFF}, lambda c: not c.config.scale_grad_by_freq),
    ({"sparse": ON}, lambda c: c.config.sparse and not c.config.scale_grad_by_freq),
    ({"sparse": OFF}, lambda c: not c.config.sparse),
    ({"freeze": ON}, lambda c: c.config.freeze),
    ({"weights": ("counting",)}, lambda c: set(c.weight.components()) <= set(range(1, 62))),
    ({"index_patterns": ("equal",)}, lambda c: len(set(c.positions)) <= 1),
    ({"index_patterns": ("two rows",)}, lambda c: len(set(c.positions)) <= 2),
    ({"index_patterns": ("only pads",), "padding_idx": ON}, lambda c: set(c.positions) <= {c.config.padding_row}),
    ({"index_dtypes": ("int32",)}, lambda c: c.index.dtype == "int32"),
    ({"index_dtypes": ("uint8",), "large": False}, lambda c: c.index.dtype == "uint8"),
    ({"lookups": 3}, lambda c: len(c.lookups) == 3),
    ({"indices": 5}, lambda c: c.index.numel >= 5),
    ({"columns": 3}, lambda c: c.config.embedding_dim >= 3),
    ({"large": False}, lambda c: c.index.numel <= 33),
    ({"writable": True, "max_norm": OFF}, lambda c: c.weight_layout != "expanded"),
    ({"corner": "sparse with scale"}, lambda c: c.config.sparse and c.config.scale_grad_by_freq),
    ({"corner": "sparse padding of a scalar", "sparse": ON}, lambda c: c.index.shape == ()),
    ({"corner": "negative padding_idx", "padding_idx": ON}, lambda c: (c.config.padding_idx or 0) < 0),
    ({"corner": "max_norm without columns", "max_norm": ON}, lambda c: c.config.embedding_dim == 0),
]


@pytest.mark.parametrize(("keywords", "holds"), KEYWORDS, ids=[f"{n}-{k}" for n, (k, _) in enumerate(KEYWORDS)])
def test_each_keyword_does_what_it_says(keywords: dict[str, Any], holds: Holds) -> None:
    found = drawn(cases(**keywords))
    assert all(map(well_formed, found))
    assert [case for case in found if not holds(case)] == []


CLAUSES = [clause for clause in clauses() if clause.domain is not None]


@pytest.mark.parametrize("clause", CLAUSES, ids=[clause.id for clause in CLAUSES])
def test_a_domain_admits_what_is_drawn_from_it(clause: Clause) -> None:
    assert clause.domain is not None
    assert [case for case in drawn(cases_in(clause.domain), 60) if not clause.domain.admits(case)] == []


@pytest.mark.parametrize(("keywords", "holds"), KEYWORDS, ids=[f"{n}-{k}" for n, (k, _) in enumerate(KEYWORDS)])
def test_a_domain_admits_no_case_against_its_keywords(keywords: dict[str, Any], holds: Holds) -> None:
    every = drawn(cases(freeze=ANY, weights=palettes.ANY), 200) if "lookups" not in keywords else []
    drawn_otherwise = {"index_patterns", "large"} & set(keywords) or keywords.get("weights") == ("counting",)
    admitted = [case for case in every if Domain(**keywords).admits(case)]
    assert drawn_otherwise or all(map(holds, admitted))


def test_every_corner_is_tried_here() -> None:
    assert {keywords["corner"] for keywords, _ in KEYWORDS if "corner" in keywords} == set(CORNERS)


def test_what_is_expanded_has_equal_entries() -> None:
    tensors = [
        (tensor, layout)
        for case in drawn(cases(lookups=2), 200)
        for tensor, layout in (
            (case.weight, case.weight_layout),
            *((call.index, call.index_layout) for call in case.lookups),
            *((call.upstream, call.upstream_layout) for call in case.lookups),
        )
    ]
    assert {layout for _, layout in tensors} == set(LAYOUTS)
    assert all(alike(tensor) for tensor, layout in tensors if layout == "expanded")


def test_the_dtype_under_test_is_taken() -> None:
    token = under_test.set(UnderTest("complex64"))
    try:
        assert {case.weight.dtype for case in drawn(cases())} == {"complex64"}
        assert {case.weight.dtype for case in drawn(cases(dtype="float16"))} == {"float16"}
    finally:
        under_test.reset(token)


def test_where_subnormal_numbers_are_flushed_no_sum_is_one_but_in_their_own_palette() -> None:
    token = under_test.set(UnderTest("complex64", flushes=True))
    try:
        special = [c.lookups[0].upstream for c in drawn(cases(upstreams=("specials", "bits", "wide"), indices=1))]
        tiny = [c.lookups[0] for c in drawn(cases(upstreams=("tiny",), indices=2, columns=1), 20)]
    finally:
        under_test.reset(token)
    smallest = min(abs(v) for upstream in special for v in upstream.components() if abs(v) > 0)
    assert smallest >= 2.0**-103
    assert any(math.isnan(v) for upstream in special for v in upstream.components())
    assert "underflow" in {lookup.upstream_range for lookup in tiny}


def test_where_weights_are_taken_only_frozen_others_are_drawn_only_where_they_are_asked_for() -> None:
    drawn_frozen = {dtype: subject(resolve("torch"), dtype).declarations.for_strategies.freezes for dtype in DTYPES}
    assert drawn_frozen == {dtype: dtype.startswith("complex") for dtype in DTYPES}
    token = under_test.set(UnderTest("complex64", freezes=True))
    try:
        assert {case.config.freeze for case in drawn(cases(freeze=ANY))} == {True}
        assert {case.config.freeze for case in drawn(cases())} == {False}
        assert {case.no_grad for case in drawn(cases(no_grad=ON))} == {False}, "it would be refused there, too"
    finally:
        under_test.reset(token)


def test_where_weights_are_not_differentiated_others_are_looked_up_in_under_no_grad() -> None:
    assert subject(resolve("torch"), "complex64").declarations.for_strategies.untracked
    token = under_test.set(UnderTest("complex64", freezes=True, untracked=True))
    try:
        made = drawn(cases(freeze=ANY, no_grad=ANY, max_norm=ON))
        assert Counter(case.config.freeze for case in made)[False] > len(made) / 2
        assert {case.no_grad for case in made} == {True}
        assert {case.config.freeze for case in drawn(cases(freeze=ANY))} == {True}
    finally:
        under_test.reset(token)


def test_where_each_shape_is_compiled_few_are_drawn_and_large_ones_too() -> None:
    token = under_test.set(UnderTest("float32", compiles=True))
    try:
        made = drawn(cases(max_norm=OFF), 300)
        accuracy = drawn(cases(indices=33, columns=1), 20)
    finally:
        under_test.reset(token)
    few = set(itertools.product(FEW_NUM_EMBEDDINGS, FEW_EMBEDDING_DIMS, FEW_SHAPES))
    met = Counter((*c.weight.shape, c.index.shape) for c in made)
    assert len(few & met.keys()) > len(few) / 2
    assert 0 < sum(count for shapes, count in met.items() if shapes not in few) < 50
    assert {c.index.numel >= 33 for c in accuracy} == {True}


def test_what_an_implementation_lacks_is_drawn_where_it_is_asked_for_and_nowhere_else() -> None:
    token = under_test.set(UnderTest("float32", frozenset(WHOLE)))
    try:
        plain = [each.features() for each in drawn(cases(freeze=ANY), 100)]
        asked = [each.features() for each in drawn(cases(padding_idx=ON, layouts=ON), 100)]
    finally:
        under_test.reset(token)
    assert not [(name, one[name]) for one in plain for name, values in WHOLE.items() if one[name] in values]
    assert {one["padding_idx"] for one in asked} == {True}
    assert {one["index_layout"] for one in asked} == set(LAYOUTS)


def test_a_pad_whose_row_is_not_zeros_is_drawn_where_it_is_asked_for() -> None:
    token = under_test.set(UnderTest("float32", frozenset({"pads_hold"})))
    try:
        plain = {each.features()["pads_hold"] for each in drawn(cases(padding_idx=ON, weights=palettes.ANY), 400)}
        asked = {each.features()["pads_hold"] for each in drawn(cases(padding_idx=ON, pads_hold=ON), 100)}
    finally:
        under_test.reset(token)
    assert plain == {"none", "zeros"}
    assert asked >= {"none", "other"}


@pytest.mark.parametrize(
    ("pattern", "lacks"),
    [
        ({"sparse": True}, {"sparse"}),
        ({"sparse": True, "dtype": "float16", "device": ["cpu"]}, {"sparse"}),
        ({"sparse": False}, set()),
        ({"pads_hold": "other"}, {"pads_hold"}),
        ({"sparse": True, "padding_idx": True}, set()),
        ({"index_layout": [*LAYOUTS[1:]]}, {"index_layout"}),
        ({"index_layout": (*LAYOUTS[1:],)}, {"index_layout"}),
        ({"index_layout": [*LAYOUTS[2:]]}, set()),
        ({"index_ndim": 0}, set()),
    ],
)
def test_what_is_lacking_altogether(pattern: dict[str, Any], lacks: set[str]) -> None:
    assert lacking(pattern) == lacks


def test_exactly_one_index_is_out_of_range() -> None:
    for case in drawn(out_of_range(), 200):
        outside = [p for p in case.positions if not 0 <= p < case.config.num_embeddings]
        assert len(outside) == 1
        assert case.index.dtype == "int64" or -(2**31) <= outside[0] < 2**31
        assert case.lookups[0].index_layout != "expanded"


def test_indices_out_of_range_need_64_bits_at_times() -> None:
    assert any(abs(p) > 2**32 for case in drawn(out_of_range(), 200) for p in case.positions)


def test_lives_take_every_step() -> None:
    steps = [(life, step) for life in drawn(life_cases(), 200) for step in life.steps]
    assert {step.verb for _, step in steps} == set(VERBS) - {"rest"}
    hows = {*VERBS["clear"], *VERBS["copy"], *VERBS["mode"], *DENSE, *SPARSE, *DTYPES}
    assert {step.how for _, step in steps} >= hows
    assert all(well_formed(Case(life.config, life.weight, step.lookups)) for life, step in steps)
    assert {step.weight.shape == life.weight.shape for life, step in steps if step.weight} == {True}
    assert len({lookup.index.shape for _, step in steps for lookup in step.lookups}) == len(set(SHAPES))


def test_lives_do_not_repeat_each_other() -> None:
    found = drawn(life_cases(), 100)
    assert len({(life.steps, life.weight) for life in found}) > 95
    assert len({tuple(step.verb for step in life.steps) for life in found}) > 90


BOTH = {True, False}
EXPECTED: dict[str, set[Any]] = {
    "num_embeddings": set(NUM_EMBEDDINGS),
    "embedding_dim": set(EMBEDDING_DIMS),
    "padding_idx": BOTH,
    "padding_idx_negative": BOTH,
    "pads": {0, 1, 2, 3},
    "only_pads": BOTH,
    "max_norm": BOTH,
    "norm_type": set(NORM_TYPES),
    "norm_range": {"ordinary", "overflow", "underflow"},
    "scale_grad_by_freq": BOTH,
    "sparse": BOTH,
    "freeze": BOTH,
    "no_grad": BOTH,
    "pads_hold": {"none", "zeros", "other"},
    "dtype": set(DTYPES),
    "index_dtype": {"int32", "int64"},
    "index_ndim": {0, 1, 2, 3, 4},
    "index_numel": {0, 1, 2, 3, 4, 5, 6, 9, 33},
    "index_out_of_range": BOTH,
    "duplicates": BOTH,
    "accumulates": BOTH,
    "weight_layout": set(LAYOUTS),
    "weight_special": BOTH,
    "index_layout": set(LAYOUTS),
    "upstream_layout": set(LAYOUTS),
    "upstream_range": {"ordinary", "underflow"},
}


def test_every_feature_that_a_ledger_could_name_occurs() -> None:
    assert set(EXPECTED) == set(FEATURES)
    found: dict[str, set[Any]] = defaultdict(set)
    for strategy in (
        cases(freeze=ANY),
        cases(lookups=2),
        cases(no_grad=ON),
        cases(weights=palettes.ANY),
        cases(padding_idx=ON, corner="negative padding_idx"),
        out_of_range(),
    ):
        for case in drawn(strategy, 400):
            for name, value in case.features().items():
                found[name].add(value)
    assert {name: EXPECTED[name] - found[name] for name in FEATURES if EXPECTED[name] - found[name]} == {}
    assert max(found["index_numel"]) > 1000
    assert max(found["embedding_dim"]) > 128


def test_every_large_case_is_drawn_and_stays_affordable() -> None:
    sizes = {(c.config.num_embeddings, c.config.embedding_dim, c.index.numel) for c in drawn(cases(), 4000)}
    assert set(LARGE) <= sizes
    assert all(rows * dim < 70_000 and count < 8000 for rows, dim, count in LARGE)


def test_large_cases_have_indices_of_any_rank() -> None:
    ranks = {len(c.index.shape) for c in drawn(cases(), 2000) if c.index.numel > 1000}
    assert ranks == {1, 2, 3, 4, 5}


def test_the_last_row_of_a_large_table_is_looked_up() -> None:
    """Where a number too narrow for the table first shows."""
    tables = [c for c in drawn(cases(indices=1), 3000) if c.config.num_embeddings > 1000]
    assert sum(c.config.num_embeddings - 1 in c.positions for c in tables) > len(tables) / 4


def test_drawing_is_little_work() -> None:
    """Some five thousand calls of functions a case, ours and Hypothesis's: a millisecond or two."""
    drawn(cases(), 10)  # what is done once
    with counting_calls() as calls:
        drawn(cases(), 200)
    assert calls.total() / 200 < 50_000


@contextmanager
def counting_calls() -> Iterator[Counter[str]]:
    """Counts calls, of Python's functions and of those in C: the same on a busy machine, which a time is not."""
    calls: Counter[str] = Counter()

    def count(_frame: object, event: str, _argument: object) -> None:
        calls[event] += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        yield calls
    finally:
        sys.setprofile(before)


def test_the_first_case_is_a_small_one() -> None:
    (case,) = drawn(cases(dtype="float32"), 1)
    assert (case.config.num_embeddings, case.config.embedding_dim) == (2, 2)
    assert case.index.numel == 1
    assert case.weight_layout == "contiguous"


# -- palettes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("palette", palettes.ANY)
def test_palettes_fill_any_dtype_and_repeat_themselves(palette: str, dtype: str) -> None:
    tensor = palettes.fill(palette, dtype, (5, 7), 3)
    assert (tensor.dtype, tensor.shape) == (dtype, (5, 7))
    assert tensor == palettes.fill(palette, dtype, (5, 7), 3)
    assert is_finite(tensor) or palette not in palettes.FINITE


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_specials_have_every_kind_of_number(dtype: str) -> None:
    tensor, form = palettes.fill("specials", dtype, (64,), 0), FORMATS[dtype]
    size = form.component_size
    patterns = {tensor.data[i : i + size] for i in range(0, len(tensor.data), size)}
    texts = {str(c) for c in tensor.components()}
    assert {"0.0", "-0.0", "inf", "-inf", "nan", "1.0", str(float(form.largest)), str(float(form.quantum))} <= texts
    assert sum(form.decode(p)[0] != form.decode(p)[0] for p in patterns) == 6, "NaNs of three payloads and two signs"


@pytest.mark.parametrize("palette", palettes.FINITE)
def test_rows_of_a_large_table_that_are_a_power_of_two_apart_differ(palette: str) -> None:
    tensor = palettes.fill(palette, "float32", (65537, 1), 3)
    for shift in (8, 12, 15, 16):
        assert tensor.row(65536) != tensor.row(65536 - 2**shift)


@pytest.mark.parametrize("p", [1.0, 2.0, 3.0, 0.5, float("inf")])
@pytest.mark.parametrize("dtype", DTYPES)
def test_rows_near_the_limit_are_below_at_and_above_it(dtype: str, p: float) -> None:
    weight = palettes.near(2.0, p, dtype, (400, 3), 1)
    lookup = Lookup(Tensor.of("int64", (400,), range(400)), Tensor.of(dtype, (400, 3), [0] * 1200))
    norms = sorted(Case(Config(400, 3, max_norm=2.0, norm_type=p), weight, (lookup,)).norms().values())
    assert norms[0] == 0
    assert norms[-1] == pytest.approx(60, rel=0.02)
    assert norms.count(2.0) > 10, "the norm of a single element is exact"
    assert any(1.9 < n < 2 for n in norms)
    assert any(2 < n < 2.1 for n in norms)


def test_patterns_and_palettes_are_named_simplest_first() -> None:
    assert next(iter(INDEX_PATTERNS)) == "counting"
    assert palettes.FINITE[0] == palettes.MODERATE[0] == "counting"
