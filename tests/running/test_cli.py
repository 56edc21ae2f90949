"""`embedding-conformance`: reports, comparisons, badges and the contract from results files."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from embedding_conformance.cli import main
from embedding_conformance.suite.catalogue import clauses
from embedding_reports.absent import not_run
from embedding_reports.results import write
from processes import python, suite

REST = f"Not tested: {len(clauses()) - 2} not run."
"""What a run of two clauses says of all others."""


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results file of a run."""
    folder = tmp_path_factory.mktemp("results")
    assert suite(folder, "plain:Plain", "test_index_dtype or test_shape").status == 0
    return folder / "results.json"


def test_a_report_of_several_runs(results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "new" / "page.html"
    assert main(["report", str(results), str(results), "--html", str(page)]) == 0
    assert "plain 1.0" in page.read_text(encoding="utf-8")
    said = capsys.readouterr().out.splitlines()
    assert said[:2] == [f"plain 1.0 conforms to all 2 clauses tested. {REST}"] * 2
    assert said[2] == f"report: {page}"


def test_a_badge(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["badge", str(results)]) == 0
    assert json.loads(capsys.readouterr().out)["schemaVersion"] == 1


def test_a_summary_for_a_job(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["summary", str(results)]) == 0
    said = capsys.readouterr().out
    answer = f"plain 1.0 conforms to all 2 clauses tested. {REST}"
    assert said.startswith(f"### Embedding conformance: plain 1.0\n\n{answer}\n\n| ")


def changed(results: Path, file: Path, change: Callable[[dict[str, Any]], object]) -> Path:
    """Another results file: these results, changed."""
    document = json.loads(results.read_text(encoding="utf-8"))
    change(document)
    file.write_text(json.dumps(document), encoding="utf-8")
    return file


def breaks(document: dict[str, Any]) -> None:
    """Let one clause deviate in a later version."""
    document["header"]["implementation"]["version"] = "2.0"
    shown = dict.fromkeys(("summary", "case_repr", "expected", "observed", "script"), "shown")
    deviation = {**shown, "case": None, "difference": None}
    document["verdicts"][0] |= {"verdict": "deviates", "fails": True, "deviation": deviation}


def test_two_runs_that_agree(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", str(results), str(results)]) == 0
    assert capsys.readouterr().out == "plain 1.0 (run 1) -> 1.0 (run 2): 0 clauses changed, 2 did not\n"


def test_two_runs_that_do_not(results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    later = changed(results, tmp_path / "later.json", breaks)
    assert main(["diff", str(results), str(later)]) == 1
    said = capsys.readouterr().out
    assert said.startswith("plain 1.0 -> 2.0: 1 clause changed, 1 did not\n")
    for words in ("broke: conforms -> deviates\n", "2.0 on float32: shown\n", "smallest case: shown\n"):
        assert words in said


def test_a_change_of_the_signature_alone_is_a_change(results: Path, tmp_path: Path) -> None:
    signature = {"constructor": [["sparse", "KEYWORD_ONLY", ""]]}
    later = changed(results, tmp_path / "a.json", lambda d: d["header"]["implementation"].update(signatures=signature))
    earlier = changed(results, tmp_path / "b.json", lambda d: d["header"]["implementation"].update(signatures={}))
    assert main(["diff", str(earlier), str(later)]) == 1


def test_a_clause_through_the_releases(results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    later = changed(results, tmp_path / "later.json", breaks)
    clause = json.loads(later.read_text(encoding="utf-8"))["verdicts"][0]["clause"]
    assert main(["bisect", clause, str(later), str(results)]) == 0
    said = capsys.readouterr().out
    assert "  1.0  conforms\n  2.0  deviates\n" in said
    assert "Between 1.0 and 2.0:\n" in said


def test_a_number_is_that_of_a_cause(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bisect", "1", str(results)]) == 2
    line = "embedding-conformance: bisect: no cause 1 in 1.0, the newest of these runs: it has none\n"
    assert capsys.readouterr().err == line


def test_the_published_results_are_bisected_by_default(
    results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["bisect", "lookup.bits"]) == 2
    assert "name one for each release" in capsys.readouterr().err
    (tmp_path / "reports" / "published").mkdir(parents=True)
    changed(results, tmp_path / "reports" / "published" / "torch-1.0.json", lambda document: document)
    assert main(["bisect", "lookup.bits"]) == 0
    assert "in 1 run of plain" in capsys.readouterr().out


def test_an_unknown_clause_is_named_with_the_nearest(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bisect", "lookup.bit", str(results)]) == 2
    line = "embedding-conformance: bisect: no clause lookup.bit in these runs; the nearest is lookup.bits\n"
    assert capsys.readouterr().err == line


def test_a_run_that_did_not_take_place_has_nothing_to_compare(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    absent = tmp_path / "absent.json"
    write(not_run("plain", "3.0", "no wheel"), absent)
    assert main(["diff", str(results), str(absent)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"embedding-conformance: {absent}: ")
    assert line.endswith("did not take place: no wheel")


def test_the_contract_as_markdown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["contract"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("# The contract\n")
    for clause in clauses():
        assert f"| `{clause.id}` | {clause.level} | {clause.ground}" in said
        assert f" | {clause.text} |\n" in said
    headings = [line for line in said.splitlines() if line.startswith("## ")]
    assert len(headings) == len(set(headings))


def test_the_contract_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["contract", "--format", "json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert [clause["id"] for clause in said] == [clause.id for clause in clauses()]


@pytest.mark.parametrize("command", ["report", "badge", "summary", "diff", "bisect"])
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
    before = {"bisect": ["lookup.bits"]}.get(command, [])
    after = {"report": ["--html", str(tmp_path / "page.html")], "diff": [str(file)]}.get(command, [])
    assert main([command, *before, str(file), *after]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    (line,) = said.err.splitlines()
    assert line.startswith(f"embedding-conformance: {file}: ")
    for word in words:
        assert word in line


@pytest.mark.parametrize("place", ["", "results.json/page.html"])
def test_a_page_that_cannot_be_written_is_named(results: Path, capsys: pytest.CaptureFixture[str], place: str) -> None:
    assert main(["report", str(results), "--html", str(results.parent / place)]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_wrong_command_has_exit_status_2() -> None:
    done = python("-m", "embedding_conformance.cli", "reprot")
    assert done.returncode == 2
    assert "invalid choice: 'reprot'" in done.stderr
