"""Ledgers are read strictly."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import tomlkit

from embedding_conformance.boundary.description import Declared
from embedding_conformance.ledgers import reading
from embedding_conformance.ledgers.reading import WHERE, LedgerError
from embedding_conformance.suite.catalogue import clauses
from examples import case
from ledger_files import read, saved

WITNESS = {"num_embeddings": 3, "embedding_dim": 2, "sparse": True, "weight": [1, 2, 3, 4, 5, 6], "index": [0]}
ENTRY = {
    "clauses": ["sparse.layout"],
    "where": {"sparse": True},
    "does": "raises IndexError",
    "reason": "why",
    "witness": WITNESS,
}


def written(folder: Path, *, drop: str = "", **changes: Any) -> Path:
    """A ledger of one entry, with changes to it."""
    entry = {key: value for key, value in {**ENTRY, **changes}.items() if key != drop}
    return saved(folder, tomlkit.dumps({"deviation": [entry]}))


def refusal(path: Path) -> str:
    """The one line with which a ledger is refused."""
    with pytest.raises(LedgerError) as caught:
        read(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_an_entry_is_read_whole(tmp_path: Path) -> None:
    (entry,) = read(written(tmp_path, implementation="mine", versions=">=1", link="https://example.org")).deviations
    assert (entry.clauses, entry.where, entry.does) == (("sparse.layout",), {"sparse": True}, ("raises IndexError",))
    assert (entry.reason, entry.implementation, entry.versions) == ("why", "mine", ">=1")
    assert entry.link == "https://example.org"
    (witness,) = entry.witnesses
    assert list(witness.case.weight.components()) == [1, 2, 3, 4, 5, 6]


def test_an_entry_may_have_a_witness_for_some_of_its_clauses(tmp_path: Path) -> None:
    other = {**WITNESS, "index": [1], "clauses": ["lookup.bits"]}
    path = written(tmp_path, clauses=["sparse.layout", "lookup.bits"], witness=[WITNESS, other])
    (entry,) = read(path).deviations
    shown = [entry.witness_for(clause) for clause in entry.clauses]
    assert [one and one.positions for one in shown] == [[0], [1]]


def test_a_clause_without_cases_needs_no_witness(tmp_path: Path) -> None:
    path = written(tmp_path, drop="witness", clauses=["construction.signature"], does="the signature differs")
    (entry,) = read(path).deviations
    assert entry.witness_for("construction.signature") is None
    assert entry.known_in("construction.signature", "cpu").covers(None)


def test_an_entry_may_do_one_of_several_things(tmp_path: Path) -> None:
    (entry,) = read(written(tmp_path, does=["raises", "DoublesTheOutput"])).deviations
    assert entry.does == ("raises", "DoublesTheOutput")


def test_a_number_may_have_bounds(tmp_path: Path) -> None:
    (entry,) = read(written(tmp_path, where={"index_numel": {"least": 1, "most": 2}})).deviations
    known = entry.known_in("sparse.layout", "cpu")
    assert [known.covers(case(index=(0,) * count)) for count in (0, 1, 2, 3)] == [False, True, True, False]


def test_what_is_unsupported_is_read(tmp_path: Path) -> None:
    path = saved(tmp_path, '[[unsupported]]\nfeatures = {dtype = "float16"}\nreason = "no such type"\n')
    assert read(path).unsupported == [Declared({"dtype": "float16"}, "no such type")]


def test_an_empty_file_is_a_ledger(tmp_path: Path) -> None:
    assert read(saved(tmp_path, "# nothing yet\n")).deviations == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"clauses": ["lookup.bits", "lookup.bit"]}, ["unknown clause 'lookup.bit'", "did you mean 'lookup.bits'?"]),
        ({"clauses": []}, ["clauses names none"]),
        ({"clauses": "lookup.bits"}, ["clauses is 'lookup.bits'", "a list of strings"]),
        ({"clause": "lookup.bits"}, ["older version of ledgers", "write clauses = [...]"]),
        ({"where": {"spars": True}}, ["unknown feature 'spars'", "did you mean 'sparse'?"]),
        ({"where": "sparse"}, ["where is 'sparse'", "a table"]),
        ({"where": {"sparse": False}}, ["the witness is not a case that `where` covers"]),
        ({"does": "DoublesTheOutptu"}, ["unknown fault model 'DoublesTheOutptu'", "did you mean 'DoublesTheOutput'?"]),
        ({"does": []}, ["does says nothing"]),
        ({"does": [3]}, ["does is 3"]),
        ({"does": " "}, ["does is ' '"]),
        ({"reason": " "}, ["reason is empty", "say why"]),
        ({"reason": 3}, ["reason is 3", "a string"]),
        ({"reeson": "x"}, ["unknown key 'reeson'", "did you mean 'reason'?"]),
        ({"versions": "2.0"}, ["versions", "'2.0'", ">=2.0,<2.4"]),
        ({"versions": 2}, ["versions is 2", "a string"]),
        ({"link": 2}, ["link is 2", "a string"]),
        ({"implementation": ["a"]}, ["implementation is ['a']", "a string"]),
        ({"witness": 3}, ["witness is 3", "a table"]),
        ({"witness": {}}, ["witness: num_embeddings is missing"]),
        ({"witness": {**WITNESS, "indx": 0}}, ["witness: unknown key 'indx'"]),
        ({"witness": {**WITNESS, "clauses": ["lookup.bits"]}}, ["'lookup.bits' is no clause of the entry"]),
        ({"drop": "clauses"}, ["clauses is missing"]),
        ({"drop": "where"}, ["where is missing"]),
        ({"drop": "does"}, ["does is missing"]),
        ({"drop": "reason"}, ["reason is missing"]),
        ({"drop": "witness"}, ["witness is missing for sparse.layout"]),
    ],
)
def test_an_entry_that_does_not_fit_is_named(tmp_path: Path, changes: dict[str, Any], words: list[str]) -> None:
    path = written(tmp_path, **changes)
    said = refusal(path)
    assert said.startswith(f"{path}, deviation 1: ")
    for word in words:
        assert word in said


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("not = = toml", ["not TOML"]),
        ("a = 1\na = 2", ["not TOML"]),
        ("deviation = 3", ["deviation is not a list of tables", "[[deviation]]"]),
        ("deviation = [3]", ["deviation 1", "3 is not a table"]),
        ('[deviation]\nclauses = ["lookup.bits"]', ["deviation is not a list of tables", "[[deviation]]"]),
        ("[[deviations]]", ["unknown table 'deviations'", "did you mean 'deviation'?"]),
        ('[[unsupported]]\nreason = "x"', ["unsupported 1", "features is missing"]),
        ("[[unsupported]]\nfeatures = {sparse = true}", ["unsupported 1", "reason is missing"]),
        ('[[unsupported]]\nfeatures = {spars = true}\nreason = "x"', ["unsupported 1", "did you mean 'sparse'?"]),
        ('[[unsupported]]\narguments = ["max_nrom"]\nreason = "x"', ["unknown argument 'max_nrom'", "'max_norm'?"]),
        ('[[unsupported]]\narguments = [3]\nreason = "x"', ["unknown argument 3"]),
        ('[[unsupported]]\narguments = []\nreason = "x"', ["arguments names none"]),
        ('[[unsupported]]\narguments = "max_norm"\nreason = "x"', ["arguments is 'max_norm'", "a list of strings"]),
        ('[[unsupported]]\narguments = ["max_norm"]', ["reason is missing"]),
        ('[[unsupported]]\narguments = ["max_norm"]\nfeatures = {}\nreason = "x"', ["unknown key 'features'"]),
    ],
)
def test_a_file_that_does_not_fit_is_named(tmp_path: Path, text: str, words: list[str]) -> None:
    path = saved(tmp_path, text)
    said = refusal(path)
    assert said.startswith(str(path))
    for word in words:
        assert word in said


def test_a_file_in_another_encoding_is_named(tmp_path: Path) -> None:
    path = tmp_path / "ledger.toml"
    path.write_bytes("# café".encode("latin-1"))
    assert "not TOML" in refusal(path)


def test_a_missing_file_names_the_bundled_ones(tmp_path: Path) -> None:
    said = refusal(tmp_path / "none.toml")
    assert "No such file" in said
    assert "bundled ledgers: " in said
    assert "torch" in said


@pytest.mark.parametrize("name", reading.bundled())
def test_bundled_ledgers_can_be_read(name: str) -> None:
    """Whether their witnesses still deviate as they say is for a run of the suite to tell."""
    book = reading.read(name, clauses())
    assert book.deviations
    for entry in book.deviations:
        assert entry.reason.endswith(".")
        assert set(entry.where) <= set(WHERE)
        assert entry.where["device"], "where it was seen: nothing is known of other devices"
