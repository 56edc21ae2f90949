"""`embedding-conformance`: reports, badges and the contract from results files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from processes import python, suite

from conformance.catalogue import clauses
from conformance.cli import main


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results file of a run."""
    folder = tmp_path_factory.mktemp("results")
    assert suite(folder, "plain:Plain", "test_bits or test_shape").status == 0
    return folder / "results.json"


def test_a_report_of_several_runs(results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "new" / "page.html"
    assert main(["report", str(results), str(results), "--html", str(page)]) == 0
    assert "plain 1.0" in page.read_text(encoding="utf-8")
    said = capsys.readouterr().out.splitlines()
    assert said[:2] == ["plain 1.0 conforms to all 2 clauses tested."] * 2
    assert said[2] == f"report: {page}"


def test_a_badge(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["badge", str(results)]) == 0
    assert json.loads(capsys.readouterr().out)["schemaVersion"] == 1


def test_the_contract_as_markdown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["contract"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("# The contract\n")
    for clause in clauses():
        assert f"| `{clause.id}` | {clause.level} | {clause.text} |\n" in said
    headings = [line for line in said.splitlines() if line.startswith("## ")]
    assert len(headings) == len(set(headings))


def test_the_contract_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["contract", "--format", "json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert [clause["id"] for clause in said] == [clause.id for clause in clauses()]


@pytest.mark.parametrize("command", ["report", "badge"])
@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, ["no such file"]),
        ("", ["cut short"]),
        ('{"schema": "embedding-conf', ["cut short"]),
        ("[]", ["not a results file"]),
        ('{"schema": "embedding-conformance-results", "schema_version": 99}', ["schema version 99", "upgrade"]),
    ],
)
def test_bad_results_are_named_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str, content: str | None, words: list[str]
) -> None:
    file = tmp_path / "results.json"
    if content is not None:
        file.write_text(content, encoding="utf-8")
    more = ["--html", str(tmp_path / "page.html")] if command == "report" else []
    assert main([command, str(file), *more]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    (line,) = said.err.splitlines()
    assert line.startswith(f"embedding-conformance: {file}: ")
    for word in words:
        assert word in line


def test_files_of_two_versions_are_named(results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = tmp_path / "other.json"
    other.write_text(json.dumps({**json.loads(results.read_text()), "schema_version": 2}), encoding="utf-8")
    assert main(["report", str(results), str(other), "--html", str(tmp_path / "page.html")]) == 2
    assert "schema version 2" in capsys.readouterr().err


@pytest.mark.parametrize("place", ["", "results.json/page.html"])
def test_a_page_that_cannot_be_written_is_named(results: Path, capsys: pytest.CaptureFixture[str], place: str) -> None:
    assert main(["report", str(results), "--html", str(results.parent / place)]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_wrong_command_has_exit_status_2() -> None:
    done = python("-m", "conformance.cli", "reprot")
    assert done.returncode == 2
    assert "invalid choice: 'reprot'" in done.stderr
