"""The meta device: what shows in shapes is judged there, and nothing else."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
import torch

from embedding_conformance.adapters.torch.module import TorchModuleAdapter
from embedding_conformance.adapters.torch.paths.meta import MetaInstance
from embedding_conformance.boundary.observations import Shape
from embedding_conformance.boundary.refusals import Unsupported
from embedding_conformance.boundary.target import resolve
from embedding_conformance.boundary.wire import decode, encode
from embedding_conformance.running.witnesses import replay
from embedding_conformance.worker import serve
from examined import CLAUSES, FEW, a_session, examined
from examples import case
from processes import suite

WITHOUT_DATA = {"lookup.shape", "lookup.wrong-index-dtype", "lookup.device", "gradient.form"}
"""Which of a few clauses apply."""


class Mine(torch.nn.Embedding):
    """Somebody's own."""


def test_torchs_own_class_alone_claims_it() -> None:
    assert "meta" in TorchModuleAdapter().describe().devices
    assert "meta" not in TorchModuleAdapter(Mine).describe().devices


def test_the_usual_device_is_the_cpu_or_else_what_is_there() -> None:
    assert a_session("torch").devices == ("cpu",)
    assert a_session("plain:Elsewhere").devices == ("there",)


def test_a_few_clauses() -> None:
    came = {clause: examined(resolve("torch"), clause, one, "meta") for clause, one in FEW.items()}
    assert {clause for clause, word in came.items() if word == "conforms"} == WITHOUT_DATA
    assert {clause for clause, word in came.items() if word == "unsupported"} == set(FEW) - WITHOUT_DATA


def test_beside_another_device_each_has_verdicts_of_its_own(tmp_path: Path) -> None:
    few = "test_bits or test_other_device or test_attributes"
    run = suite(tmp_path, "torch", few, "--embedding-device", "cpu,meta")
    assert run.status == 0
    assert {(v["clause"], v["device"]): v["verdict"] for v in run.document["verdicts"]} == {
        ("construction.attributes", "cpu"): "conforms",
        ("construction.attributes", "meta"): "conforms",
        ("lookup.bits", "cpu"): "conforms",
        ("lookup.bits", "meta"): "unsupported",
        ("lookup.other-device", "cpu"): "known deviation",
        ("lookup.other-device", "meta"): "known deviation",
    }
    assert {v["reason"] for v in run.document["verdicts"]} == {None, "not asked: the tensor has no data"}


def test_no_entry_of_another_device_is_called_fixed() -> None:
    session = a_session("torch", ("meta",))
    about = {clause for one in session.ledger.deviations if one.is_about("float32", "meta") for clause in one.clauses}
    assert about == {"lookup.other-device"}
    clause = CLAUSES["gradient.second-order-empty"]
    assert replay(session, clause, session.subject(clause, "float32", "meta")) == []


def test_there_is_no_data_even_where_there_are_no_elements() -> None:
    for dim in (0, 2):
        weight = resolve("torch").make(case(dim=dim).config, case(dim=dim).weight, device="meta").weight()
        assert (weight.dtype, weight.shape) == ("float32", (3, dim))
        with pytest.raises(Unsupported, match="no data"):
            weight.components()


def test_a_worker_answers_with_shapes() -> None:
    make = {"config": case().config, "weight": case().weight, "device": "meta"}
    requests = [{"id": 1, "on": 0, "verb": "make", "arguments": encode(make)}]
    requests.append({"id": 2, "on": 1, "verb": "weight", "arguments": {}})
    answers = io.StringIO()
    serve(resolve("torch"), map(json.dumps, requests), answers)
    made, weight = map(json.loads, answers.getvalue().splitlines())
    assert made == {"id": 1, "instance": 1}
    assert weight["result"] == {"tensor": ["float32", [3, 2], None]}
    assert isinstance(decode(weight["result"]), Shape)


def test_what_is_moved_from_there_has_data_again() -> None:
    one = case()
    instance = resolve("torch").make(one.config, None, device="meta", dtype="float32")
    assert isinstance(instance, MetaInstance)
    with pytest.raises(Unsupported, match="no data"):
        instance.use_first(one.lookups[0], clone=True)
    instance.move("cpu", empty=True)
    instance.load({"weight": one.weight})
    assert instance.forward(one.lookups[0]).output == one.config.output(one.weight, one.index).tensor
    assert instance.use_first(one.lookups[0], clone=True).gradient
