"""A case counts where the clause could have failed on it, and on torch enough do."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from embedding_conformance import check
from embedding_conformance.cases.case import Case
from embedding_conformance.cases.domain import ANY, Domain
from embedding_conformance.judging.clause import MUST, Clause
from embedding_conformance.judging.expectations import Expectations
from embedding_conformance.suite.catalogue import clauses
from embedding_reference.fault_models import GRADIENT, OUTPUT, WEIGHT, max_norm, outputs, padding_idx
from embedding_reports.outcomes import Outcome
from examples import case

CLAUSES = {clause.id: clause for clause in clauses()}


def a_clause(**more: Any) -> Clause:
    return Clause("section.name", MUST, "It holds.", body=lambda: None, **more)


ABOVE = case(max_norm=0.5, index=(1,), values=[3, 4] * 3)


@pytest.mark.parametrize(
    ("faults", "one", "counts"),
    [
        ({}, ABOVE, True),
        ({WEIGHT: (max_norm.IgnoresMaxNorm,)}, ABOVE, True),
        ({WEIGHT: (max_norm.IgnoresMaxNorm,)}, case(max_norm=9.0, index=(1,), values=[3, 4] * 3), False),
        ({WEIGHT: (max_norm.IgnoresMaxNorm,)}, case(max_norm=0.5, index=(1,), values=[3, 4] * 3, freeze=True), False),
        ({WEIGHT: (max_norm.IgnoresMaxNorm,)}, case(max_norm=0.5, index=(1,), values=[3, 4] * 3, padding_idx=1), False),
        ({OUTPUT: (outputs.ZeroesTheOutput,)}, case(values=[0] * 6), False),
        ({OUTPUT: (outputs.ZeroesTheOutput,), WEIGHT: (max_norm.IgnoresMaxNorm,)}, case(), True),
        ({GRADIENT: (padding_idx.IgnoresPadding,)}, case(padding_idx=1, index=(1, 0)), True),
        ({GRADIENT: (padding_idx.IgnoresPadding,)}, case(padding_idx=1, index=(2, 0)), False),
    ],
)
def test_a_case_counts_where_a_fault_would_show(faults: Any, one: Case, counts: bool) -> None:
    assert a_clause(domain=Domain(freeze=ANY), faults=faults).can_fail(one, Expectations) is counts


def test_a_fault_may_show_in_the_answers_to_another_case() -> None:
    other, clause = case(index=(2,)).lookups, CLAUSES["max_norm.each-call"]
    assert clause.can_fail(replace(ABOVE, lookups=ABOVE.lookups + other), Expectations)
    assert not clause.can_fail(replace(ABOVE, lookups=ABOVE.lookups * 2), Expectations)


def test_rows_of_tiny_norm_are_told_from_accurate_ones_alone() -> None:
    tiny = case(1, 2, (0,), values=[1e-30, 1e-30], max_norm=1e-31)
    ignored = {WEIGHT: (max_norm.IgnoresMaxNorm,)}
    assert not a_clause(faults=ignored).can_fail(tiny, Expectations), "the norm may underflow"
    assert a_clause(faults=ignored, accurate=True).can_fail(tiny, Expectations)


@pytest.mark.parametrize("clause", ["max_norm.renormalises", "max_norm.each-call", "max_norm.other-rows"])
def test_complex_weights_must_be_rescaled_in_enough_cases(clause: str) -> None:
    """Torch does not differentiate them, and a frozen weight need not be rescaled."""
    (verdict,) = check("torch", clauses=clause, dtypes="complex64", isolation="none", seed=3).verdicts
    assert verdict.outcome is Outcome.CONFORMS
