"""A score tells what conforms, what conforms but for a cause, and how many causes there are, new ones apart."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from builders import cause, clause, deviation, implementation, known, results_with, showing, verdict
from pages import Page, page

import docs_scoreboard
from embedding_reports import results
from embedding_reports.condition import Condition
from embedding_reports.model.answer import overview
from embedding_reports.model.causes import causes
from embedding_reports.model.scores import CauseCount, count_causes, scores
from embedding_reports.outcomes import LEVELS
from embedding_reports.records import Results, Verdict

PUBLISHED = Path(__file__).parents[2] / "reports" / "published"


def published(name: str) -> Results:
    return results.read(PUBLISHED / f"{name}.json")


@pytest.mark.parametrize(
    ("name", "score", "count"),
    [
        ("oneflow-0.9.0-py3.10", (67, 19, 92), CauseCount(19, declared=9, new=0, new_must=0)),
        ("torch-2.13.0", (114, 5, 124), CauseCount(5, declared=10, new=0, new_must=0)),
        ("torch-cuda-2.11.0-py3.12", (62, 40, 120), CauseCount(40, declared=17, new=1, new_must=1)),
        ("tinygrad-0.14.0", (15, 0, 16), CauseCount(0, declared=1, new=0, new_must=0)),
    ],
)
def test_published_results_of_version_1_have_the_entries_of_the_ledger_for_causes(
    name: str, score: tuple[int, int, int], count: CauseCount
) -> None:
    run = published(name)
    whole = scores(run)[""]
    assert (whole.conforms, whole.but_for, whole.tested) == score
    assert count_causes(run) == count


def test_entries_with_one_reason_are_one_cause_with_what_their_patterns_have_in_common() -> None:
    told = [one.cause for one in causes(published("paddle-3.3.1"))]
    assert len(told) == 22
    (unchecked,) = (one for one in told if one.does.startswith("Without padding_idx the lookup refuses"))
    assert unchecked.pattern == "index_out_of_range = true and padding_idx = false", "max_norm may be either"
    assert unchecked.clauses[0] == unchecked.plainest == "lookup.out-of-range"
    (empty,) = (one.cause for one in causes(published("torch-2.13.0")) if one.cause.plainest == "max_norm.no-columns")
    assert empty.pattern == "embedding_dim = 0 and max_norm = true and norm_type = inf"
    assert empty.dtypes == ("float16", "bfloat16", "float32", "float64")


@pytest.mark.parametrize(
    ("features", "pattern"),
    [
        ([{"sparse": True, "index_ndim": 0}, {"index_ndim": 0}], "index_ndim = 0"),
        ([{"num_embeddings": 0}, {"num_embeddings": [1, 2]}], "num_embeddings in 0, 1, 2"),
        ([{"num_embeddings": 0}, {"num_embeddings": 1}], "num_embeddings in 0, 1"),
        ([{"sparse": True, "index_ndim": 0}, {"sparse": False, "index_ndim": 0}], "index_ndim = 0"),
        ([{"sparse": True}, {"dtype": ["float32"]}], "always"),
        ([{"norm_type": {"float": "inf"}, "device": ["cpu"]}], "norm_type = inf"),
        ([{"index_numel": {"least": 2}}], "index_numel >= 2"),
        ([{"index_numel": {"least": 2}}, {"index_numel": {"least": 3}}], "always"),
    ],
)
def test_what_patterns_have_in_common(features: list[dict[str, Any]], pattern: str) -> None:
    run = results_with(verdict(outcome="known deviation", known=[known(features=each) for each in features]))
    (one,) = causes(run)
    assert one.cause.pattern == pattern


def test_a_cause_that_a_ledger_declares_is_shown_on_the_smallest_case_of_its_plainest_clause() -> None:
    cases = {"b.one float16": "a longer case", "b.one float32": "a case", "c.two float32": "x"}
    verdicts = []
    for place, shown in cases.items():
        name, dtype = place.split()
        entry = known(deviation=deviation(case_repr=shown))
        verdicts.append(verdict(name, "known deviation", dtype=dtype, known=[entry]))
    (one,) = causes(results_with(*verdicts))
    assert (one.cause.plainest, one.cause.evidence.case_repr) == ("b.one", "a case")


def test_an_entry_whose_witness_conforms_is_no_cause() -> None:
    assert causes(results_with(verdict(known=[known(deviation=None)], fails=True))) == []


def test_deviations_without_a_cause_count_once_where_only_the_dtype_and_numbers_differ() -> None:
    seen = [deviation(summary=f"{dtype} gradient is {number}") for dtype, number in (("float16", 1), ("float32", 2))]
    alike = [verdict("a.b", "deviates", dtype=each.summary.split()[0], deviation=each) for each in seen]
    run = results_with(*alike, verdict("a.c", "deviates"))
    assert [one.cause.clauses for one in causes(run)] == [("a.b",), ("a.c",)]
    assert not any(one.declared for one in causes(run))


def score_of(*verdicts: Verdict, **changes: Any) -> tuple[int, int, int]:
    one = scores(results_with(*verdicts, **changes))[""]
    return one.conforms, one.but_for, one.tested


DECLARED = {"outcome": "known deviation", "known": [known()]}
WHERE = (Condition("sparse", (True,)),)


@pytest.mark.parametrize(
    ("verdicts", "but_for"),
    [
        ([verdict(**DECLARED)], True),
        ([verdict(**DECLARED, exercised=9)], False),
        ([verdict(**DECLARED), verdict(dtype="float64")], True),
        ([verdict(**DECLARED), verdict(dtype="float64", outcome="unsupported")], True),
        ([verdict(**DECLARED), verdict(dtype="float64", outcome="not exercised")], False),
        ([verdict(**DECLARED), verdict(dtype="float64", outcome="error")], False),
        ([verdict(**DECLARED), verdict(**DECLARED, dtype="float64", exercised=9)], False),
        ([verdict(outcome="known deviation", known=[known(), known(features={"dtype": ["float32"]})])], False),
        ([verdict(outcome="known deviation", known=[known(), known(features={}, deviation=None)])], True),
        ([verdict(outcome="deviates", causes=[1])], True),
        ([verdict(outcome="deviates", causes=[1, 2])], False),
        ([verdict(outcome="deviates", causes=[1], exercised=9)], False),
        ([verdict(outcome="deviates", causes=[1], known=[known(features={})])], False),
        ([verdict(outcome="deviates")], False),
        ([verdict()], False),
    ],
)
def test_a_clause_conforms_but_for_a_cause_where_enough_cases_outside_its_pattern_conform(
    verdicts: list[Verdict], but_for: bool
) -> None:
    found = [cause(where=WHERE), cause(number=2, where=[])]
    assert score_of(*verdicts, causes=found)[1] == but_for


def test_new_causes_are_told_from_known_ones_and_those_of_must_from_others() -> None:
    should = [clause("a.b", level="MUST"), clause("a.c", level="SHOULD"), clause("a.d", level="INFO")]
    run = results_with(
        verdict("a.b", **DECLARED),
        verdict("a.c", "deviates", causes=[1]),
        verdict("a.d", "deviates", causes=[2]),
        clauses=should,
        causes=[cause(clauses=["a.c"]), cause(number=2, clauses=["a.d"])],
    )
    assert count_causes(run) == CauseCount(but_for=2, declared=1, new=1, new_must=0)
    assert count_causes(run, LEVELS) == CauseCount(but_for=3, declared=1, new=2, new_must=0)


@pytest.mark.parametrize(
    ("new", "must", "remark"), [(0, 0, ""), (2, 0, "2 new"), (3, 1, "3 new, 1 MUST"), (2, 2, "2 new MUST")]
)
def test_what_is_new_in_words(new: int, must: int, remark: str) -> None:
    count = CauseCount(but_for=0, declared=4, new=new, new_must=must)
    assert (count.remark, count.total) == (remark, 4 + new)


def other(name: str, **changes: Any) -> Results:
    return showing(cause(), clauses=["sparse.step"], implementation=implementation(name=name, version="1.0"), **changes)


def rows(shown: Page) -> list[str]:
    """The rows of the first table, each cell in brackets."""
    table = shown.source[shown.source.index("<table") : shown.source.index("</table>")]
    cells = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL) for row in table.split("<tr>")[1:]]
    return ["".join(f"[{' '.join(re.sub('<[^>]*>', '', cell).split())}]" for cell in row) for row in cells]


def test_the_scoreboard_shows_them() -> None:
    second = results_with(verdict("lookup.bits", **DECLARED), implementation=implementation(name="second", version="2"))
    shown = page(other("first"), second)
    titles, *implementations = rows(shown)
    assert titles.startswith("[Implementation][conform][but for a cause][causes][lookup]")
    assert [row[: row.index("[", row.index("+"))] for row in implementations] == [
        "[second 2][0/1][1][1][0/1 +1]",
        "[first 1.0][1/3][2][1 1 new MUST][0/2 +2]",
    ]
    assert "0 of 2 clauses tested conform, 2 more but for a cause" in shown.attributes("title")


def test_the_published_scoreboard_shows_them() -> None:
    text = docs_scoreboard.rendered([published("torch-cuda-2.11.0-py3.12"), published("torch-onnx-1.32.0")], {})
    assert "| implementation | conform | but for a cause | causes | construction |" in text
    assert "torchonnxexport-in-onnx-runtime-1320) | 9/11 | 0 | 1 | –" in text  # noqa: RUF001
    assert "(#torchnnembedding-on-cuda-2110) | 62/120 | 40 | 18 (1 new MUST) | 21/23 |" in text


def test_the_page_of_several_releases_counts_them() -> None:
    titles, first, _ = rows(page(other("one"), other("one", started="2026-11-24T14:00:00Z")))
    assert titles.endswith("[· not run][but for a cause][causes]")
    assert first.endswith("[1][2][0][0][0][0][0][2][1 1 new MUST]")


def test_the_headline_names_a_new_deviation_from_must_whatever_else_is_to_be_said() -> None:
    incomplete = other("first", complete=False)
    assert overview([incomplete, other("second")]) == (
        "2 runs: second 1.0 deviates; first 1.0 is incomplete. New deviations from MUST clauses: first 1.0."
    )
    declared = results_with(verdict(**DECLARED), complete=False, implementation=implementation(name="third"))
    assert "MUST" not in overview([other("second"), declared])
