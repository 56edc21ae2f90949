"""What is wrong stands in the file, on the page and in every summary, cause by cause."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from builders import cause as built
from builders import results_with, verdict

from embedding_reports import errors, results
from embedding_reports.condition import Condition
from embedding_reports.model.summary import headline
from embedding_reports.outcomes import Outcome
from embedding_reports.pages.html import render
from embedding_reports.records import Cause, Evidence, Results
from embedding_reports.text.causes import MOST, told
from embedding_reports.text.markdown import summary

WHERE = (Condition("num_embeddings", least=1, most=1), Condition("index_numel", least=2), Condition("sparse", (True,)))


def cause(number: int = 1, *, covered: int = 12, where: tuple[Condition, ...] = WHERE) -> Cause:
    clauses = (verdict().clause, "sparse.values")
    shown = Evidence("output differs", None, "Case(...)", "[1.0]", "[2.0]", script="print(1)")
    return built(
        number=number,
        where=where,
        does="The output is <twice>.",
        plainest=clauses[0],
        clauses=clauses,
        deviating=covered and covered - 1,
        covered=covered,
        evidence=shown,
    )


def run(*causes: Cause) -> Results:
    found = verdict(outcome=Outcome.DEVIATES, fails=True, causes=tuple(one.number for one in causes))
    return replace(results_with(found), causes=causes)


def test_causes_are_read_as_they_were_written(tmp_path: Path) -> None:
    results.write(run(cause()), tmp_path / "results.json")
    assert results.read(tmp_path / "results.json") == run(cause())


def test_a_verdict_names_no_cause_that_there_is_not(tmp_path: Path) -> None:
    wrong = replace(run(cause()), causes=())
    with pytest.raises(errors.Inconsistent, match="shows cause 1, but there are 0"):
        results.write(wrong, tmp_path / "results.json")


def test_a_cause_is_told_in_at_most_eight_lines() -> None:
    lines = told(run(cause()))
    assert len(lines) <= 8
    assert lines[0] == f"cause 1: {verdict().clause} [MUST]: The output is <twice>."
    found = "(11 of 12 such cases deviate, 0 of 30 others)"
    assert lines[1] == f"   where: num_embeddings = 1 and index_numel >= 2 and sparse = true {found}"
    assert "it also breaks sparse.values" in lines[2]


def test_without_a_pattern_or_cases_no_more_is_said_than_is_known() -> None:
    assert "   where: in every case that can show it (11 of 12 such cases deviate)" in told(run(cause(where=())))
    assert "   where: num_embeddings = 1 and index_numel >= 2 and sparse = true" in told(run(cause(covered=0)))
    assert not [line for line in told(run(cause(covered=0, where=()))) if "where" in line]


def test_scripts_are_told_where_they_are_asked_for() -> None:
    assert not any("print(1)" in line for line in told(run(cause())))
    assert any("print(1)" in line for line in told(run(cause()), scripts=True))


def test_of_many_causes_the_last_take_a_line_each() -> None:
    many = [cause(number) for number in range(1, MOST + 4)]
    lines = told(run(*many))
    assert [line for line in lines[-3:] if line.startswith("cause ")] == lines[-3:]


def test_the_headline_counts_them() -> None:
    assert "1 deviates for one cause (1 MUST)" in headline(run(cause()))
    assert "1 deviates for 2 causes (1 MUST)" in headline(run(cause(), cause(2)))


def test_the_page_begins_with_them() -> None:
    page = render([run(cause())])
    assert page.index('id="run-1-cause-1"') < page.index('class="facts"') < page.index('class="legend"')
    assert "The output is &lt;twice&gt;." in page
    assert "<code>index_numel &gt;= 2</code>" in page
    assert 'class="causes"' not in render([results_with(verdict())])


def test_the_summary_of_a_job_has_them() -> None:
    text = summary(run(cause()))
    assert "**1. The output is &#60;twice&#62;.** breaks <code>" in text
    assert "and 1 more, where <code>" in text
