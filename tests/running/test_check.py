"""`check()` and `conformance_tests()`: what users call in Python."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from torch import nn

import embedding_conformance
import plain
from embedding_conformance import Profile, Unusable, check
from embedding_conformance.running import document
from embedding_reports import results
from embedding_reports.outcomes import Outcome
from processes import python

ROOT = Path(__file__).parents[2]
FEW = Profile("few", examples=10, enough=1)


class Doubles(nn.Embedding):
    """What is looked up together with the first row is twice as large."""

    def forward(self, index):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201 - a fault
        return super().forward(index) * (1 + int((index == 0).any()))


def test_what_conforms_is_ok(tmp_path: Path) -> None:
    checked = check(nn.Embedding, profile=FEW, clauses="lookup.*", dtypes="float32", seed=1)
    assert checked.ok
    assert {verdict.clause.partition(".")[0] for verdict in checked.verdicts} == {"lookup"}
    assert str(checked).startswith("torch.nn.Embedding ")
    checked.write(tmp_path / "results.json")
    assert results.read(tmp_path / "results.json").header.seed == "1"
    checked.html(tmp_path / "pages" / "report.html")
    assert "torch.nn.Embedding" in (tmp_path / "pages" / "report.html").read_text("utf-8")


def test_a_package_that_runs_without_being_installed_has_a_version_that_is_unknown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(document, "OURS", ("hypothesis", "not-installed"))
    checked = check(nn.Embedding, profile=FEW, clauses="lookup.shape", dtypes="float32", seed=1)
    versions = checked.results.header.packages
    assert versions["not-installed"] == "unknown" != versions["hypothesis"]


def test_what_deviates_is_not_and_says_how() -> None:
    checked = check(Doubles, profile=FEW, clauses=["lookup.bits", "lookup.shape"], dtypes="float32", seed=1)
    assert not checked.ok
    assert {v.clause: v.outcome for v in checked.verdicts} == {
        "lookup.bits": Outcome.DEVIATES,
        "lookup.shape": Outcome.CONFORMS,
    }
    assert "cause 1: lookup.bits [MUST]: The output is twice the row.\n   where: looks_up_row_0 = true (" in str(
        checked
    )
    assert "1 deviates" in str(checked)


def test_a_run_that_tested_nothing_is_not_ok() -> None:
    checked = check(plain.Plain(), profile=FEW, clauses="sparse.step", dtypes="float32")
    assert {verdict.outcome for verdict in checked.verdicts} == {Outcome.UNSUPPORTED}
    assert (checked.ok, checked.results.footer.exit_status) == (False, 2)


LEDGER = """
[[deviation]]
clauses = ["lookup.bits"]
where = { dtype = "float32" }
does = "differs"
reason = "why"
[deviation.witness]
num_embeddings = 1
embedding_dim = 1
index = [0]
"""


def test_a_known_deviation_is_declared_by_a_ledger(tmp_path: Path) -> None:
    ledger = tmp_path / "deviations.toml"
    ledger.write_text(LEDGER, encoding="utf-8")
    (verdict,) = check(Doubles, profile=FEW, clauses="lookup.bits", dtypes="float32", known=ledger).verdicts
    assert (verdict.outcome, verdict.fails) == (Outcome.KNOWN_DEVIATION, False)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"profile": "smok"}, "profile 'smok': must be one of smoke, default, thorough; did you mean 'smoke'?"),
        ({"clauses": "padding.*"}, "padding.*: names no clause; did you mean 'padding_idx.*'?"),
        ({"dtypes": "float8"}, "float8: not there; there are"),
        ({"level": "info"}, "level 'info': must be one of should, must"),
        ({"isolation": "thread"}, "isolation 'thread': must be one of auto, process, none"),
        ({"known": "nowhere.toml"}, "nowhere.toml: No such file"),
        ({"target": 3}, "int is a int; it must be a class or factory"),
        ({"target": nn.Linear}, "has no weight of shape"),
        ({"target": "torch.nn.Embedding"}, "write torch.nn:Embedding, with a colon"),
    ],
)
def test_what_cannot_be_used_is_said_in_a_line(arguments: dict[str, object], words: str) -> None:
    given = {"target": nn.Embedding, "profile": "smoke", **arguments}
    with pytest.raises(Unusable, match=re.escape(words)) as caught:
        check(given.pop("target"), **given)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)


OWN = """
from torch import nn
from embedding_conformance import Profile, conformance_tests

FEW = {"profile": Profile("few", examples=6, enough=1), "dtypes": "float32"}

class Doubles(nn.Embedding):
    def forward(self, index):
        return super().forward(index) * (1 + (index == 0)).unsqueeze(-1)

test_torch = conformance_tests(nn.Embedding, clauses="lookup.*,sparse.padding-scalar", **FEW)
test_doubles = conformance_tests(Doubles, clauses=["lookup.bits", "lookup.shape"], seed=1, **FEW)
"""


def test_tests_of_ones_own(tmp_path: Path) -> None:
    """With strict markers and warnings as errors, a test for each clause and dtype, each named after its clause."""
    (tmp_path / "test_mine.py").write_text(OWN, encoding="utf-8")
    done = python(
        *("-m", "pytest", "-rA", "-q", "-p", "no:cacheprovider", "--strict-markers", "-W", "error", "test_mine.py"),
        folder=tmp_path,
    )
    assert done.returncode == 1, done.stdout
    assert "PASSED test_mine.py::test_torch[lookup.bits-float32-cpu]" in done.stdout
    assert "XFAIL test_mine.py::test_torch[sparse.padding-scalar-float32-cpu]" in done.stdout
    assert "FAILED test_mine.py::test_doubles[lookup.bits-float32-cpu]" in done.stdout
    assert "PASSED test_mine.py::test_doubles[lookup.shape-float32-cpu]" in done.stdout
    assert "seed 1 repeats it" in done.stdout
    selected = python(
        *("-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "info", "--collect-only", "test_mine.py"),
        folder=tmp_path,
    )
    assert "lookup.narrow-index-dtype" in selected.stdout
    assert "lookup.bits" not in selected.stdout


def test_the_public_names_are_all_that_the_documentation_uses() -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    used: dict[str, set[str]] = {}
    for page in pages:
        imports = re.findall(
            r"^\W*from (embedding_[\w.]+) import (\([^)]*\)|[^\n]+)", page.read_text("utf-8"), re.MULTILINE
        )
        for module, names in imports:
            used.setdefault(module, set()).update(re.findall(r"\w+", names))
    assert set(used) == {"embedding_conformance"}
    assert used["embedding_conformance"] <= set(embedding_conformance.__all__)


@pytest.mark.parametrize("name", embedding_conformance.__all__)
def test_each_public_name_is_there_and_documented(name: str) -> None:
    found = getattr(embedding_conformance, name)
    assert isinstance(found, str) or found.__doc__
    assert name in dir(embedding_conformance)
