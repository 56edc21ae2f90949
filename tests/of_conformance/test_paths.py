"""The execution paths: each is found, is judged like any implementation, and is in the scripts of its deviations."""

from __future__ import annotations

import importlib
import io
import json
from contextlib import redirect_stdout
from dataclasses import replace
from typing import Any

import pytest
import torch
from examples import case

from conformance import ledger
from conformance.adapter import Unsupported
from conformance.adapters.torch_paths import PATHS, Path, PathAdapter
from conformance.adapters.torch_tensors import from_torch
from conformance.case import Case, Life, Step
from conformance.catalogue import clauses
from conformance.judge import Deviation
from conformance.options import Options
from conformance.session import Session
from conformance.subject import Subject
from conformance.suite import MODULES
from conformance.target import PATHS as NAMES
from conformance.target import bundled, resolve
from conformance.wire import encode
from conformance.worker import serve

pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.*is deprecated:DeprecationWarning")

TESTS = {
    test.clause.id: test
    for module in MODULES
    for test in vars(importlib.import_module(f"conformance.suite.{module}")).values()
    if hasattr(test, "clause")
}


def scalar() -> Case:
    """A case with a 0-d index."""
    plain = case(index=(1,))
    lookup = plain.lookups[0]
    index, upstream = replace(lookup.index, shape=()), replace(lookup.upstream, shape=lookup.upstream.shape[1:])
    return replace(plain, lookups=(replace(lookup, index=index, upstream=upstream),))


def life() -> Life:
    """Two lookups, the second of a 0-d index."""
    first = case(index=(2, 0, 2))
    return Life(first.config, first.weight, first.lookups, steps=(Step("look up", lookups=scalar().lookups),))


FEW = {
    "lookup.bits": case(),
    "lookup.shape": scalar(),
    "lookup.out-of-range": case(index=(0, 3)),
    "lookup.wrong-index-dtype": case(),
    "lookup.device": case(dtype="complex64", freeze=True),
    "gradient.sum": case(index=(2, 0, 2)),
    "gradient.form": case(dim=0),
    "gradient.untouched-rows": case(index=()),
    "padding_idx.no-gradient": case(padding_idx=1),
    "max_norm.renormalises": case(max_norm=1.0),
    "scale_grad_by_freq.divides": case(index=(0, 0, 1), scale_grad_by_freq=True),
    "sparse.values": case(sparse=True),
    "sparse.padding": case(sparse=True, padding_idx=1),
    "gradient.second-order": case(),
    "sequences.life": life(),
}
"""A few clauses, each with a case that meets its precondition."""

UNSUPPORTED = {
    "torch-compile": {"sparse.padding", "gradient.second-order"},
    "torch-compile-aot": {"sparse.padding", "gradient.second-order"},
    "torch-vmap": {"lookup.shape", "max_norm.renormalises"},
    "torch-vmap-grad": {
        "lookup.shape",
        "gradient.untouched-rows",
        "max_norm.renormalises",
        "scale_grad_by_freq.divides",
        "sparse.values",
        "sparse.padding",
    },
    "torch-bag": {
        "lookup.device",
        "gradient.form",
        "padding_idx.no-gradient",
        "sparse.padding",
        "gradient.second-order",
    },
    "torch-meta": set(FEW) - {"lookup.shape", "lookup.wrong-index-dtype", "lookup.device", "gradient.form"},
}
"""Which of them do not apply."""

DEVIATES = {"torch-script": {"max_norm.renormalises"}, "torch-bag": {"scale_grad_by_freq.divides"}}
"""Which of them are known not to hold."""


def subject(adapter: Any, dtype: str = "float32") -> Subject:
    described = adapter.describe()
    return Subject(adapter, described, dtype, described.devices[0])


def examined(adapter: Any, clause: str, one: Case) -> str:
    """What came of a clause on one case."""
    embedding = subject(adapter, one.weight.dtype)
    try:
        TESTS[clause].hypothesis.inner_test(embedding=embedding, case=one)
    except Deviation:
        return "deviates"
    return "unsupported" if embedding.tally.unsupported else "conforms"


def test_each_name_has_its_path() -> None:
    assert tuple(PATHS) == NAMES
    assert {*NAMES, "torch-meta"} < set(bundled())


def test_each_bundled_adapter_of_torch_says_what_it_is() -> None:
    described = [resolve(name).describe() for name in bundled() if name.startswith("torch")]
    assert len({one.name for one in described}) == len(described)
    assert {one.ledger for one in described} == {"torch"}


def test_each_bundled_ledger_is_named_like_an_adapter() -> None:
    assert set(ledger.bundled()) <= set(bundled())


@pytest.mark.parametrize("name", [*NAMES, "torch-meta"])
def test_each_path_on_a_few_clauses(name: str) -> None:
    adapter = resolve(name)
    came = {clause: examined(adapter, clause, one) for clause, one in FEW.items()}
    expected = {
        "unsupported": UNSUPPORTED.get(name, set()),
        "deviates": DEVIATES.get(name, set()),
    }
    expected["conforms"] = set(FEW) - expected["unsupported"] - expected["deviates"]
    assert {word: {c for c, came_to in came.items() if came_to == word} for word in expected} == expected


@pytest.mark.parametrize("name", NAMES)
def test_the_script_goes_the_same_way(name: str) -> None:
    embedding = subject(resolve(name))
    observed = embedding.run(case(index=(2, 0, 2)))
    variables = executed(embedding)
    assert from_torch(variables["output"]) == observed.output
    assert observed.gradient is not None
    assert from_torch(variables["weight"].grad) == observed.gradient.values


def executed(embedding: Subject) -> dict[str, Any]:
    """The variables of the script after it ran."""
    script = embedding.adapter.script(embedding.calls)
    assert not any(name in script for name in ("conformance", "reference"))
    variables: dict[str, Any] = {}
    with redirect_stdout(io.StringIO()):
        exec(script, variables)  # noqa: S102 - our own
    return variables


def shifted(module: torch.nn.Embedding, index: torch.Tensor) -> torch.Tensor:
    """Compiled wrong: every index is taken for the next."""
    return torch.compile(lambda i: module((i + 1) % module.num_embeddings), backend="eager", fullgraph=True)(index)


def test_a_wrong_path_is_caught_and_its_script_shows_it() -> None:
    adapter = PathAdapter(Path(shifted, "torch.compile"))
    assert examined(adapter, "lookup.bits", case()) == "deviates"
    embedding = subject(adapter)
    embedding.run(case(index=(0, 1)), backward=False)
    assert executed(embedding)["output"].tolist() == [[2, 3], [4, 5]]


def test_a_path_that_a_release_of_torch_lacks_is_named() -> None:
    with pytest.raises(Unsupported, match=r"has no torch\.nowhere\.compile$"):
        PathAdapter(Path(shifted, "torch.nowhere.compile")).describe()


def test_a_copy_goes_the_same_way() -> None:
    adapter = PathAdapter(Path(shifted, "torch.compile"))
    copied = subject(adapter).make(case()).copy(how="deepcopy")
    assert copied.forward(lookup=case(index=(0,)).lookups[0]).output.values() == [2, 3]


# -- ledgers ----------------------------------------------------------------------------------------------------------


def a_session(name: str) -> Session:
    """A run on a bundled adapter, without a device named."""
    session = Session(Options(name, "none", None, ("float32",), "smoke", "", "should", None, None, ""), clauses())
    session.close()
    return session


@pytest.fixture(scope="module")
def script() -> Session:
    """A run on TorchScript."""
    return a_session("torch-script")


def test_a_path_has_its_own_ledger_and_inherits_torchs(script: Session) -> None:
    inherited = {entry.clause: entry.inherited for entry in script.ledger.deviations}
    assert not inherited["max_norm.renormalises"]
    assert inherited["sparse.padding-scalar"]


def test_what_is_inherited_is_left_out_only_where_it_fails(script: Session) -> None:
    for clause, known in (("sparse.padding-scalar", 1), ("lookup.refusal-changes-nothing", 0)):
        test = TESTS[clause]
        embedding = script.subject(test.clause, "float32", "cpu")
        replayed = script.replay(test.clause, embedding, test.hypothesis.inner_test)
        assert [bool(entry["deviation"]) for entry in replayed] == [bool(known)]
        assert len(embedding.known) == known


# -- the meta device --------------------------------------------------------------------------------------------------


def test_the_usual_device_is_the_one_that_is_there() -> None:
    assert a_session("torch-meta").devices == ("meta",)
    assert a_session("torch").devices == ("cpu",)


def test_on_the_meta_device_there_is_no_data_even_where_there_are_no_elements() -> None:
    for dim in (0, 2):
        weight = resolve("torch-meta").make(case(dim=dim).config, case(dim=dim).weight, device="meta").weight()
        assert (weight.dtype, weight.shape) == ("float32", (3, dim))
        with pytest.raises(Unsupported, match="no data"):
            weight.components()


def test_a_worker_answers_that_there_is_no_data() -> None:
    make = {"config": case().config, "weight": case().weight, "device": "meta"}
    requests = [{"id": 1, "on": 0, "verb": "make", "arguments": encode(make)}]
    requests.append({"id": 2, "on": 1, "verb": "weight", "arguments": {}})
    answers = io.StringIO()
    serve(resolve("torch-meta"), map(json.dumps, requests), answers)
    made, weight = map(json.loads, answers.getvalue().splitlines())
    assert made == {"id": 1, "instance": 1}
    assert "no data" in weight["unsupported"]
