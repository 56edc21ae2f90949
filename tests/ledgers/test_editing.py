"""Ledgers are edited without losing a comment."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from embedding_conformance.boundary.description import Declared
from embedding_conformance.ledgers import editing
from embedding_conformance.ledgers.ledger import Entry, Ledger, Witness
from examples import case
from ledger_files import read, saved

WHERE = {"dtype": ["float32"], "index_numel": {"least": 1}, "norm_type": 2.0}
NEW = Entry(("lookup.bits",), WHERE, ("raises", "differs"), 'it\'s "why"', (Witness(case()),), "mine", "==1.0")
SIGNATURE = Entry(("construction.signature",), {}, ("the signature differs",), "another")
TWO = replace(
    NEW,
    clauses=("lookup.bits", "lookup.shape"),
    witnesses=(Witness(case()), Witness(case(index=(1, 1)), ("lookup.shape",))),
    link="https://example.org",
)

COMMENTED = """\
# At the top.

[[deviation]]  # stays
clauses = ["lookup.bits", "lookup.shape"]  # two
where = {sparse = true}
does = "raises"
reason = "both"
[deviation.witness]
num_embeddings = 1  # one
embedding_dim = 1
sparse = true
index = 0

# About the second.
[[deviation]]
clauses = ["lookup.bits"]
where = {sparse = false}
does = "raises"
reason = "goes"
[deviation.witness]
num_embeddings = 1
embedding_dim = 1
index = 0

[[unsupported]]
features = {dtype = "float16"}  # half
reason = "none"
"""


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "new" / "ledger.toml"
    editing.write(path, [NEW])
    editing.write(path, [SIGNATURE, TWO])
    assert read(path).deviations == [NEW, SIGNATURE, TWO]


def test_writing_nothing_leaves_a_ledger_that_can_be_written_to(tmp_path: Path) -> None:
    path = tmp_path / "ledger.toml"
    editing.write(path, [])
    assert read(path).deviations == []
    editing.write(path, [NEW])
    assert read(path).deviations == [NEW]


ARRAY = (
    "{clauses = ['lookup.bits'], where = {}, does = 'raises', reason = 'x',"
    " witness = {num_embeddings = 1, embedding_dim = 1, index = 0}}"
)


@pytest.mark.parametrize("before", ["", ARRAY])
def test_an_array_of_entries_can_be_written_to(tmp_path: Path, before: str) -> None:
    path = saved(tmp_path, f"deviation = [{before}]\n")
    standing = read(path).deviations
    editing.write(path, [NEW])
    assert read(path).deviations == [*standing, NEW]


def test_writing_keeps_what_stands_there(tmp_path: Path) -> None:
    path = saved(tmp_path, COMMENTED)
    editing.write(path, [NEW])
    assert all(line in path.read_text().splitlines() for line in COMMENTED.splitlines())
    assert [entry.reason for entry in read(path).deviations] == ["both", "goes", NEW.reason]


def test_pruning_drops_what_is_fixed_and_keeps_the_rest_with_its_comments(tmp_path: Path) -> None:
    path = saved(tmp_path, COMMENTED)
    editing.prune(path, {0: ["lookup.shape"], 1: ["lookup.bits"]})
    assert [(entry.clauses, entry.reason) for entry in read(path).deviations] == [(("lookup.bits",), "both")]
    assert len(read(path).unsupported) == 1
    for comment in ("# At the top.", "# stays", "# one", "# half"):
        assert comment in path.read_text()


def test_pruning_drops_the_witness_of_a_clause_that_is_fixed(tmp_path: Path) -> None:
    path = tmp_path / "ledger.toml"
    editing.write(path, [TWO])
    editing.prune(path, {0: ["lookup.shape"]})
    (entry,) = read(path).deviations
    assert entry.witnesses == (Witness(case()),)


def test_pruning_nothing_changes_nothing(tmp_path: Path) -> None:
    path = saved(tmp_path, COMMENTED)
    editing.prune(path, {})
    assert path.read_text() == COMMENTED


def untaken(book: Ledger) -> dict[str, str]:
    """The arguments that a ledger declares not to be taken, with the reason."""
    return {d.features["argument"]: d.reason for d in book.unsupported if "argument" in d.features}


def test_arguments_that_are_not_taken_are_read_and_written(tmp_path: Path) -> None:
    path = saved(tmp_path, "# mine\n")
    editing.write(path, [], {"max_norm": "why", "dtype": "another", "norm_type": "why"})
    book = read(path)
    assert untaken(book) == {"max_norm": "why", "norm_type": "why", "dtype": "another"}
    assert Declared({"max_norm": True}, "why") in book.unsupported
    editing.write(path, [NEW], {"sparse": "later"})
    assert untaken(read(path))["sparse"] == "later"
    assert read(path).deviations == [NEW]
    assert path.read_text().startswith("# mine\n")
