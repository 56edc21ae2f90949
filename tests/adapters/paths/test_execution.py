"""The execution paths: each is found, is judged like any implementation, and is in the scripts of its deviations."""

from __future__ import annotations

import io
from contextlib import redirect_stdout
from typing import Any

import pytest
import torch

from embedding_conformance.adapters.torch.paths.execution import PATHS, Path, PathAdapter
from embedding_conformance.adapters.torch.tensors import from_torch
from embedding_conformance.boundary.refusals import Refused, Unsupported
from embedding_conformance.boundary.target import BUNDLED, resolve
from embedding_conformance.judging.subject import Subject
from embedding_conformance.ledgers import reading
from embedding_conformance.running.session import Session
from embedding_conformance.running.witnesses import replay
from examined import CLAUSES, FEW, a_session, examined, subject
from examples import case

pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.*is deprecated:DeprecationWarning")

UNSUPPORTED = {
    "torch-compile": {"sparse.padding", "gradient.second-order"},
    "torch-compile-aot": {"sparse.padding", "gradient.second-order"},
    "torch-vmap": {"lookup.shape", "max_norm.renormalises", "sequences.life"},
    "torch-vmap-grad": {
        "lookup.shape",
        "gradient.untouched-rows",
        "max_norm.renormalises",
        "scale_grad_by_freq.divides",
        "sparse.values",
        "sparse.padding",
        "sequences.life",
    },
    "torch-bag": {
        "lookup.device",
        "gradient.form",
        "padding_idx.no-gradient",
        "sparse.padding",
        "gradient.second-order",
    },
    "torch-decomp": {"max_norm.renormalises", "sparse.values", "sparse.padding"},
}
"""Which of them do not apply."""

DEVIATES = {"torch-script": {"max_norm.renormalises"}, "torch-bag": {"scale_grad_by_freq.divides"}}
"""Which of them are known not to hold."""


def test_each_name_has_its_path() -> None:
    assert [name for name, module in BUNDLED.items() if module == "torch.paths.execution"] == list(PATHS)


def test_each_bundled_adapter_of_torch_says_what_it_is() -> None:
    described = [resolve(name).describe() for name in BUNDLED if name.startswith("torch") and name != "torch-onnx"]
    assert len({one.name for one in described}) == len(described)
    assert {one.ledger for one in described if "quantized" not in one.name} == {"torch"}


def test_each_bundled_ledger_is_named_like_an_adapter() -> None:
    assert set(reading.bundled()) <= set(BUNDLED)


@pytest.mark.parametrize("name", PATHS)
def test_each_path_on_a_few_clauses(name: str) -> None:
    adapter = resolve(name)
    came = {clause: examined(adapter, clause, one) for clause, one in FEW.items()}
    expected = {
        "unsupported": UNSUPPORTED.get(name, set()),
        "deviates": DEVIATES.get(name, set()),
    }
    expected["conforms"] = set(FEW) - expected["unsupported"] - expected["deviates"]
    assert {word: {c for c, came_to in came.items() if came_to == word} for word in expected} == expected


@pytest.mark.parametrize("name", PATHS)
def test_the_script_goes_the_same_way(name: str) -> None:
    embedding = subject(resolve(name))
    observed = embedding.run(case(index=(2, 0, 2)))
    variables = executed(embedding)
    assert from_torch(variables["output"]) == observed.output
    assert observed.gradient is not None
    assert from_torch(variables["weight"].grad) == observed.gradient.values


def executed(embedding: Subject) -> dict[str, Any]:
    """The variables of the script after it ran."""
    script = embedding.driver.adapter.script(embedding.driver.calls)
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


def test_what_means_something_else_on_a_path_is_not_asked() -> None:
    with pytest.raises(Unsupported, match="a bag leaves the row at padding_idx out") as caught:
        subject(resolve("torch-bag")).run(case(padding_idx=0))
    assert not caught.value.asked
    with pytest.raises(Refused, match="RuntimeError"):
        subject(resolve("torch-vmap")).run(case(max_norm=1.0))


def test_a_copy_goes_the_same_way() -> None:
    adapter = PathAdapter(Path(shifted, "torch.compile"))
    copied = subject(adapter).make(case()).copy(how="deepcopy")
    assert copied.forward(lookup=case(index=(0,)).lookups[0]).output.values() == [2, 3]


# -- ledgers ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def script() -> Session:
    """A run on TorchScript."""
    return a_session("torch-script")


def test_a_path_has_its_own_ledger_and_inherits_torchs(script: Session) -> None:
    inherited = {clause: one.inherited for one in script.ledger.deviations for clause in one.clauses}
    assert not inherited["max_norm.renormalises"]
    assert inherited["max_norm.negative"]


def test_what_is_inherited_is_left_out_only_where_it_fails(script: Session) -> None:
    for clause, known in (("max_norm.negative", 1), ("lookup.refusal-changes-nothing", 0)):
        embedding = script.subject(CLAUSES[clause], "float32", "cpu")
        replayed = replay(script, CLAUSES[clause], embedding)
        assert [bool(entry.deviation) for entry in replayed] == [bool(known)]
        assert len(embedding.examination.known) == known


def test_only_torchs_own_class_claims_the_meta_device() -> None:
    assert all("meta" not in resolve(name).describe().devices for name in PATHS)
