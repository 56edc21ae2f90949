"""What changed between two runs is told by cause; then come the verdicts that no such cause explains."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from builders import cause, deviation, implementation, known, results_with, showing, verdict
from pages import page

import docs_torch_releases
from embedding_reports import results
from embedding_reports.condition import Condition
from embedding_reports.model.changes.compare import Comparison, compare
from embedding_reports.records import Cause, Results
from embedding_reports.text.changes import diff

PUBLISHED = Path(__file__).parents[2] / "reports" / "published"
CLAUSES = ("lookup.bits", "lookup.one-hot", "sparse.step")
OTHER = cause(
    number=2,
    where=[Condition("sparse", (True,))],
    does="a call that the contract allows was refused",
    fault=None,
    plainest="sparse.step",
    clauses=["sparse.step"],
)


def found(old: Results, new: Results) -> list[tuple[str, str]]:
    return [(change.transition, change.shown.cause.does) for change in compare(old, new).causes]


def clean(**changes: Any) -> Results:
    return showing(clauses=CLAUSES, **changes)


def one(*causes: Cause, **changes: Any) -> Results:
    return showing(*causes, clauses=CLAUSES, **changes)


def unexplained(comparison: Comparison) -> list[str]:
    return [change.clause.id for change in comparison.unexplained]


def test_a_cause_comes_and_goes() -> None:
    assert found(clean(), one(cause())) == [("came", "The output is twice the row.")]
    assert found(one(cause()), clean()) == [("went", "The output is twice the row.")]
    assert found(one(cause()), one(OTHER)) == [("came", OTHER.does), ("went", "The output is twice the row.")]


@pytest.mark.parametrize(
    ("changes", "same"),
    [
        ({"number": 2}, True),
        ({"deviating": 40, "covered": 41, "dtypes": ["float16"], "evidence": deviation(case_repr="another")}, True),
        ({"where": [Condition("num_embeddings", least=1, most=1)]}, True),
        ({"where": [Condition("sparse", (True,))]}, True),
        ({"does": "The output is twice what it should be.", "where": [Condition("sparse", (True,))]}, True),
        ({"fault": "Another", "where": [Condition("sparse", (True,))]}, False),
        ({"does": "The output is wrong.", "fault": None}, True),
        ({"does": "The output is wrong.", "fault": None, "where": [Condition("num_embeddings", most=2)]}, True),
        ({"does": "The output is wrong.", "fault": None, "where": [Condition("sparse", (True,))]}, False),
        ({"plainest": "sparse.step", "clauses": ["sparse.step"]}, False),
        ({"does": "x", "fault": None, "where": [], "plainest": "lookup.one-hot"}, False),
    ],
)
def test_two_causes_are_the_same_by_what_they_are(changes: dict[str, Any], same: bool) -> None:
    transitions = {transition for transition, _ in found(one(cause()), one(cause(**changes)))}
    assert (not transitions & {"came", "went"}) is same


FEW = ["lookup.bits", "gradient.sum", "gradient.form"]
"""Clauses of which another cause breaks one."""


@pytest.mark.parametrize(
    ("where", "plainest", "same"),
    [
        ([Condition("sparse", (True,))], "gradient.sum", True),
        ([Condition("sparse", (True,)), Condition("dtype", ("float32",))], "gradient.sum", True),
        ([Condition("sparse", (False,))], "lookup.bits", False),
        ([], "lookup.bits", True),
        ([], "gradient.sum", False),
    ],
)
def test_a_pattern_tells_a_cause_that_does_otherwise_now_unless_it_is_every_case(
    where: list[Condition], plainest: str, same: bool
) -> None:
    old = cause(where=where[:1] and [Condition("sparse", (True,))], clauses=["lookup.bits"])
    new = cause(where=where, does="differs", fault=None, plainest=plainest, clauses=FEW)
    transitions = {transition for transition, _ in found(one(old), one(new))}
    assert (not transitions & {"came", "went"}) is same


def test_a_symptom_alone_does_not_make_two_causes_one() -> None:
    refuses = {"does": OTHER.does, "fault": None, "clauses": ["lookup.bits", "lookup.one-hot"]}
    old = cause(**refuses, where=[Condition("sparse", (True,))], plainest="lookup.one-hot")
    new = cause(**refuses, where=[Condition("index_ndim", least=2)])
    assert {transition for transition, _ in found(one(old), one(new))} == {"came", "went"}


def test_causes_are_matched_with_those_that_are_alike_in_most() -> None:
    rows = cause(number=1, where=[Condition("num_embeddings", least=2, most=2)])
    again = cause(number=2)
    assert found(one(cause()), one(rows, again)) == [("came", rows.does)]
    (change,) = compare(one(cause()), one(rows, again)).causes
    assert change.shown.cause is rows


def test_what_of_it_changed_is_told() -> None:
    old = cause()
    new = cause(where=[Condition("num_embeddings", least=1, most=1)], clauses=["lookup.bits", "sparse.step"])
    comparison = compare(one(old), one(new))
    (change,) = comparison.causes
    assert change.transition == "changed"
    assert change.differences == {"where": ("num_embeddings = 1 and index_numel >= 2", "num_embeddings = 1")}
    assert (change.joined, change.left) == (("sparse.step",), ("lookup.one-hot",))
    text = diff(comparison)
    assert "\nchanged: lookup.bits [MUST]: The output is twice the row.\n" in text
    assert "  where was: num_embeddings = 1 and index_numel >= 2\n" in text
    assert "  it breaks now, too: sparse.step\n  it no longer breaks: lookup.one-hot\n" in text
    assert found(one(old), one(old)) == []


def test_a_clause_that_one_run_did_not_test_neither_joins_nor_leaves() -> None:
    narrow = showing(cause(clauses=["lookup.bits"]))
    assert found(one(cause()), narrow) == []
    assert compare(one(cause()), narrow).unexplained, "it is no longer tested, which the verdict says"
    narrow = showing(cause(clauses=["lookup.bits"]))
    assert found(narrow, one(cause())) == []


def test_a_clause_that_is_tested_no_longer_is_not_taken_for_mended() -> None:
    new = results_with(
        verdict("lookup.bits"), verdict("lookup.one-hot", "unsupported", reason="no grad"), verdict("sparse.step")
    )
    assert found(one(cause()), new) == [("went", "The output is twice the row.")]
    assert unexplained(compare(one(cause()), new)) == ["lookup.one-hot"]
    nothing = results_with(*(verdict(name, "unsupported") for name in cause().clauses))
    assert found(one(cause()), nothing) == []
    elsewhere = results_with(
        *(verdict(name, "unsupported") for name in cause().clauses),
        *(verdict(name, dtype="float16") for name in cause().clauses),
        dtypes=["float16", "float32"],
    )
    assert found(one(cause()), elsewhere) == [], "the older run did not test that dtype"


def test_a_cause_that_the_other_run_could_not_show_did_not_come() -> None:
    assert found(showing(clauses=["sparse.step"]), one(cause())) == []
    half = cause(dtypes=["float16"])
    shown = results_with(
        *(verdict(name, "deviates", dtype="float16", causes=[1]) for name in half.clauses),
        *(verdict(name) for name in half.clauses),
        causes=[half],
        dtypes=["float16", "float32"],
    )
    assert found(clean(), shown) == []


def test_verdicts_that_a_cause_explains_are_not_told_one_by_one() -> None:
    comparison = compare(clean(), one(cause()))
    assert (len(comparison.changes), comparison.explained, unexplained(comparison)) == (2, 2, [])
    lines = diff(comparison).splitlines()
    assert lines[0].endswith(": 1 cause came; 2 clauses changed with it, 0 otherwise, 1 did not")
    assert "came: lookup.bits [MUST]: The output is twice the row." in lines
    assert "  smallest case: Case(one row)" in lines
    assert "    import torch" in lines
    assert not any("conforms -> deviates" in line for line in lines)


def test_verdicts_that_changed_for_another_reason_come_behind_the_causes() -> None:
    new = results_with(
        *(verdict(name, "deviates", causes=[1]) for name in cause().clauses),
        verdict("sparse.step", "unsupported", reason="no sparse gradients"),
        causes=[cause()],
    )
    comparison = compare(clean(), new)
    assert unexplained(comparison) == ["sparse.step"]
    text = diff(comparison)
    assert text.index("came: ") < text.index("Changed for none of these causes") < text.index("no longer tested")


def test_only_the_places_at_which_it_shows_are_explained() -> None:
    def run(*outcomes: str) -> Results:
        cells = zip(("float16", "float32"), outcomes, strict=True)
        verdicts = [
            verdict("lookup.bits", outcome, dtype=dtype, causes=[1] if outcome == "deviates" else [])
            for dtype, outcome in cells
        ]
        shown = [cause(clauses=["lookup.bits"], dtypes=["float16"])] if "deviates" in outcomes else []
        return results_with(*verdicts, causes=shown, dtypes=["float16", "float32"])

    (change,) = compare(run("conforms", "conforms"), run("deviates", "unsupported")).unexplained
    assert [change.words(shift) for shift in change.shifts] == [
        "no longer tested on float32: conforms -> unsupported",
    ]


def test_a_cause_that_changed_explains_the_clauses_that_joined_it_alone() -> None:
    def run(*deviating: str) -> Results:
        verdicts = [
            verdict(name, "deviates" if f"{name} {dtype}" in deviating else "conforms", dtype=dtype)
            for name in CLAUSES
            for dtype in ("float16", "float32")
        ]
        verdicts = [verdict(v.clause, "deviates", dtype=v.dtype, causes=[1]) if v.deviation else v for v in verdicts]
        broken = list(dict.fromkeys(name.partition(" ")[0] for name in deviating))
        return results_with(*verdicts, causes=[cause(clauses=broken)], dtypes=["float16", "float32"])

    old = run("lookup.bits float32")
    assert unexplained(compare(old, run("lookup.bits float32", "lookup.one-hot float32"))) == []
    assert unexplained(compare(old, run("lookup.bits float32", "lookup.bits float16"))) == ["lookup.bits"]
    both = run("lookup.bits float32", "lookup.bits float16", "lookup.one-hot float32")
    assert unexplained(compare(old, both)) == ["lookup.bits"]


ENTRY = known(reason="As XLA does it.", features={"num_embeddings": 1, "index_numel": [2], "device": ["cpu"]})


def declaring(*names: str, entry: Any = ENTRY, **changes: Any) -> Results:
    verdicts = [verdict(name, "known deviation" if name in names else "conforms", known=[entry]) for name in CLAUSES]
    return results_with(*verdicts, **changes)


def test_a_cause_that_a_ledger_came_to_declare_did_not_go() -> None:
    where = [Condition("num_embeddings", least=1, most=1), Condition("index_numel", least=2, most=2)]
    shown = one(cause(where=where))
    declared = declaring("lookup.bits", "lookup.one-hot")
    assert found(shown, declared) == [("declared", "As XLA does it.")]
    assert found(declared, shown) == [("declared no more", "The output is twice the row.")]
    assert unexplained(compare(shown, declared)) == []


def test_where_no_causes_are_told_nothing_but_verdicts_is_compared() -> None:
    old, new = declaring("lookup.bits"), declaring()
    assert compare(old, new).causes == []
    assert diff(compare(old, new)).splitlines()[0].endswith(": 1 clause changed, 2 did not")


def test_a_run_whose_deviations_have_no_causes_is_not_compared_with_one_whose_have() -> None:
    first = results_with(*(verdict(name, "deviates" if name == "lookup.bits" else "conforms") for name in CLAUSES))
    comparison = compare(first, one(cause()))
    assert comparison.causes == []
    assert "the results of the older run name no causes, so that causes were not compared" in comparison.caveats
    assert unexplained(comparison) == ["lookup.one-hot"]
    assert not compare(first, first).caveats


def test_published_results_of_version_1_are_compared_by_their_verdicts() -> None:
    old, new = (results.read(PUBLISHED / f"torch-{version}.json") for version in ("2.11.0", "2.12.1"))
    text = diff(compare(old, new))
    assert text.startswith("torch.nn.Embedding 2.11.0+cu130 -> 2.12.1+cu130: ")
    assert "Changed for none" not in text
    assert "fixed" in text


def test_the_published_page_of_releases_tells_causes() -> None:
    releases = [
        clean(implementation=implementation(version="1")),
        one(cause(), implementation=implementation(version="2")),
        one(cause(where=[Condition("num_embeddings", most=2)]), implementation=implementation(version="3")),
    ]
    text = docs_torch_releases.rendered(releases)
    assert "\n- came: The output is twice the row. (`lookup.bits`, MUST)\n" in text
    assert (
        "    - where: num_embeddings = 1 and index_numel >= 2 (11 of 12 such cases deviate, 0 of 30 others)\n" in text
    )
    assert "    - on float32; it also breaks lookup.one-hot\n" in text
    assert "    - Smallest case, deviating in 2:\n\n      ```python\n      import torch\n" in text
    assert (
        "\n- changed: The output is twice the row. (`lookup.bits`, MUST)\n    - 2, where: num_embeddings = 1 and"
        in text
    )
    assert "broke" not in text


def test_the_page_of_two_releases_tells_causes() -> None:
    releases = [
        clean(implementation=implementation(version="1")),
        one(cause(), implementation=implementation(version="2")),
    ]
    text = page(*releases).text
    assert "1 → 2: 1 cause and 2 clauses changed" in text
    assert "came The output is twice the row. lookup.bits MUST" in text
    assert "and 1 more clauselookup.one-hot" in text
    assert "11 of 12 such cases deviate, none of 30 others" in text
    assert "broke: conforms" not in text
