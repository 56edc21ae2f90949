"""The order of releases, one clause through them, and releases that could not be run."""

from __future__ import annotations

from typing import Any

import pytest
from builders import clause, implementation, known, results_with, verdict

from embedding_reports import results
from embedding_reports.absent import not_run
from embedding_reports.errors import Unfit
from embedding_reports.model.by_clause import ClauseVerdicts
from embedding_reports.model.changes.history import history, state
from embedding_reports.model.facts import short_labels
from embedding_reports.model.order import neighbours, ordered
from embedding_reports.model.summary import absence, headline
from embedding_reports.pages.html import render
from embedding_reports.records import Results
from embedding_reports.text.changes import bisect

NAME = verdict().clause


def release(version: str, outcome: str = "conforms", python: str = "3.11.7", **changes: Any) -> Results:
    given = {"packages": {"python": python}, **changes}
    return results_with(verdict(outcome=outcome), implementation=implementation(version=version), **given)


def test_versions_are_ordered_as_versions() -> None:
    given = [release(version) for version in ("2.10.0", "odd", "2.9.1", "2.13.0+cpu", "1.13.1", "2.13.0rc1")]
    assert short_labels(ordered(given)) == ["odd", "1.13.1", "2.9.1", "2.10.0", "2.13.0rc1", "2.13.0+cpu"]


def test_runs_of_one_version_are_told_apart_by_the_python_that_it_ran_on() -> None:
    given = [release("2.0", python="3.10.1"), release("1.9"), release("2.0", python="3.9.2")]
    assert short_labels(ordered(given)) == ["1.9", "2.0 (Python 3.9.2)", "2.0 (Python 3.10.1)"]


def test_neighbours_are_of_one_implementation_and_took_place() -> None:
    other = results_with(verdict(), implementation=implementation(name="other", version="3"))
    given = [release("2.1"), other, not_run("torch.nn.Embedding", "2.0", "no wheel"), release("1.0")]
    assert [tuple(short_labels(pair)) for pair in neighbours(given)] == [("1.0", "2.1")]


def test_the_releases_between_which_a_clause_changed() -> None:
    outcomes = {"1.0": "deviates", "1.1": "deviates", "2.0": "conforms", "2.10": "known deviation", "2.9": "conforms"}
    found = history(NAME, [release(version, outcome) for version, outcome in outcomes.items()])
    assert [(span.first, span.last, span.state) for span in found.spans] == [
        ("1.0", "1.1", "deviates"),
        ("2.0", "2.9", "conforms"),
        ("2.10", "2.10", "known deviation"),
    ]
    assert [(each.old, each.new) for each in found.breaks] == [("1.1", "2.0"), ("2.9", "2.10")]
    text = bisect(found)
    assert text.startswith(f"{NAME} [MUST] in 5 runs of torch.nn.Embedding\n")
    assert "  2.0 to 2.9  conforms\n" in text
    assert "Between 1.1 and 2.0:\n  fixed: deviates -> conforms\n  1.1 on float32: gradient at" in text
    assert "import torch" in text


def test_a_clause_that_never_changed() -> None:
    text = bisect(history(NAME, [release("1.0"), not_run("torch.nn.Embedding", "1.1", "no wheel"), release("1.2")]))
    assert "  1.0  conforms\n  1.1  did not run: no wheel\n  1.2  conforms\n" in text
    assert text.endswith("It did not change between any two of these releases.\n")


def test_another_declaration_ends_a_span() -> None:
    other = verdict(outcome="known deviation", known=[known(reason="another")])
    newer = results_with(other, implementation=implementation(version="2.0"))
    found = history(NAME, [release("1.0", "known deviation"), newer])
    assert [span.first for span in found.spans] == ["1.0", "2.0"]


@pytest.mark.parametrize(
    ("name", "given", "words"),
    [
        ("padding_idx.no-gradeint", [release("1.0")], f"the nearest is {NAME}"),
        (NAME, [not_run("torch.nn.Embedding", "1.0", "no wheel")], "the runs have none"),
        (NAME, [release("1"), not_run("other", "1", "")], "2 implementations (torch.nn.Embedding, other); name runs"),
    ],
)
def test_what_cannot_be_bisected_is_one_line(name: str, given: list[Results], words: str) -> None:
    with pytest.raises(Unfit) as caught:
        history(name, given)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_state_of_a_clause_with_several_verdicts_is_where_each_is() -> None:
    cells = {"float16": "conforms", "float32": "deviates", "float64": "conforms"}
    verdicts = tuple(verdict(outcome=outcome, dtype=dtype) for dtype, outcome in cells.items())
    given = ClauseVerdicts(clause(), verdicts)
    assert state(given, ["cpu"]) == "deviates on float32; conforms on float16, float64"
    assert state(given, ["cpu", "cuda"]).startswith("deviates on float32 on cpu; ")
    assert state(ClauseVerdicts(clause(), verdicts[:1]), ["cpu"]) == "conforms"
    assert state(ClauseVerdicts(clause()), ["cpu"]) == "not run"


# -- releases that could not be run -----------------------------------------------------------------------------------

ABSENT = not_run("torch.nn.Embedding", "2.16.0", "torch 2.16.0 could not be installed: no matching distribution")


def test_a_run_that_did_not_take_place_can_be_stored(tmp_path: Any) -> None:
    results.write(ABSENT, tmp_path / "torch-2.16.0.json")
    assert results.read(tmp_path / "torch-2.16.0.json") == ABSENT


def test_it_says_so_and_why() -> None:
    why = "torch 2.16.0 could not be installed: no matching distribution"
    assert absence(ABSENT) == why
    assert headline(ABSENT) == f"torch.nn.Embedding 2.16.0 did not run: {why}"
    page = render([ABSENT])
    assert f"<strong>Did not run.</strong> {why}" in page
    assert "The run was interrupted" not in page
    assert "conforms to" not in page


@pytest.mark.parametrize("given", [results_with(), results_with(verdict(), complete=False)])
def test_a_run_that_took_place_is_not_absent(given: Results) -> None:
    assert absence(given) is None


def test_a_reason_is_asked_for() -> None:
    assert absence(not_run("x", "1", "")) == "no reason was recorded"
