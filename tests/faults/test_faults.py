"""The suite rejects what is wrong, each clause at least one fault of its own, and accepts what is right."""

from __future__ import annotations

import bench
import faulty_construction
import faulty_from_pretrained
import faulty_gradient
import faulty_graph
import faulty_index
import faulty_lookup
import faulty_max_norm
import faulty_module
import faulty_padding_idx
import faulty_scale_grad_by_freq
import faulty_sparse
import pytest
from twin import Twin

from conformance.adapters.torch_module import DTYPES
from conformance.catalogue import clauses
from conformance.judge import Deviation

MODULES = (
    faulty_construction,
    faulty_from_pretrained,
    faulty_gradient,
    faulty_graph,
    faulty_index,
    faulty_lookup,
    faulty_max_norm,
    faulty_module,
    faulty_padding_idx,
    faulty_scale_grad_by_freq,
    faulty_sparse,
)
FAULTS = [
    member
    for module in MODULES
    for member in vars(module).values()
    if isinstance(member, type) and issubclass(member, Twin) and member.trips and member.__module__ == module.__name__
]
PAIRS = [
    pytest.param(fault, clause, id=f"{fault.__module__.removeprefix('faulty_')}.{fault.__name__}-{clause}")
    for fault in FAULTS
    for clause in fault.trips
]

FAULT_CASES = 500
"""As many as a rare fault needs; a run ends with the first that fails."""

TWIN_CASES = 20

NO_FLOAT16_SUM = {"dtype": "float16", "sparse": True}
"""Autograd of torch cannot add two sparse float16 gradients on the CPU, whoever made them."""

ADDS_GRADIENTS = {"gradient.accumulates", "gradient.one-graph", "sparse.accumulates", "sequences.life"}


@pytest.mark.parametrize(("fault", "clause"), PAIRS)
def test_a_fault_is_rejected(fault: type[Twin], clause: str) -> None:
    """Each fault is rejected by every clause that it names."""
    with pytest.raises(Deviation):
        bench.run(clause, fault, fault.dtype, FAULT_CASES)


def test_every_clause_can_fail() -> None:
    """There is no clause that rejects nothing."""
    assert {clause.id for clause in clauses()} == {clause for fault in FAULTS for clause in fault.trips}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_described_in_one_sentence(fault: type[Twin]) -> None:
    """A reader learns from one line what is wrong with it."""
    said = fault.__doc__ or ""
    assert said.endswith(".")
    assert "\n" not in said
    assert ". " not in said


@pytest.mark.parametrize("clause", [clause.id for clause in clauses()])
@pytest.mark.parametrize("dtype", DTYPES)
def test_the_twin_conforms(clause: str, dtype: str) -> None:
    """No clause accuses an embedding that is right, on any dtype."""
    known = [NO_FLOAT16_SUM] if clause in ADDS_GRADIENTS else []
    bench.run(clause, Twin, dtype, TWIN_CASES, known)
