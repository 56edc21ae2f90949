"""Known deviations from the first run to the last: written, known, fixed, pruned."""

from __future__ import annotations

from pathlib import Path

import pytest

from embedding_conformance.ledgers import editing, reading
from embedding_conformance.ledgers.ledger import Entry, Witness
from embedding_conformance.suite.catalogue import clauses
from examples import case
from processes import Run, suite

FEW = "test_bits or test_shape"
LEDGER = ("--embedding-deviations", "known.toml")
PROGRAM = "from plain import Inverts, Plain\nclass Mine({base}): pass\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("baseline")


def run(folder: Path, base: str, *more: str) -> Run:
    """Run on an embedding that inverts what a scalar looks up, or, once repaired, does not."""
    (folder / "mine.py").write_text(PROGRAM.format(base=base), encoding="utf-8")
    return suite(folder, "mine:Mine", FEW, *LEDGER, *more, profile="default", dtypes="float32,float64")


@pytest.fixture(scope="module")
def written(folder: Path) -> Run:
    return run(folder, "Inverts", "--embedding-baseline", "write")


@pytest.fixture(scope="module")
def known(folder: Path, written: Run) -> Run:  # noqa: ARG001 - comes before
    return run(folder, "Inverts")


@pytest.fixture(scope="module")
def pruned(folder: Path, known: Run) -> Run:  # noqa: ARG001 - comes before
    return run(folder, "Plain", "--embedding-baseline", "prune")


def test_writing_a_baseline(written: Run) -> None:
    assert written.status == 1
    assert written.verdicts["lookup.bits", "float32"] == "deviates"
    assert "note: 1 entry written to known.toml; replace each reason by the true one" in written.text


def test_a_baseline_covers_what_deviates_and_no_more(known: Run) -> None:
    assert known.status == 0
    assert "KNOWN DEVIATION" in known.text
    verdict = known.verdict("lookup.bits")
    assert verdict["verdict"] == "known deviation"
    assert verdict["exercised"] >= verdict["enough"]
    (entry,) = verdict["known"]
    assert entry["features"] == {"index_ndim": 0, "dtype": ["float32", "float64"], "device": ["cpu"]}
    assert entry["deviation"]["case_repr"]
    assert known.verdict("lookup.shape")["verdict"] == "conforms"


def test_an_entry_that_is_fixed_fails_the_run_and_is_pruned(folder: Path, pruned: Run) -> None:
    assert pruned.status == 1
    assert "fixed: remove this entry (baseline: output differs)" in pruned.text
    assert "note: 1 fixed entry dropped from known.toml" in pruned.text
    assert reading.read(str(folder / "known.toml"), clauses()).deviations == []


def test_after_pruning_the_run_passes(folder: Path, pruned: Run) -> None:
    assert pruned.document
    assert run(folder, "Plain").status == 0


def test_an_entry_about_nothing_is_reported(tmp_path: Path) -> None:
    """Where all that it covers is unsupported, say."""
    gone = Entry(("lookup.bits",), {"dtype": "float32"}, ("raises",), "long gone", (Witness(case()),))
    editing.write(tmp_path / "known.toml", [gone])
    with (tmp_path / "known.toml").open("a", encoding="utf-8") as file:
        file.write('[[unsupported]]\nfeatures = {dtype = "float32"}\nreason = "float64 is enough"\n')
    again = suite(tmp_path, "plain:OnlyFloat64", FEW, *LEDGER)
    assert again.status == 0
    assert "note: the ledger's entry for lookup.bits (long gone) matched nothing in this run" in again.text
