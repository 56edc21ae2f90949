"""Fake tensors: shapes and refusals are judged, and what shows in values is unsupported."""

from __future__ import annotations

from embedding_conformance.boundary.observations import Shape
from embedding_conformance.boundary.target import resolve
from examined import FEW, examined, subject
from examples import case

VALUES = {
    "lookup.bits",
    "lookup.out-of-range",
    "gradient.sum",
    "gradient.untouched-rows",
    "padding_idx.no-gradient",
    "max_norm.renormalises",
    "scale_grad_by_freq.divides",
    "sparse.values",
    "sparse.padding",
    "gradient.second-order",
    "sequences.life",
}


def test_fake_tensors_on_a_few_clauses() -> None:
    came = {clause: examined(resolve("torch-fake"), clause, one) for clause, one in FEW.items()}
    assert {clause for clause, word in came.items() if word == "unsupported"} == VALUES
    assert {clause for clause, word in came.items() if word == "conforms"} == set(FEW) - VALUES


def test_a_fake_has_a_shape_and_says_that_it_is_on_the_cpu() -> None:
    made = subject(resolve("torch-fake")).make(case(sparse=True))
    assert isinstance(made.weight(), Shape)
    came = made.gradient(lookups=case(index=(0, 0, 2)).lookups)
    assert (came.output.dtype, came.output.shape) == ("float32", (3, 2))
    assert (came.gradient.layout, came.gradient.shape, came.gradient.device) == ("coo", (3, 2), "cpu")


def test_a_sparse_gradient_without_entries_has_no_data_either() -> None:
    made = subject(resolve("torch-fake")).make(case(sparse=True))
    none, some = case(index=()).lookups[0], case(index=(2,)).lookups[0]
    for lookups in ((none,), (none, some)):
        came = made.gradient(lookups=lookups).gradient
        assert isinstance(came.values, Shape)
        assert isinstance(came.rows, Shape)


def test_the_script_makes_fakes() -> None:
    embedding = subject(resolve("torch-fake"))
    embedding.run(case())
    assert "FakeTensorMode(allow_non_fake_inputs=True).__enter__()" in embedding.driver.adapter.script(
        embedding.driver.calls
    )
