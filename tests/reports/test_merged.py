"""The page of several runs: where they differ comes first, and everything is listed once."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from builders import DTYPES, clause, deviation, implementation, known, realistic, results_with, verdict
from pages import page

from embedding_reports.absent import not_run
from embedding_reports.model.merged import Merged, merge
from embedding_reports.outcomes import Outcome
from embedding_reports.records import Parameter, Results, Verdict

SIGNATURE = (Parameter("sparse", "POSITIONAL_OR_KEYWORD", "False"),)


def release(version: str, *verdicts: Verdict, signature: tuple[Parameter, ...] = SIGNATURE, **changes: Any) -> Results:
    given = implementation(version=version, signatures={"constructor": signature})
    return results_with(*verdicts, **{"implementation": given, "dtypes": ["float16", "float32"], **changes})


def cells(name: str, *outcomes: str, **changes: Any) -> list[Verdict]:
    """One clause on float16 and float32."""
    return [verdict(name, each, dtype=dtype, **changes) for each, dtype in zip(outcomes, DTYPES[::2], strict=False)]


RUNS = [
    release(
        "2.10",
        *cells("a.alike", "conforms", "conforms"),
        *cells("a.differs", "conforms", "conforms"),
        signature=(*SIGNATURE, Parameter("dtype", "KEYWORD_ONLY", "None")),
    ),
    release("2.9", *cells("a.alike", "conforms", "conforms"), *cells("a.differs", "conforms", "deviates")),
    release("2.8", *cells("a.alike", "conforms", "conforms"), *cells("a.differs", "deviates", "deviates")),
    not_run("torch.nn.Embedding", "2.11", "torch 2.11 could not be installed: no wheel"),
]
PAGE = page(*RUNS)


def rows(merged: Merged) -> dict[str, list[tuple[str, str]]]:
    lines = [line for lines in merged.sections.values() for line in lines]
    return {line.clause.id: [(str(mark.outcome), mark.count) for mark in line.marks] for line in lines}


def differing(*runs: Results) -> list[str]:
    lines = [line for lines in merge(runs).sections.values() for line in lines]
    return [line.clause.id for line in lines if line.differs]


def test_the_columns_are_in_order_of_version() -> None:
    merged = merge(RUNS)
    assert merged.names == ["2.8", "2.9", "2.10", "2.11"]
    assert rows(merged)["a.differs"] == [
        ("deviates", ""),
        ("deviates", "1 of 2"),
        ("conforms", ""),
        ("not run", ""),
    ]


def test_runs_of_several_implementations_are_ordered_by_problems() -> None:
    other = release("1", *cells("a.differs", "conforms"), implementation=implementation(name="other", version="1"))
    merged = merge([RUNS[2], other])
    assert merged.names == ["other 1", "torch.nn.Embedding 2.8"]
    assert not merged.steps
    assert "Fewest problems first" in page(RUNS[2], other).text


def test_the_answer_comes_first_and_names_the_runs() -> None:
    answer = "2.8, 2.9 deviate; 2.10 conforms to every clause tested; 2.11 did not run."
    assert f"<h1>torch.nn.Embedding in 4 runs: {answer}</h1>" in PAGE.source
    places = [PAGE.text.index(words) for words in (answer, "In order of version", "only what differs (1)")]
    places += [PAGE.text.index(words) for words in ("What changed between releases", "Each deviation once", "Each run")]
    assert places == sorted(places)


def test_only_what_differs_is_marked() -> None:
    assert differing(*RUNS) == ["a.differs"]
    marked = re.findall(r"<tr data-level[^>]*data-differs>\s*<th[^>]*><code>(.*?)</code>", PAGE.source)
    assert [name.replace("<wbr>", "") for name in marked] == ["a.differs"]
    checked = [attrs["value"] for _, attrs in PAGE.elements if attrs.get("name") == "rows" and "checked" in attrs]
    assert checked == ["differing"]


def test_where_nothing_differs_all_rows_are_shown() -> None:
    shown = page(RUNS[0], RUNS[0])
    checked = [attrs["value"] for _, attrs in shown.elements if attrs.get("name") == "rows" and "checked" in attrs]
    assert checked == ["all"]


@pytest.mark.parametrize(
    ("other", "differs"),
    [
        ([verdict(outcome="known deviation")], False),
        ([verdict(outcome="known deviation", known=[known(versions="<9")], worst=0.5, cases=3)], False),
        ([verdict(outcome="known deviation", known=[known(reason="another")])], True),
        ([verdict(outcome="deviates")], True),
        ([verdict(dtype="float64", outcome="deviates")], False),
        ([], False),
    ],
)
def test_what_makes_runs_differ(other: list[Verdict], differs: bool) -> None:
    given = results_with(verdict(outcome="known deviation")), results_with(*other, clauses=[clause()])
    assert bool(differing(*given)) is differs


def test_a_mark_has_what_stands_behind_it_in_words() -> None:
    assert 'title="2.9: deviates on float32; conforms on float16"' in PAGE.source
    assert 'title="2.11: did not run"' in PAGE.source


def test_a_run_that_did_not_take_place_has_a_row_and_is_never_green() -> None:
    row = re.search(r'<a href="#run-4">2\.11</a>(.*?)</tr>', PAGE.source, flags=re.DOTALL)
    assert row is not None
    assert "did not run</span> torch 2.11 could not be installed: no wheel" in row[1]
    assert "conforms" not in row[1]


def test_what_changed_between_neighbours() -> None:
    text = PAGE.text[PAGE.text.index("What changed between releases") : PAGE.text.index("Each deviation once")]
    for words in (
        "2.8 → 2.9: 1 clause changed",
        "fixed on float16: deviates → conforms",
        "2.9 → 2.10: 1 clause changed",
        "constructor: dtype added (default None)",
        "fixed on float32: deviates → conforms",
        "Smallest case: 2.9, float32: gradient at [1, 0] is 2.0, expected 0.0",
        "Standalone script",
    ):
        assert words in text
    assert "2.11" not in text


def test_neighbours_that_agree_are_one_line() -> None:
    shown = page(*(release(version, *cells("a.b", "conforms")) for version in ("1", "2", "3")))
    assert "Nothing changed: 1 → 2; 2 → 3." in shown.text


def test_a_deviation_is_listed_once_on_its_smallest_case() -> None:
    (finding,) = merge(RUNS).findings
    (group,) = finding.groups.values()
    assert finding.outcome is Outcome.DEVIATES
    assert group.seen.words(merge(RUNS).naming) == "2.8: float16, float32; 2.9: float32"
    assert PAGE.text.count("2.8: float16, float32; 2.9: float32") == 1
    small = deviation(case_repr="small", summary="gradient at [0, 0] is nan, expected 0.0")
    smaller = release("2.7", *cells("a.differs", "deviates", deviation=small))
    (group,) = merge([*RUNS, smaller]).findings[0].groups.values()
    assert group.smallest is not None
    assert (group.run, group.smallest.deviation.case_repr) == (0, "small")


def test_deviations_with_different_summaries_are_kept_apart() -> None:
    raised = release("2.7", *cells("a.differs", "deviates", deviation=deviation(summary="it raised")))
    (finding,) = merge([*RUNS, raised]).findings
    assert len(finding.groups) == 2


def test_one_reason_is_one_finding_though_ledgers_name_other_releases() -> None:
    runs = [
        release(version, *cells("a.b", "known deviation", "conforms", known=[known(versions=f"=={version}")]))
        for version in ("1", "2", "3")
    ]
    (finding,) = merge(runs).findings
    (group,) = finding.groups.values()
    assert group.seen.words(merge(runs).naming) == "every run: float16, float32"
    assert group.entry is not None
    assert group.entry.versions == "==3", "the last one's"


def test_a_witness_that_was_not_replayed_anywhere() -> None:
    runs = [release(version, verdict(outcome="known deviation", known=[known(deviation=None)])) for version in "12"]
    assert "shows no deviation here: not replayed, or fixed" in page(*runs).text


def test_what_is_unsupported_is_listed_once_with_its_runs() -> None:
    unsupported = merge(
        [
            release("1", *cells("a.b", "unsupported", "conforms"), *cells("a.c", "unsupported", "conforms")),
            release("2", *cells("a.b", "conforms", "conforms"), *cells("a.c", "conforms", "conforms")),
        ]
    ).unsupported
    assert {
        reason: {places: [finding.clause.id for finding in clauses] for places, clauses in found.items()}
        for reason, found in unsupported.items()
    } == {"no complex arithmetic": {"1: float16": ["a.b", "a.c"]}}


def test_facts_that_are_the_same_stand_at_the_top_only() -> None:
    merged = merge([release("1", verdict(), seed="1"), release("2", verdict(), seed="2")])
    assert merged.same["Target"] == "torch"
    assert "Seed" not in merged.same
    shown = page(release("1", verdict(), seed="1"), release("2", verdict(), seed="2"))
    assert shown.text.count("Linux-6.1-x86_64-with-glibc2.36") == 1
    assert "--hypothesis-seed 1" in shown.text
    assert "--hypothesis-seed 2" in shown.text


def test_the_largest_errors_of_each_run() -> None:
    merged = merge(
        [
            release("1", *cells("a.b", "conforms", worst=0.2), *cells("a.c", "conforms", worst=0.0)),
            release("2", *cells("a.b", "conforms", worst=0.4), *cells("a.d", "conforms", worst=0.9)),
        ]
    )
    assert [(each.id, worst) for each, worst in merged.errors] == [("a.d", [None, 0.9]), ("a.b", [0.2, 0.4])]


def test_notes_are_shown_with_their_run() -> None:
    shown = page(release("1", verdict(), notes=["matched nothing"]), release("2", verdict()))
    assert "matched nothing" in shown.text


def test_a_page_of_many_releases_is_small() -> None:
    runs = []
    for number in range(20):
        run = realistic(per_section=22, implementation=implementation(version=f"2.{number}"))
        verdicts = list(run.verdicts)
        for at in range(number, len(verdicts), 60):  # some dozen verdicts of each release are another's
            verdicts[at] = replace(
                verdicts[at], outcome=Outcome.DEVIATES, fails=True, deviation=deviation(), known=(), reason=None
            )
        runs.append(replace(run, verdicts=tuple(verdicts)))
    assert len(page(*runs).source.encode()) < 3_000_000
