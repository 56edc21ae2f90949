"""Bisecting names causes: those behind a clause that changed, and one followed through the releases by its number."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from builders import cause, implementation, known, results_with, showing, verdict

from embedding_reports import results
from embedding_reports.absent import not_run
from embedding_reports.condition import Condition
from embedding_reports.errors import Unfit
from embedding_reports.model.changes.cause_history import cause_history
from embedding_reports.model.changes.history import history
from embedding_reports.records import Cause, Results
from embedding_reports.text.changes import bisect, bisect_cause

PUBLISHED = Path(__file__).parents[2] / "reports" / "published"
CLAUSES = ("lookup.bits", "lookup.one-hot", "sparse.step")
OTHER = cause(
    where=[Condition("sparse", (True,))], does="raises", fault=None, plainest="sparse.step", clauses=["sparse.step"]
)


def release(version: str, *causes: Cause, **changes: Any) -> Results:
    return showing(*causes, clauses=CLAUSES, implementation=implementation(version=version), **changes)


RELEASES = [
    release("2.0", cause(where=[Condition("num_embeddings", least=1, most=1)])),
    release("1.9"),
    release("2.10", OTHER, cause(number=2)),
    release("1.10"),
    release("2.2", OTHER),
]


def test_a_clause_that_changed_names_the_cause_with_its_smallest_case() -> None:
    text = bisect(history("lookup.one-hot", RELEASES))
    start = text.index("Between 1.10 and 2.0:")
    told = text[start : text.index("Between 2.0 and 2.2:")]
    assert "  came: lookup.bits [MUST]: The output is twice the row.\n" in told
    assert "    where: num_embeddings = 1 (11 of 12 such cases deviate, 0 of 30 others)\n" in told
    assert "    smallest case: Case(one row)\n" in told
    assert "      import torch\n" in told
    assert "  went: lookup.bits [MUST]" in text[text.index("Between 2.0 and 2.2:") :]
    assert "raises" not in text, "a cause of other clauses"


def test_a_cause_is_followed_through_the_releases_by_what_it_is() -> None:
    found = cause_history(2, RELEASES)
    spans = [(span.first, span.last, span.state) for span in found.spans]
    assert spans == [
        ("1.9", "1.10", "does not show it"),
        ("2.0", "2.0", "shows it"),
        ("2.2", "2.2", "does not show it"),
        ("2.10", "2.10", "shows it"),
    ]
    assert found.turns == [("1.10", "2.0", "came"), ("2.0", "2.2", "went"), ("2.2", "2.10", "came")]
    text = bisect_cause(found)
    assert text.startswith(
        "cause 2 of 2.10 in 5 runs of torch.nn.Embedding\n  lookup.bits [MUST]: The output is twice the row.\n"
    )
    assert "Between 1.10 and 2.0 it came.\nBetween 2.0 and 2.2 it went.\n" in text
    assert "2.0, the first that shows it:\n  where: num_embeddings = 1 (11 of 12" in text, "as that release has it"
    assert "  smallest case: Case(one row)\n" in text


def test_runs_that_cannot_say_say_so_and_a_cause_neither_comes_nor_goes_there() -> None:
    declared = [known(features={"num_embeddings": 1, "index_numel": [2]})]
    where = [Condition("num_embeddings", least=1, most=1), Condition("index_numel", least=2, most=2)]
    shown = {"implementation": implementation(version="2")}
    given = [
        not_run("torch.nn.Embedding", "1", "no wheel"),
        results_with(verdict("lookup.bits", "known deviation", known=declared), **shown),
        showing(clauses=["sparse.step"], implementation=implementation(version="3")),
        results_with(verdict("lookup.bits", "deviates"), implementation=implementation(version="4")),
        release("5", cause(where=where)),
        not_run("torch.nn.Embedding", "6", "no wheel"),
    ]
    found = cause_history(1, given)
    assert [span.state for span in found.spans] == [
        "did not run: no wheel",
        "shows it, as a ledger declares",
        "tested no clause that it breaks",
        "names no causes",
        "shows it",
        "did not run: no wheel",
    ]
    assert not found.turns
    text = bisect_cause(found)
    assert "It neither came nor went between any two of these releases." in text
    assert "2, the first that shows it:\n  where: num_embeddings = 1 and index_numel = 2\n" in text


@pytest.mark.parametrize(
    ("number", "given", "words"),
    [
        (3, RELEASES, "no cause 3 in 2.10, the newest of these runs: it has 2, numbered from 1"),
        (0, [results_with(verdict(outcome="known deviation"))], "no cause 0 in 2.13.0+cpu"),
        (2, RELEASES[:1], "it has one, cause 1"),
        (1, RELEASES[1:2], "it has none"),
        (1, [not_run("torch.nn.Embedding", "1", "no wheel")], "it has none"),
        (1, [RELEASES[0], not_run("other", "1", "")], "2 implementations"),
    ],
)
def test_what_cannot_be_followed_is_one_line(number: int, given: list[Results], words: str) -> None:
    with pytest.raises(Unfit) as caught:
        cause_history(number, given)
    assert words in str(caught.value)


def test_what_a_ledger_declared_is_named_as_such_in_the_published_releases() -> None:
    given = results.merge([PUBLISHED / f"torch-{version}.json" for version in ("1.13.1", "2.0.1")])
    text = bisect(history("max_norm.one-graph", given))
    assert "went (declared): max_norm.one-graph [SHOULD]: The weight is saved for the backward" in text
    assert "    where: accumulates = true and max_norm = true\n" in text
    assert text.count("The weight is saved for the backward") == 1
    assert "  smallest case: Case(config=Config(num_embeddings=2" in text
