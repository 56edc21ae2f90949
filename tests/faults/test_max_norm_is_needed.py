"""An embedding that ignores max_norm conforms to no clause that demands rescaling."""

from __future__ import annotations

import pytest

import bench
from embedding_conformance.adapters.torch.module import DTYPES
from embedding_conformance.suite.catalogue import clauses
from embedding_reports.outcomes import Outcome
from faulty_max_norm import IgnoresMaxNorm

UNTOLD = {
    *("max_norm.below", "max_norm.other-rows", "max_norm.no-columns"),
    *("max_norm.nan-row", "max_norm.infinite-row", "max_norm.not-finite"),
    *("max_norm.negative", "norm_type.not-positive", "norm_type.alone"),
    *("max_norm.gradient", "max_norm.one-graph", "max_norm.clone-used-first", "max_norm.used-first"),
}
"""Clauses about rows that stay as they are, about refusals, and about gradients, which are those of a plain lookup."""

DEMANDING = [
    clause.id for clause in clauses() if clause.section in ("max_norm", "norm_type") and clause.id not in UNTOLD
]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("clause", DEMANDING)
def test_it_deviates(clause: str, dtype: str) -> None:
    outcomes = {verdict.outcome for verdict in bench.run(clause, IgnoresMaxNorm, dtype, 60).verdicts}
    assert outcomes == {Outcome.DEVIATES}
