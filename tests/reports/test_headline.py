"""The one-line answers: of a run, of several runs, and on a badge."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from builders import cause, clause, implementation, known, results_with, showing, verdict

from embedding_reports.absent import not_run
from embedding_reports.model.answer import overview, spans
from embedding_reports.model.by_clause import ClauseVerdicts
from embedding_reports.model.summary import headline, summarise
from embedding_reports.outcomes import Outcome
from embedding_reports.records import Results
from embedding_reports.results import read
from embedding_reports.text.badge import badge

PUBLISHED = Path(__file__).parents[2] / "reports" / "published"
NAME = "torch.nn.Embedding 2.13.0+cpu"


def run(outcomes: str, **changes: Any) -> Results:
    """A run with one clause for each word; `a+b` gives a clause two dtypes. `_` stands for a space."""
    verdicts = [
        verdict(f"c.{number}", outcome.replace("_", " "), dtype=dtype)
        for number, cells in enumerate(outcomes.split())
        for outcome, dtype in zip(cells.split("+"), ("float32", "float64"), strict=False)
    ]
    return results_with(*verdicts, **changes)


CONFORMS, PART, RED, GREY, YELLOW = "brightgreen", "yellowgreen", "red", "lightgrey", "yellow"

ANSWERS = {
    "nothing at all": (run(""), "was tested on no clause.", "nothing tested", GREY),
    "all unsupported": (
        run("unsupported unsupported"),
        "was tested on no clause. Not tested: 2 unsupported.",
        "nothing tested",
        GREY,
    ),
    "nothing run": (
        results_with(clauses=[clause()]),
        "was tested on no clause. Not tested: 1 not run.",
        "nothing tested",
        GREY,
    ),
    "one": (run("conforms"), "conforms to the one clause tested.", "1 clause conforms", CONFORMS),
    "all": (run("conforms conforms"), "conforms to all 2 clauses tested.", "2 clauses conform", CONFORMS),
    "all, partly": (
        run("conforms+unsupported conforms unsupported not_exercised"),
        "conforms to all 2 clauses tested. Not tested: 1 unsupported, 1 unsupported in part, 1 not exercised.",
        "2 clauses conform, 1 unsupported, 1 unsupported in part, 1 not exercised",
        PART,
    ),
    "one cell deviates": (
        run("conforms+deviates conforms"),
        "conforms to 1 of 2 clauses tested; 1 deviates (1 MUST).",
        "1 clause deviates",
        RED,
    ),
    "all deviate": (
        run("deviates deviates"),
        "conforms to 0 of 2 clauses tested; 2 deviate (2 MUST).",
        "2 clauses deviate",
        RED,
    ),
    "known": (
        run("conforms known_deviation"),
        "conforms to 1 of 2 clauses tested; 1 is a known deviation.",
        "2 clauses conform but for 1 known cause",
        YELLOW,
    ),
    "levels": (
        run("deviates deviates", clauses=[clause("c.0", level="INFO"), clause("c.1")]),
        "conforms to 0 of 2 clauses tested; 2 deviate (1 MUST, 1 INFO).",
        "2 clauses deviate",
        RED,
    ),
    "not exercised in part": (
        run("conforms+not_exercised conforms"),
        "conforms to the one clause tested. Not tested: 1 not exercised.",
        "1 clause conforms, 1 not exercised",
        PART,
    ),
    "an error": (
        run("conforms conforms error"),
        "conforms to 2 of 2 clauses tested; 1 clause hit an error.",
        "incomplete",
        GREY,
    ),
    "an error beside a deviation": (
        run("deviates+error conforms"),
        "conforms to 1 of 2 clauses tested; 1 deviates (1 MUST), 1 clause hit an error.",
        "incomplete",
        GREY,
    ),
    "only errors": (run("error error"), "was tested on no clause; 2 clauses hit an error.", "incomplete", GREY),
    "interrupted": (
        run("conforms conforms", complete=False),
        "conforms to 2 of 2 clauses tested so far.",
        "incomplete",
        GREY,
    ),
    "did not run": (
        results_with(complete=False, notes=["no wheel"]),
        "did not run: no wheel",
        "did not run",
        GREY,
    ),
    "fixed but declared": (
        results_with(verdict(fails=True, reason="fixed: remove this entry")),
        "conforms to the one clause tested; 1 clause fails the run for another reason.",
        "1 clause conforms, 1 failing otherwise",
        PART,
    ),
    "on some dtypes": (
        run("conforms+unsupported conforms"),
        "conforms to all 2 clauses tested. Not tested: 1 unsupported in part.",
        "2 clauses conform, 1 unsupported in part",
        CONFORMS,
    ),
    "a part of the contract": (
        results_with(verdict("a.b"), clauses=[clause("a.b"), clause("c.d")]),
        "conforms to the one clause tested. Not tested: 1 not run.",
        "1 clause conforms, 1 not run",
        PART,
    ),
    "for a cause": (
        showing(cause(), clauses=["sparse.step"]),
        "conforms to 1 of 3 clauses tested; 2 deviate for one cause (2 MUST).",
        "deviates for 1 cause",
        RED,
    ),
    "for causes, some of which are declared": (
        results_with(
            verdict("a.b", "known deviation"),
            verdict("a.c", "known deviation", known=[known(), known(reason="another")]),
            verdict("lookup.bits", "deviates", causes=[1, 2]),
            causes=[cause(clauses=["lookup.bits"]), cause(number=2, clauses=["lookup.bits"])],
        ),
        "conforms to 0 of 3 clauses tested; 1 deviates for 2 causes (1 MUST), 2 are known deviations.",
        "deviates for 2 new causes, 2 known",
        RED,
    ),
    "for declared causes": (
        results_with(
            verdict("a.b", "known deviation"),
            verdict("a.c", "known deviation", known=[known(), known(reason="another")]),
        ),
        "conforms to 0 of 2 clauses tested; 2 are known deviations.",
        "2 clauses conform but for 2 known causes",
        YELLOW,
    ),
    "in a few cases": (
        run("conforms", profile="smoke"),
        "conforms to the one clause tested.",
        "1 clause conforms (smoke)",
        PART,
    ),
    "wrong in a few cases": (
        run("deviates", profile="smoke"),
        "conforms to 0 of 1 clause tested; 1 deviates (1 MUST).",
        "1 clause deviates (smoke)",
        RED,
    ),
}


@pytest.mark.parametrize(("given", "answer", "message", "colour"), ANSWERS.values(), ids=ANSWERS.keys())
def test_the_answer(given: Results, answer: str, message: str, colour: str) -> None:
    prefix = "" if given.footer.complete or not given.verdicts else "Incomplete run: "
    assert headline(given) == f"{prefix}{NAME} {answer}"
    assert badge(given) == {
        "schemaVersion": 1,
        "label": "embedding conformance",
        "message": message,
        "color": colour,
    }


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        ("", "not run"),
        ("unsupported", "unsupported"),
        ("unsupported conforms", "conforms"),
        ("conforms not_exercised", "not exercised"),
        ("conforms known_deviation not_exercised", "known deviation"),
        ("conforms known_deviation error", "error"),
        ("error conforms deviates", "deviates"),
    ],
)
def test_the_outcome_of_a_clause_is_that_of_its_worst_cell(outcomes: str, expected: str) -> None:
    verdicts = tuple(verdict(outcome=outcome.replace("_", " ")) for outcome in outcomes.split())
    assert ClauseVerdicts(clause(), verdicts).outcome is Outcome(expected)


def test_a_name_stays_on_one_line() -> None:
    given = results_with(verdict(), implementation=implementation(name="my\nembedding", version=""))
    assert headline(given) == "my embedding conforms to the one clause tested."


def released(outcomes: dict[str, str], name: str = "torch.nn.Embedding") -> list[Results]:
    """Runs of several versions, each with one clause."""
    return [run(each, implementation=implementation(name=name, version=version)) for version, each in outcomes.items()]


@pytest.mark.parametrize(
    ("runs", "expected"),
    [
        ([], "No runs."),
        ([run("conforms")], f"{NAME} conforms to the one clause tested."),
        (released({"1.0": "conforms", "2.0": "conforms"}), "E in 2 runs: all conform to every clause tested."),
        (
            released({"2.10": "deviates", "2.9": "conforms", "2.8": "deviates", "2.7": "deviates", "2.6": "deviates"}),
            "E in 5 runs: 2.6 to 2.8, 2.10 deviate; 2.9 conforms to every clause tested.",
        ),
        (
            [
                *released({"1": "conforms", "2": "known_deviation", "3": "error", "4": "unsupported"}),
                not_run("torch.nn.Embedding", "5", "no wheel"),
                run("conforms", complete=False, implementation=implementation(version="6")),
            ],
            (
                "E in 6 runs: 2 deviates only as declared beforehand; 1 conforms to every clause tested; "
                "4 tested nothing; 3 hit errors; 6 is incomplete; 5 did not run."
            ),
        ),
        (
            [*released({"1": "conforms"}, "a"), *released({"1": "deviates"}, "b")],
            "2 runs: b 1 deviates; a 1 conforms to every clause tested.",
        ),
        (
            released({str(number): "deviates" if number % 2 else "conforms" for number in range(10)}),
            "E in 10 runs: 5 runs deviate; 5 runs conform to every clause tested.",
        ),
    ],
)
def test_several_runs_in_one_line(runs: list[Results], expected: str) -> None:
    assert overview(runs) == expected.replace("E in", "torch.nn.Embedding in")


def test_runs_next_to_each_other_are_one_range() -> None:
    labels = list("abcdefgh")
    assert spans([0, 1, 3, 5, 6, 7], labels, by_version=True) == ["a, b", "d", "f to h"]
    assert spans([0, 1, 2], labels, by_version=False) == ["a", "b", "c"]


def test_counts_add_up() -> None:
    outcomes = "conforms deviates known_deviation unsupported not_exercised error conforms+unsupported"
    summary = summarise(run(outcomes))
    assert sum(map(summary.count, set(summary.outcomes.values()))) == 7
    assert (summary.tested, summary.hit_errors, summary.partly_unsupported) == (4, 1, 1)


def test_the_badge_of_a_published_release_counts_what_the_ledger_declares() -> None:
    message = badge(read(PUBLISHED / "torch-2.13.0.json"))["message"]
    assert message == "141 clauses conform but for 13 known causes, 60 unsupported in part"
