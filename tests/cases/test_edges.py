"""Edge cases: what every run asks before it draws."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn

from embedding_conformance import Profile, check
from embedding_conformance.cases.domain import ON, Domain, Lives, OneOutOfRange
from embedding_conformance.cases.edges import FARTHEST, OUTSIDE, edges_of, ladder_of
from embedding_conformance.cases.sizes import FEW_EMBEDDING_DIMS, FEW_NUM_EMBEDDINGS, FEW_SHAPES, LADDER, LIMITS, ORDERS
from embedding_conformance.cases.strategies import UnderTest
from embedding_conformance.judging.clause import Clause
from embedding_conformance.suite.catalogue import clauses

WITHOUT = {
    # about content, layouts or many indices, which edge cases do not have
    "construction.padding-row-alone",
    "gradient.accuracy",
    "gradient.upstream-layout",
    "max_norm.accuracy",
    "max_norm.infinite-row",
    "max_norm.nan-row",
    "max_norm.one-graph",
    "sparse.other-rows",
}
DRAWN = [clause for clause in clauses() if clause.domain and not isinstance(clause.domain, Lives)]


@pytest.mark.parametrize("clause", DRAWN, ids=lambda clause: clause.id)
@pytest.mark.parametrize("dtype", ["float16", "complex128"])
def test_edge_cases_are_of_the_domain(clause: Clause, dtype: str) -> None:
    domain = clause.domain
    assert domain is not None
    edges = edges_of(domain, UnderTest(dtype))
    assert all(domain.admits(case) and domain.counts(case) for case in edges)
    assert len(set(edges)) == len(edges)
    assert {case.weight.dtype for case in edges} <= {domain.dtype or dtype}
    assert bool(edges) == (clause.id not in WITHOUT)


def test_each_way_to_be_out_of_range_is_asked() -> None:
    asked = edges_of(OneOutOfRange(), UnderTest("float32"))
    assert len(asked) == len(OUTSIDE) + len(FARTHEST)
    assert {case.positions[-1] for case in asked} >= {2, -1, -2, 2**63 - 1, -(2**63), 2**31 - 1, -(2**31)}


CLIMBING = [clause for clause in DRAWN if clause.domain and "sizes" in clause.domain.climbs]


def test_output_gradients_and_renormalisation_are_asked_at_every_size() -> None:
    assert {clause.id for clause in CLIMBING} == {
        "gradient.sum",
        "lookup.bits",
        "max_norm.renormalises",
        "sparse.values",
    }


@pytest.mark.parametrize("clause", CLIMBING, ids=lambda clause: clause.id)
def test_a_size_is_left_out_only_where_the_table_would_be_too_large(clause: Clause) -> None:
    assert clause.domain is not None
    domain = replace(clause.domain, climbs=("sizes",))
    ladder = ladder_of(domain, UnderTest("float32"), 2**27)
    sizes = [(case.config.num_embeddings, case.config.embedding_dim, case.index.numel) for case in ladder]
    assert sizes == list(LADDER)
    assert all(case.config.num_embeddings - 1 in case.positions for case in ladder)
    assert len(ladder_of(domain, UnderTest("complex128"), 2**20)) == len(LADDER) - 2


def test_orders_and_limits_that_are_not_drawn_are_tried_one_by_one() -> None:
    orders = ladder_of(Domain(max_norm=ON, climbs=("orders",)), UnderTest("float32"), 0)
    assert [case.config.norm_type for case in orders] == list(ORDERS)
    limits = ladder_of(Domain(max_norm=ON, climbs=("limits",)), UnderTest("float32"), 0)
    assert [case.config.max_norm for case in limits] == list(LIMITS)
    for case in limits:
        limit = case.config.max_norm
        assert limit
        assert all(limit < norm < 2 * limit for norm in case.norms(case.positions).values())


class LosesLargeTables(nn.Embedding):
    """Its output is zero where the table is large, of rows or of columns."""

    def forward(self, index: torch.Tensor) -> torch.Tensor:
        """Look up."""
        output = super().forward(index)
        return output * 0 if self.num_embeddings >= 4000 or self.embedding_dim >= 10000 else output


def test_a_fault_of_large_tables_is_told_by_the_size_from_which_it_shows() -> None:
    checked = str(check(LosesLargeTables, clauses="lookup.bits", dtypes="float32", isolation="none", seed=1))
    assert "num_embeddings >= 4000" in checked
    assert "embedding_dim >= 10000" in checked


@pytest.mark.parametrize("clause", DRAWN, ids=lambda clause: clause.id)
def test_where_each_shape_is_compiled_there_are_few(clause: Clause) -> None:
    assert clause.domain is not None
    for case in edges_of(clause.domain, UnderTest("float32", compiles=True)):
        if clause.domain.made is None:
            assert case.config.num_embeddings in FEW_NUM_EMBEDDINGS
            assert case.config.embedding_dim in FEW_EMBEDDING_DIMS
            assert all(one.index.shape in FEW_SHAPES for one in case.lookups)


def test_what_is_lacking_is_asked_only_where_the_clause_asks_for_it() -> None:
    subject = UnderTest("float32", lacks=frozenset({"padding_idx", "max_norm"}))
    for clause in DRAWN:
        assert clause.domain is not None
        for case in edges_of(clause.domain, subject):
            assert case.config.in_use & subject.lacks <= clause.domain.asks_for


class LosesDuplicates(nn.Embedding):
    """Its gradient is that of one of two equal indices."""

    def forward(self, index: torch.Tensor) -> torch.Tensor:
        """Look up."""
        output = super().forward(index)
        if index.numel() == 2 and index.flatten()[0] == index.flatten()[1]:
            return torch.cat([output[:1], output[1:].detach()])
        return output


@pytest.mark.parametrize("seed", range(5))
def test_the_plainest_fault_is_found_whatever_is_drawn(seed: int) -> None:
    few = Profile("few", examples=1, enough=1, diagnoses=False)
    checked = check(LosesDuplicates, profile=few, clauses="gradient.sum", dtypes="float32", isolation="none", seed=seed)
    assert not checked.ok


def test_lookups_of_a_case_differ() -> None:
    several = [clause.domain for clause in DRAWN if clause.domain and clause.domain.lookups > 1]
    cases = [case for domain in several for case in edges_of(domain, UnderTest("float32")) if case.index.numel > 2]
    assert cases
    assert all(case.lookups[0].index != case.lookups[1].index for case in cases)
