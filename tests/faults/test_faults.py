"""The suite rejects what is wrong, each clause at least one fault of its own, and accepts what is right."""

from __future__ import annotations

import pytest

import bench
from embedding_conformance.adapters.torch.module import DTYPES
from embedding_conformance.suite.catalogue import clauses
from embedding_reports.outcomes import Outcome
from planted import FAULTS, name_of
from twin import Twin

PAIRS = [
    pytest.param(fault, clause, id=f"{name_of(fault)}-{clause}")
    for fault in FAULTS
    for clause in fault.trips
    if not fault.missed
]
MISSED = [pytest.param(fault, id=name_of(fault)) for fault in FAULTS if fault.missed]

FAULT_CASES = 4000
"""Several times as many as a rare fault needs, whichever Hypothesis draws; a run ends with the first that fails."""

MISSED_CASES = 500

TWIN_CASES = 20


@pytest.mark.parametrize(("fault", "clause"), PAIRS)
def test_a_fault_is_rejected(fault: type[Twin], clause: str) -> None:
    """Each fault is rejected by every clause that it names."""
    assert outcomes(clause, fault, fault.dtype, FAULT_CASES) == {Outcome.DEVIATES}


@pytest.mark.parametrize("fault", MISSED)
def test_a_fault_is_missed(fault: type[Twin]) -> None:
    """A fault that is marked as missed is accepted by the clauses that ought to reject it; else the mark must go."""
    for clause in fault.trips:
        assert Outcome.DEVIATES not in outcomes(clause, fault, fault.dtype, MISSED_CASES)


def test_every_clause_can_fail() -> None:
    """There is no clause that rejects nothing."""
    rejecting = {clause for fault in FAULTS for clause in fault.trips if not fault.missed}
    assert {clause.id for clause in clauses()} == rejecting


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_twin_conforms(dtype: str) -> None:
    """No clause accuses an embedding that is right, on any dtype."""
    verdicts = bench.run("*", Twin, dtype, TWIN_CASES).verdicts
    assert {verdict.clause for verdict in verdicts} == {clause.id for clause in clauses()}
    assert [v.clause for v in verdicts if v.outcome in (Outcome.DEVIATES, Outcome.ERROR)] == []


def outcomes(clause: str, embedding: type[Twin], dtype: str, examples: int) -> set[Outcome]:
    """What a clause comes to on an embedding."""
    return {verdict.outcome for verdict in bench.run(clause, embedding, dtype, examples).verdicts}
