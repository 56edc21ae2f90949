"""The results file: what is written is read back, and each defect has its own one-line error."""

from __future__ import annotations

import copy
import json
import re
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from builders import implementation, interplay, realistic, results_with, verdict

from embedding_reports import errors, results
from embedding_reports.json_form import structured, to_json, unstructured
from embedding_reports.records import Parameter, Results, Verdict

PUBLISHED = Path(__file__).parents[2] / "reports" / "published"

SPARSE = Parameter("sparse", "KEYWORD_ONLY", "")

SMALL = results_with(
    *(verdict(outcome.replace(" ", "-"), outcome) for outcome in ("conforms", "deviates", "known deviation")),
    **interplay(("float32", "cpu"), pairs={"sparse True, max_norm None": 0}),
)


@pytest.mark.parametrize(
    "given",
    [
        results_with(),
        SMALL,
        results_with(verdict(), complete=False),  # without interplay, as older releases wrote it
        results_with(verdict(reason="a name that was no UTF-8: \udc80, and ✓")),
        realistic(),
        results_with(verdict(), implementation=implementation(signatures={"constructor": (SPARSE,)})),
        results_with(verdict(), implementation=implementation(signatures={})),
        results_with(verdict(), wiring=2),
    ],
    ids=["empty", "small", "interrupted", "surrogate", "realistic", "signatures", "no signatures", "wiring"],
)
def test_what_is_written_is_read_back(tmp_path: Path, given: Results) -> None:
    path = tmp_path / "new" / "folder" / "results.json"
    before = copy.deepcopy(given)
    results.write(given, path)
    assert results.read(path) == before == given
    assert [each.name for each in path.parent.iterdir()] == ["results.json"]


@pytest.mark.parametrize("name", ["torch-2.13.0", "torch-1.13.1", "oneflow-0.9.0-py3.10", "torch-cuda-2.11.0-py3.12"])
def test_what_was_published_is_written_as_it_was_read(tmp_path: Path, name: str) -> None:
    """What has signatures or notes about the wiring keeps them, and nothing is added but the version of the schema."""
    results.write(results.read(PUBLISHED / f"{name}.json"), tmp_path / "again.json")
    again, published = (
        (folder / file).read_text("utf-8") for folder, file in ((tmp_path, "again.json"), (PUBLISHED, f"{name}.json"))
    )
    version = r'"schema_version": \d'
    assert re.sub(version, "", again) == re.sub(version, "", published)


@pytest.mark.parametrize("outcome", ["deviates", "known deviation", "error"])
def test_a_verdict_passes_between_processes_as_plain_json(outcome: str) -> None:
    given = verdict(outcome=outcome)
    assert structured(json.loads(json.dumps(unstructured(given))), Verdict) == given


def test_what_a_run_has_not_is_left_out() -> None:
    raw = to_json(results_with(verdict()))
    assert not {"kinds", "interplay"} & set(raw)
    assert "signatures" not in raw["header"]["implementation"]
    assert "wiring" not in raw["footer"]
    assert raw["verdicts"][0]["deviation"] is None


def test_the_file_is_the_same_whatever_the_order_of_recording(tmp_path: Path) -> None:
    given = realistic()
    shuffled = replace(given, verdicts=given.verdicts[::-1])
    results.write(given, tmp_path / "a.json")
    results.write(shuffled, tmp_path / "b.json")
    text = (tmp_path / "a.json").read_text(encoding="utf-8")
    assert text == (tmp_path / "b.json").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line.startswith('{"cases"')]
    assert len(lines) == len(given.verdicts), "each verdict has a line of its own"
    lines = [line for line in text.splitlines() if line.startswith('{"device"')]
    assert len(lines) == len(given.interplay), "each slice of the interplay, too"


def test_refused_results_leave_the_old_file_alone(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    results.write(SMALL, path)
    with pytest.raises(errors.SchemaViolation):
        results.write(replace(SMALL, header=replace(SMALL.header, started="today")), path)
    assert results.read(path) == SMALL


def test_nan_is_never_written(tmp_path: Path) -> None:
    with pytest.raises(errors.NotJson, match="nan"):
        results.write(results_with(verdict(worst=float("nan"))), tmp_path / "results.json")
    assert not list(tmp_path.iterdir())


RAW = to_json(SMALL)
TEXT = json.dumps(RAW)


def _changed(change: Callable[[dict[str, Any]], object]) -> str:
    changed = copy.deepcopy(RAW)
    change(changed)
    return json.dumps(changed)


DEFECTS = {
    "empty": ("", errors.CutShort, "cut short"),
    "cut after a brace": (TEXT[:1], errors.CutShort, "cut short: the JSON ends after 1 bytes"),
    "cut in a string": (TEXT[:9], errors.CutShort, "cut short"),
    "cut in a number": (TEXT[: TEXT.index("118") + 2], errors.CutShort, "cut short"),
    "cut before the end": (TEXT[:-1], errors.CutShort, "cut short"),
    "cut in a letter": (b'{"schema": "\xe2\x9c', errors.CutShort, "cut short"),
    "a stray comma": (TEXT[:-1] + ",}", errors.NotJson, "not JSON"),
    "a web page": ("<!doctype html>", errors.NotJson, "not JSON"),
    "prose": ('it says "hello', errors.NotJson, "not JSON"),
    "NaN": (_changed(lambda d: d["footer"].update(seconds=float("nan"))), errors.NotJson, "NaN is no JSON number"),
    "a list": ("[]", errors.NotResults, 'one has "schema": "embedding-conformance-results"'),
    "other JSON": ('{"tests": 3}', errors.NotResults, "not a results file"),
    "newer": (_changed(lambda d: d.update(schema_version=3)), errors.UnknownVersion, "upgrade"),
    "no version": (_changed(lambda d: d.pop("schema_version")), errors.UnknownVersion, "null; this release reads 1"),
    "no footer": (_changed(lambda d: d.pop("footer")), errors.Incomplete, "no footer"),
    "missing": (
        _changed(lambda d: d["verdicts"][1].pop("cases")),
        errors.SchemaViolation,
        "at $.verdicts[1]: 'cases' is a required property",
    ),
    "superfluous": (
        _changed(lambda d: d["header"].update(colour="red")),
        errors.SchemaViolation,
        "at $.header: Additional properties are not allowed ('colour' was unexpected)",
    ),
    "wrong word": (
        _changed(lambda d: d["verdicts"][0].update(verdict="passes")),
        errors.SchemaViolation,
        '"known deviation", "unsupported", "not exercised", "error", found "passes"',
    ),
    "wrong type": (
        _changed(lambda d: d["header"].update(seed=12345)),
        errors.SchemaViolation,
        "at $.header.seed: expected string, found 12345 (the seed to give to --hypothesis-seed",
    ),
    "negative": (
        _changed(lambda d: d["verdicts"][0].update(cases=-1)),
        errors.SchemaViolation,
        "at $.verdicts[0].cases: expected 0 or more, found -1",
    ),
    "a script for a link": (
        _changed(lambda d: d["verdicts"][2]["known"][0].update(link="javascript:alert(1)")),
        errors.SchemaViolation,
        "at $.verdicts[2].known[0].link: found",
    ),
    "miscounted": (
        _changed(lambda d: d["footer"].update(verdicts=4)),
        errors.Inconsistent,
        "the footer counts 4 verdicts, but there are 3",
    ),
    "unknown clause": (
        _changed(lambda d: d["verdicts"][0].update(clause="no.such")),
        errors.Inconsistent,
        'clause "no.such", which is not among the clauses',
    ),
    "clause twice": (
        _changed(lambda d: d["clauses"].append(d["clauses"][0])),
        errors.Inconsistent,
        "clause conforms is listed twice",
    ),
    "verdict twice": (
        _changed(lambda d: d["verdicts"].__setitem__(1, d["verdicts"][0])),
        errors.Inconsistent,
        "two verdicts for clause conforms (float32 on cpu)",
    ),
    "half an interplay": (
        _changed(lambda d: d.pop("kinds")),
        errors.SchemaViolation,
        "at $: 'kinds' is a dependency of 'interplay'",
    ),
    "less than nothing": (
        _changed(lambda d: d["interplay"][0]["pairs"][1].__setitem__(0, -2)),
        errors.SchemaViolation,
        "at $.interplay[0].pairs[1][0]: expected -1 or more, found -2 (0: not met",
    ),
    "a kind too many": (
        _changed(lambda d: d["kinds"].append(d["kinds"][0])),
        errors.Inconsistent,
        "the interplay (float32 on cpu) does not have a row for each of 9 kinds",
    ),
    "a ragged slice": (
        _changed(lambda d: d["interplay"][1]["pairs"][2].append(1)),
        errors.Inconsistent,
        "the interplay (index_ndim 0) does not have a row for each of 8 kinds",
    ),
    "an unknown form": (
        _changed(lambda d: d["header"]["implementation"].update(signatures={"call": []})),
        errors.SchemaViolation,
        '.signatures: expected one of "constructor", "from_pretrained", "functional", found "call"',
    ),
    "half a parameter": (
        _changed(lambda d: d["header"]["implementation"].update(signatures={"constructor": [["sparse"]]})),
        errors.SchemaViolation,
        "at $.header.implementation.signatures.constructor[0]: ['sparse'] is too short (one parameter",
    ),
    "line breaks": (
        _changed(lambda d: d["header"].update({"a\nb": 1})),
        errors.SchemaViolation,
        "at $.header",
    ),
}


@pytest.mark.parametrize(("content", "error", "message"), DEFECTS.values(), ids=DEFECTS.keys())
def test_each_defect_is_one_line(
    tmp_path: Path, content: str | bytes, error: type[errors.ResultsError], message: str
) -> None:
    path = tmp_path / "results.json"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(errors.ResultsError) as caught:
        results.read(path)
    assert type(caught.value) is error
    line = str(caught.value)
    assert line.startswith(f"{path}: ")
    assert message in line
    assert "\n" not in line
    assert len(line) < 400 + len(str(path))


def test_every_defect_has_a_test() -> None:
    tested = {error for _, error, _ in DEFECTS.values()}
    elsewhere = {errors.Unfit, errors.Unreadable, errors.Unwritable}
    assert tested | elsewhere == set(errors.ResultsError.__subclasses__())


@pytest.mark.parametrize("name", ["missing.json", "."])
def test_an_unreadable_file_is_one_line(tmp_path: Path, name: str) -> None:
    with pytest.raises(errors.Unreadable, match="name a file"):
        results.read(tmp_path / name)


def test_an_unwritable_place_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(errors.Unwritable, match="cannot be written"):
        results.write(SMALL, tmp_path / "file" / "results.json")


def test_merge_reads_files_in_the_order_given(tmp_path: Path) -> None:
    for seed in "12":
        results.write(results_with(verdict(), seed=seed), tmp_path / f"{seed}.json")
    paths = [tmp_path / "2.json", tmp_path / "1.json", tmp_path / "2.json"]
    assert [each.header.seed for each in results.merge(paths)] == ["2", "1", "2"]
    assert results.merge([]) == []


def test_files_of_both_versions_are_read_together(tmp_path: Path) -> None:
    results.write(SMALL, tmp_path / "new.json")
    (tmp_path / "old.json").write_text(json.dumps(RAW | {"schema_version": 1}))
    old, new = results.merge([tmp_path / "old.json", tmp_path / "new.json"])
    assert old == new


def test_nothing_heavy_is_imported() -> None:
    """Results render where neither torch nor hypothesis is installed."""
    import subprocess  # noqa: PLC0415  a fresh interpreter is the only clean witness

    code = "import sys, embedding_reports.pages.html, embedding_reports.text.badge; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603
    assert not {"torch", "numpy", "hypothesis", "embedding_conformance"} & set(done.stdout.split())
