"""Several implementations on one page: each is scored on what it claims."""

from __future__ import annotations

from typing import Any

import pytest
from builders import clause, implementation, results_with, verdict
from pages import page

from embedding_reports.absent import not_run
from embedding_reports.model.scores import scores
from embedding_reports.model.summary import headline
from embedding_reports.records import Results, Verdict

BOUNDS = "lookup.out-of-range"


def other(name: str, *verdicts: Verdict, **changes: Any) -> Results:
    return results_with(*verdicts, implementation=implementation(name=name, version="1.0"), **changes)


def of(*verdicts: Verdict, **changes: Any) -> dict[str, tuple[str, int, int]]:
    run = other("one", *verdicts, **changes)
    return {name: (str(one.outcome), one.conforms, one.tested) for name, one in scores(run).items()}


def test_what_is_not_claimed_and_what_is_not_exercised_is_no_credit() -> None:
    found = of(
        verdict("a.one"),
        verdict("a.two", "unsupported"),
        verdict("a.three", "not exercised"),
        verdict("a.four", "error"),
    )
    assert found == {"": ("error", 1, 1), "a": ("error", 1, 1)}
    assert of(verdict("a.one", "unsupported")) == {"": ("unsupported", 0, 0), "a": ("unsupported", 0, 0)}


def test_a_declared_deviation_is_a_deviation_of_the_implementation_all_the_same() -> None:
    assert of(verdict("a.one"), verdict("a.two", "known deviation"))["a"] == ("known deviation", 1, 2)
    assert of(verdict("a.one"), verdict("a.two", "deviates"))["a"] == ("deviates", 1, 2)


def test_what_is_only_worth_knowing_does_not_count() -> None:
    clauses = [clause("a.one"), clause("a.two", level="INFO")]
    assert of(verdict("a.one"), verdict("a.two", "deviates"), clauses=clauses)["a"] == ("conforms", 1, 1)


def test_the_page_has_a_line_for_each_implementation_and_one_for_none_that_ran() -> None:
    shown = page(
        other("first", verdict("a.one"), verdict("b.one", "unsupported")),
        other("second", verdict("a.one", "deviates"), verdict("b.one")),
        not_run("third", "1.0", "third 1.0 could not be installed"),
    )
    assert "Scoreboard" in shown.text
    titles = [title for title in shown.attributes("title") if "tested" in title]
    assert titles[:3] == [
        "1 of 1 clause tested conform, 1 unsupported",
        "1 of 1 clause tested conform",
        "nothing tested, 1 unsupported",
    ]
    assert "third 1.0 could not be installed" in shown.text


def test_a_section_that_only_another_implementation_was_tested_on_is_not_run() -> None:
    shown = page(other("first", verdict("a.one")), other("second", verdict("b.one")))
    assert shown.source.count('<td class="not-run">·</td>') == 2


def test_runs_of_one_implementation_are_no_scoreboard() -> None:
    runs = (other("one", verdict("a.one")), other("one", verdict("a.one"), started="2026-11-24T14:00:00Z"))
    assert "Scoreboard" not in page(*runs).text


@pytest.mark.parametrize(
    ("verdicts", "unchecked"),
    [
        ([verdict(BOUNDS, "unsupported", reason="index bounds: they are not checked")], True),
        ([verdict(BOUNDS, "unsupported"), verdict(BOUNDS, dtype="float64")], False),
        ([verdict(BOUNDS)], False),
        ([verdict("a.one", "unsupported")], False),
    ],
)
def test_the_headline_warns_that_bounds_are_not_checked(verdicts: list[Verdict], unchecked: bool) -> None:
    answer = headline(other("one", *verdicts))
    assert (
        "Whether an index out of range is refused was not tested: index bounds: they are not checked." in answer
    ) == unchecked
    assert ("index out of range" in answer) == unchecked
