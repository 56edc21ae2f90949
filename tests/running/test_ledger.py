"""Ledgers are read strictly, matched by version and features, and edited without losing a comment."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import tomlkit

from embedding_conformance.boundary.description import Declared, Description
from embedding_conformance.boundary.wire import encode
from embedding_conformance.running import ledger
from embedding_conformance.running.ledger import MATCHABLE, Entry, LedgerError
from embedding_conformance.suite.catalogue import clauses
from examples import case

WITNESS = json.dumps(encode(case()))
ENTRY = {"clause": "sparse.layout", "features": {"sparse": True}, "reason": "why", "witness": WITNESS}


def written(folder: Path, *, drop: str = "", **changes: Any) -> Path:
    """A ledger of one entry, with changes to it."""
    entry = {key: value for key, value in {**ENTRY, **changes}.items() if key != drop}
    return saved(folder, tomlkit.dumps({"deviation": [entry]}))


def saved(folder: Path, text: str) -> Path:
    path = folder / "ledger.toml"
    path.write_text(text, encoding="utf-8")
    return path


def read(path: Path) -> ledger.Ledger:
    return ledger.read(str(path), clauses())


def refusal(path: Path) -> str:
    """The one line with which a ledger is refused."""
    with pytest.raises(LedgerError) as caught:
        read(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_an_entry_is_read_whole(tmp_path: Path) -> None:
    (entry,) = read(written(tmp_path, implementation="mine", versions=">=1", link="https://example.org")).deviations
    assert entry == Entry("sparse.layout", {"sparse": True}, "why", case(), "mine", ">=1", "https://example.org")


def test_an_entry_may_name_several_clauses(tmp_path: Path) -> None:
    found = read(written(tmp_path, clause=["sparse.layout", "lookup.bits"])).deviations
    assert [entry.clause for entry in found] == ["sparse.layout", "lookup.bits"]


def test_a_clause_without_cases_needs_no_witness(tmp_path: Path) -> None:
    (entry,) = read(written(tmp_path, drop="witness", clause="construction.signature")).deviations
    assert entry.witness is None


def test_what_is_unsupported_is_read(tmp_path: Path) -> None:
    path = saved(tmp_path, '[[unsupported]]\nfeatures = {dtype = "float16"}\nreason = "no such type"\n')
    assert read(path).unsupported == [Declared({"dtype": "float16"}, "no such type")]


def test_an_empty_file_is_a_ledger(tmp_path: Path) -> None:
    assert read(saved(tmp_path, "# nothing yet\n")).deviations == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"clause": "sparse.layot"}, ["unknown clause 'sparse.layot'", "did you mean 'sparse.layout'?"]),
        ({"clause": ["lookup.bits", "lookup.bit"]}, ["unknown clause 'lookup.bit'", "did you mean 'lookup.bits'?"]),
        ({"clause": []}, ["clause names none"]),
        ({"clause": 3}, ["clause is 3", "a string or a list"]),
        ({"features": {"spars": True}}, ["unknown feature 'spars'", "did you mean 'sparse'?"]),
        ({"features": "sparse"}, ["features is 'sparse'", "a table"]),
        ({"reason": " "}, ["reason is empty", "say why"]),
        ({"reason": 3}, ["reason is 3", "a string"]),
        ({"reeson": "x"}, ["unknown key 'reeson'", "did you mean 'reason'?"]),
        ({"versions": "2.0"}, ["versions", "'2.0'", ">=2.0,<2.4"]),
        ({"versions": 2}, ["versions is 2", "a string"]),
        ({"link": 2}, ["link is 2", "a string"]),
        ({"implementation": ["a"]}, ["implementation is ['a']", "a string"]),
        ({"witness": 3}, ["witness is 3", "a string"]),
        ({"witness": "{"}, ["the witness is not a case in JSON"]),
        ({"witness": "[]"}, ["the witness is not a case in JSON", "tuple"]),
        ({"witness": '{"type": "Case"}'}, ["the witness is not a case in JSON", "weight"]),
        ({"witness": '{"type": "Case", "config": 1, "weight": 2, "lookups": 3}'}, ["the witness is not a case"]),
        ({"witness": '{"tensor": ["float32", [1], "AA=="]}'}, ["the witness is not a case in JSON", "takes 4 bytes"]),
        ({"drop": "clause"}, ["clause is missing"]),
        ({"drop": "features"}, ["features is missing"]),
        ({"drop": "reason"}, ["reason is missing"]),
        ({"drop": "witness"}, ["witness is missing"]),
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
        ('[deviation]\nclause = "lookup.bits"', ["deviation is not a list of tables", "[[deviation]]"]),
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


@pytest.mark.parametrize(
    ("versions", "version", "applies"),
    [
        ("", "anything", True),
        (">=2.0", "2.13.0+cpu", True),
        (">=2.0,<2.4", "2.3.1", True),
        (">=2.0,<2.4", "2.4.0", False),
        ("==2.13.0", "2.13.0+cu126", True),
        ("<2.14", "2.14.0.dev20260101", False),
        (">=2.14", "2.14.0a0+git1234", True),
        (">=1", "unknown", False),
    ],
)
def test_entries_apply_to_a_range_of_versions(versions: str, version: str, applies: bool) -> None:
    entry = Entry("lookup.bits", {}, "why", None, versions=versions)
    assert entry.applies_to(Description("mine", version, ("float32",))) == applies


def test_entries_apply_to_the_implementation_that_they_name() -> None:
    mine = Description("mine", "1", ("float32",), packages={"torch": "2.13.0"})
    named = {"clause": "lookup.bits", "features": {}, "reason": "why", "witness": None, "versions": ">=2"}
    assert not Entry(**named, implementation="mine").applies_to(mine)
    assert not Entry(**named | {"versions": ""}, implementation="other").applies_to(mine)
    assert Entry(**named | {"versions": ""}, implementation="mine").applies_to(mine)
    assert Entry(**named, implementation="other", inherited=True).applies_to(mine)


def test_entries_are_chosen_by_clause_dtype_and_device() -> None:
    mine = Description("mine", "1", ("float32",))
    entries = [
        Entry("lookup.bits", {"dtype": "float16"}, "one dtype", None),
        Entry("lookup.bits", {"dtype": ["float16", "float32"]}, "two dtypes", None),
        Entry("lookup.bits", {"device": "cuda"}, "a device", None),
        Entry("lookup.shape", {}, "another clause", None),
    ]
    book = ledger.Ledger(deviations=entries)

    def reasons(dtype: str, device: str) -> list[str]:
        return [entry.reason for entry in book.entries("lookup.bits", dtype, device, mine)]

    assert reasons("float16", "cpu") == ["one dtype", "two dtypes"]
    assert reasons("float32", "cpu") == ["two dtypes"]
    assert reasons("float64", "cuda") == ["a device"]


NEW = Entry("lookup.bits", {"dtype": ["float32"], "norm_type": float("inf")}, 'it\'s "why"', case(), "mine", "==1.0")


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "new" / "ledger.toml"
    ledger.write(path, [NEW])
    ledger.write(path, [Entry("construction.signature", {}, "another", None)])
    assert read(path).deviations == [NEW, Entry("construction.signature", {}, "another", None)]


def test_writing_nothing_leaves_a_ledger_that_can_be_written_to(tmp_path: Path) -> None:
    path = tmp_path / "ledger.toml"
    ledger.write(path, [])
    assert read(path).deviations == []
    ledger.write(path, [NEW])
    assert read(path).deviations == [NEW]


@pytest.mark.parametrize(
    "before", ["", f"{{clause = 'lookup.bits', features = {{}}, reason = 'x', witness = '{WITNESS}'}}"]
)
def test_an_array_of_entries_can_be_written_to(tmp_path: Path, before: str) -> None:
    path = saved(tmp_path, f"deviation = [{before}]\n")
    standing = read(path).deviations
    ledger.write(path, [NEW])
    assert read(path).deviations == [*standing, NEW]


COMMENTED = f"""\
# At the top.

[[deviation]]  # stays
clause = ["lookup.bits", "lookup.shape"]  # two
features = {{sparse = true}}
reason = "both"
witness = '{WITNESS}'

# About the second.
[[deviation]]
clause = "lookup.bits"
features = {{sparse = false}}
reason = "goes"
witness = '{WITNESS}'

[[unsupported]]
features = {{dtype = "float16"}}  # half
reason = "none"
"""


def test_writing_keeps_what_stands_there(tmp_path: Path) -> None:
    path = saved(tmp_path, COMMENTED)
    ledger.write(path, [NEW])
    assert all(line in path.read_text().splitlines() for line in COMMENTED.splitlines())
    assert [entry.reason for entry in read(path).deviations] == ["both", "both", "goes", NEW.reason]


def test_pruning_drops_what_is_fixed_and_keeps_the_rest_with_its_comments(tmp_path: Path) -> None:
    path = saved(tmp_path, COMMENTED)
    _, shape, goes = read(path).deviations
    ledger.prune(path, [shape, goes])
    assert [(entry.clause, entry.reason) for entry in read(path).deviations] == [("lookup.bits", "both")]
    assert len(read(path).unsupported) == 1
    for comment in ("# At the top.", "# stays", "# half"):
        assert comment in path.read_text()


def test_pruning_nothing_changes_nothing(tmp_path: Path) -> None:
    path = saved(tmp_path, COMMENTED)
    ledger.prune(path, [])
    assert path.read_text() == COMMENTED


@pytest.mark.parametrize("name", ledger.bundled())
def test_bundled_ledgers_can_be_read(name: str) -> None:
    """Whether their witnesses still fail is for a run of the suite to say."""
    book = ledger.read(name, clauses())
    assert book.deviations
    for entry in book.deviations:
        assert entry.reason.endswith(".")
        assert set(entry.features) <= set(MATCHABLE)
        assert entry.features["device"], "where it was seen: nothing is known of other devices"


def untaken(book: ledger.Ledger) -> dict[str, str]:
    """The arguments that a ledger declares not to be taken, with the reason."""
    return {d.features["argument"]: d.reason for d in book.unsupported if "argument" in d.features}


def test_arguments_that_are_not_taken_are_read_and_written(tmp_path: Path) -> None:
    path = saved(tmp_path, "# mine\n")
    ledger.write(path, [], {"max_norm": "why", "dtype": "another", "norm_type": "why"})
    book = read(path)
    assert untaken(book) == {"max_norm": "why", "norm_type": "why", "dtype": "another"}
    assert Declared({"max_norm": True}, "why") in book.unsupported
    ledger.write(path, [NEW], {"sparse": "later"})
    assert untaken(read(path))["sparse"] == "later"
    assert read(path).deviations == [NEW]
    assert path.read_text().startswith("# mine\n")


def test_an_entry_about_a_device_is_about_a_clause_that_has_none(tmp_path: Path) -> None:
    (entry,) = read(
        written(tmp_path, drop="witness", clause="construction.signature", features={"device": ["cpu"]})
    ).deviations
    assert entry.is_about(None, None)
    assert entry.is_about("float32", "cpu")
    assert not entry.is_about("float32", "meta")
