"""Runs of the suite on classes that derive from torch's own."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch

from embedding_conformance.adapters.torch.instance import TorchInstance
from embedding_conformance.boundary.refusals import Refused, Unsupported
from embedding_conformance.boundary.target import resolve
from embedding_conformance.judging.pair_coverage import NEVER
from examples import case
from pairs import count
from processes import Run, python, suite

USERS = '''
import warnings
import torch


class MyEmbedding(torch.nn.Embedding):
    """Right, if talkative."""

    def forward(self, index):
        warnings.warn("a warning of the implementation", UserWarning)
        return super().forward(index)


class TrainsPads(torch.nn.Embedding):
    """Forgets padding_idx in the forward pass, and so in the backward."""

    def forward(self, index):
        return torch.nn.functional.embedding(
            index, self.weight, None, self.max_norm, self.norm_type, self.scale_grad_by_freq, self.sparse
        )
'''
FEW = (
    "test_bits or test_no_gradient or test_padding_scalar or test_copies or test_training or test_attributes "
    "or test_in_place or test_accumulates or test_out_of_range or test_signature or test_refusal"
)


def folder_with_users_module(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("users")
    (folder / "users.py").write_text(USERS, encoding="utf-8")
    (folder / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\n", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def right(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A right embedding, in a project where warnings are errors."""
    folder = folder_with_users_module(tmp_path_factory)
    run = suite(folder, "users:MyEmbedding", FEW, "--embedding-html", "report.html", dtypes="float32,complex64")
    assert "<html" in (folder / "report.html").read_text(encoding="utf-8")
    return run


@pytest.fixture(scope="module")
def trains_pads(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Run]:
    """An embedding that trains the row at padding_idx, and its folder."""
    folder = folder_with_users_module(tmp_path_factory)
    return folder, suite(folder, "users:TrainsPads", "test_no_gradient or test_bits")


def test_a_right_embedding_passes_though_warnings_are_errors(right: Run) -> None:
    assert right.status == 0
    assert set(right.verdicts.values()) == {"conforms", "known deviation", "unsupported"}
    assert right.verdict("padding_idx.no-gradient", "complex64")["verdict"] == "unsupported"


def test_it_inherits_torchs_own_known_deviations(right: Run) -> None:
    verdict = right.verdict("sparse.padding-scalar")
    assert verdict["verdict"] == "known deviation"
    assert all(entry["inherited"] for entry in verdict["known"])


def test_the_signatures_are_recorded(right: Run) -> None:
    signatures = right.document["header"]["implementation"]["signatures"]
    assert list(signatures) == ["constructor", "from_pretrained", "functional"]
    assert ["padding_idx", "POSITIONAL_OR_KEYWORD", "None"] in signatures["from_pretrained"]
    assert [name for name, _, _ in signatures["functional"]][:2] == ["input", "weight"]


def test_in_a_worker_the_verdicts_are_the_same(right: Run, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = folder_with_users_module(tmp_path_factory)
    more = ("--embedding-isolation", "process")
    assert suite(folder, "users:MyEmbedding", FEW, *more, dtypes="float32,complex64").verdicts == right.verdicts


def test_a_wrong_embedding_fails_on_the_right_clause(trains_pads: tuple[Path, Run]) -> None:
    _, run = trains_pads
    assert run.status == 1
    assert run.verdicts == {("padding_idx.no-gradient", "float32"): "deviates", ("lookup.bits", "float32"): "conforms"}
    deviation = run.verdict("padding_idx.no-gradient")["deviation"]
    for shown in (deviation["case_repr"], deviation["expected"], deviation["observed"]):
        assert shown in run.text
    assert "cause 1: padding_idx.no-gradient [MUST]: padding_idx is ignored in the gradient." in run.text


class Sparse(torch.nn.Module):
    """Right, and not torch's own."""

    def __init__(self, dtype: torch.dtype) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(3, 2, dtype=dtype))

    def forward(self, index: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.embedding(index, self.weight, sparse=True)


def test_sums_of_sparse_gradients_that_torch_lacks_are_laid_on_torch_alone() -> None:
    twice = case(dtype="float16").lookups * 2
    with pytest.raises(Unsupported, match="torch does not add sparse gradients of this dtype"):
        TorchInstance(Sparse(torch.float16)).gradient(lookups=twice)
    with pytest.raises(Refused, match="not implemented for 'Half'"):
        TorchInstance(torch.nn.Embedding(3, 2, sparse=True, dtype=torch.float16)).gradient(lookups=twice)
    half = case(dtype="float16", sparse=True)
    functional = resolve("torch-functional").make(half.config, half.weight, device="cpu")
    with pytest.raises(Refused, match="not implemented for 'Half'"):
        functional.gradient(lookups=twice)
    wide = case().lookups * 2
    assert TorchInstance(Sparse(torch.float32)).gradient(lookups=wide).gradient.layout == "coo"


def test_steps_that_torchs_threads_cannot_share_are_laid_on_torch_alone() -> None:
    """On any machine: of one thread too."""
    many = case(rows=102, dim=1, index=range(102)).lookups
    step = {"optimizer": "SGD", "options": {"lr": 1.0}, "lookups": many}
    own, torchs = Sparse(torch.float32), torch.nn.Embedding(102, 1, sparse=True)
    for embedding in (own, torchs):
        embedding.weight = torch.nn.Parameter(torch.ones(102, 2)[:, :1])
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with pytest.raises(Unsupported, match="cannot share out this sparse gradient"):
            TorchInstance(own).step(**step)
        with pytest.raises(Refused, match="a view of a leaf Variable"):
            TorchInstance(torchs).step(**step)
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)


FRESH = """
import runpy, sys
for ours in ("conformance", "reference", "reports", "hypothesis", "pytest"):
    sys.modules[ours] = None
sys.path.insert(0, ".")
runpy.run_path("script.py")
"""


def test_the_script_shows_the_deviation_in_a_fresh_process(trains_pads: tuple[Path, Run]) -> None:
    folder, run = trains_pads
    deviation = run.verdict("padding_idx.no-gradient")["deviation"]
    (folder / "script.py").write_text(deviation["script"], encoding="utf-8")
    done = python("-c", FRESH, folder=folder)
    assert (done.returncode, done.stderr) == (0, "")
    observed = deviation["difference"]["observed"].removesuffix("0")
    assert re.search(rf"gradient tensor\(.*{re.escape(observed)}", done.stdout)


def test_the_lookups_of_a_life_are_counted(tmp_path: Path) -> None:
    run = suite(tmp_path, "torch", "test_life")
    part = run.document["interplay"][0]
    assert part["lookups"] > run.verdict("sequences.life")["exercised"] > 0
    assert count(part, "backward yes", "freeze False") > 0


def test_only_what_is_supported_can_be_missed(right: Run) -> None:
    float32, complex64 = right.document["interplay"][:2]
    assert count(float32, "backward yes", "index_ndim 1") > 0
    assert count(complex64, "backward yes", "index_ndim 1") == count(complex64, "sparse False", "pads some") == NEVER
    assert count(complex64, "backward no", "freeze True") != NEVER
