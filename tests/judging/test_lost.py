"""A refusal that costs the process, as an assertion on a device does, is a refusal and no more than that."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from embedding_conformance.boundary.refusals import LOST, Lost, Refused, Unsupported
from embedding_conformance.boundary.target import resolve
from embedding_conformance.boundary.wire import decode
from embedding_conformance.boundary.worker_client import WorkerAdapter
from embedding_conformance.running.profiles import PROFILES
from embedding_conformance.suite.test_lookup import OUT_OF_RANGE
from embedding_reference import Tensor
from examined import examine, subject
from examples import case
from processes import Run, suite

GOOD, BAD = case(index=(0, 2)), case(index=(0, 7))
AFTER = {"lookup.refusal-changes-nothing", "lookup.refusal-keeps-index", "lookup.refusal-keeps-gradient"}
"""What is left after a refusal."""
FEW = "test_out_of_range or test_refusal or test_shape"


def test_the_worker_is_replaced_and_what_it_held_is_unsupported() -> None:
    worker = WorkerAdapter("lossy:Loses")
    lost, other = (worker.make(BAD.config, BAD.weight, device="cpu") for _ in range(2))
    with pytest.raises(Lost, match="RuntimeError: device-side assert triggered"):
        lost.forward(lookup=BAD.lookups[0])
    fresh = worker.make(GOOD.config, GOOD.weight, device="cpu")
    assert fresh.forward(lookup=GOOD.lookups[0]).output == Tensor.of("float32", (2, 2), [0, 1, 4, 5])
    for held in (lost, other):
        with pytest.raises(Unsupported, match=LOST):
            held.weight()
    assert fresh.weight() == GOOD.weight
    worker.close()


def test_an_ordinary_refusal_leaves_the_worker_alone() -> None:
    worker = WorkerAdapter("lossy:Fails")
    instance = worker.make(BAD.config, BAD.weight, device="cpu")
    for message in ("index out of range", "out of order"):
        with pytest.raises(Refused, match=message) as refused:
            instance.forward(lookup=BAD.lookups[0])
        assert type(refused.value) is Refused
    worker.close()


def test_an_error_of_the_device_is_of_a_family_that_an_index_out_of_range_may_have() -> None:
    class AcceleratorError(RuntimeError):
        """As torch has it."""

    assert Lost.of(AcceleratorError("CUDA error: device-side assert triggered")).family in OUT_OF_RANGE.families


@pytest.fixture(scope="module")
def loses(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """An embedding that loses its process where an index is out of range."""
    return suite(tmp_path_factory.mktemp("loses"), "lossy:Loses", FEW, profile="default")


def test_the_refusal_conforms_and_what_is_left_is_unsupported(loses: Run) -> None:
    assert loses.status == 0
    assert {clause for (clause, _), word in loses.verdicts.items() if word == "unsupported"} == AFTER
    assert {clause for (clause, _), word in loses.verdicts.items() if word == "conforms"} == {
        "lookup.out-of-range",
        "lookup.refusal-class",
        "lookup.shape",
    }
    assert {loses.verdict(clause)["reason"] for clause in AFTER} == {f"not asked: {LOST}"}


def test_no_more_processes_are_lost_than_are_enough(loses: Run) -> None:
    enough = PROFILES["default"].enough
    refused = loses.verdict("lookup.out-of-range")
    assert (refused["cases"], refused["exercised"]) == (enough, enough)
    assert {loses.verdict(clause)["cases"] for clause in AFTER} == {enough}


def test_none_is_lost_over_what_is_unsupported_anyhow() -> None:
    embedding = subject(resolve("torch"), "complex64")
    examine(embedding, "lookup.out-of-range", case(index=(7,), dtype="complex64"))
    assert embedding.tally.unsupported == 1
    assert not embedding.driver.calls


def test_what_fails_after_a_refusal_without_a_loss_deviates(tmp_path: Path) -> None:
    run = suite(tmp_path, "lossy:Fails", FEW)
    assert run.status == 1
    assert {clause for (clause, _), word in run.verdicts.items() if word == "deviates"} >= AFTER
    assert "RuntimeError: out of order" in run.verdict("lookup.refusal-changes-nothing")["deviation"]["observed"]


def test_a_loss_excuses_no_other_deviation(tmp_path: Path) -> None:
    run = suite(tmp_path, "lossy:LosesBadly", "test_refusal_class")
    verdict = run.verdict("lookup.refusal-class")
    assert (verdict["verdict"], verdict["reason"]) == ("deviates", None)
    assert "TypeError: no such dtype" in verdict["deviation"]["observed"]


def test_a_loss_in_this_process_costs_one_verdict(tmp_path: Path) -> None:
    run = suite(tmp_path, "lossy:LosesOnNaN", "test_nan_payload or test_shape")
    verdict = run.verdict("lookup.nan-payload")
    assert (verdict["verdict"], verdict["reason"]) == ("deviates", None)
    weight = decode(verdict["deviation"]["case"]).weight
    assert any(map(math.isnan, weight.values())), "cases without NaN were taken for smaller ones"
    assert run.verdict("lookup.shape")["verdict"] == "conforms"


def test_a_loss_is_not_laid_on_the_case_after_it(tmp_path: Path) -> None:
    run = suite(tmp_path, "lossy:LosesLate", "test_index_dtype or test_shape")
    assert run.status == 0
    assert {run.verdict(clause)["verdict"] for clause in ("lookup.index-dtype", "lookup.shape")} == {"conforms"}


def test_an_assertion_on_a_device_of_torch_is_a_refusal(tmp_path: Path) -> None:
    run = suite(tmp_path, "asserting:Asserts", f"{FEW} or test_no_rows", dtypes="float32,complex64")
    assert run.status == 0
    assert {run.verdict(clause)["verdict"] for clause in AFTER} == {"unsupported"}
    assert {run.verdict(clause)["reason"] for clause in AFTER} == {f"not asked: {LOST}"}
    for clause in ("lookup.out-of-range", "lookup.no-rows", "lookup.shape"):
        assert run.verdict(clause)["verdict"] == "conforms"
