"""What changed between two runs: every kind of change is listed, and nothing else is."""

from __future__ import annotations

from typing import Any

import pytest
from builders import clause, deviation, implementation, known, results_with, verdict

from embedding_reports.model.changes.compare import TRANSITIONS, Comparison, compare
from embedding_reports.model.changes.signature import signature_changes
from embedding_reports.records import Parameter, Results, Verdict


def shifts(found: Comparison) -> list[tuple[str, str]]:
    return [(change.clause.id, change.words(shift)) for change in found.changes for shift in change.shifts]


@pytest.mark.parametrize(
    ("before", "after", "transition"),
    [
        *((verdict(outcome=one), verdict(outcome=one), "") for one in ("conforms", "deviates", "unsupported", "error")),
        (verdict(outcome="conforms"), verdict(outcome="deviates"), "broke"),
        (verdict(outcome="conforms"), verdict(outcome="known deviation"), "broke"),
        (verdict(outcome="deviates"), verdict(outcome="conforms"), "fixed"),
        (verdict(outcome="known deviation"), verdict(outcome="conforms"), "fixed"),
        (verdict(outcome="deviates"), verdict(outcome="known deviation"), "declared"),
        (verdict(outcome="known deviation"), verdict(outcome="deviates"), "declared no more"),
        (
            verdict(outcome="known deviation"),
            verdict(outcome="known deviation", known=[known(reason="another")]),
            "declared otherwise",
        ),
        (verdict(outcome="conforms"), verdict(outcome="unsupported"), "no longer tested"),
        (verdict(outcome="deviates"), verdict(outcome="error"), "no longer tested"),
        (verdict(outcome="unsupported"), verdict(outcome="conforms"), "now tested"),
        (verdict(outcome="not exercised"), verdict(outcome="deviates"), "now tested"),
        (verdict(outcome="unsupported"), verdict(outcome="not exercised"), "still not tested"),
    ],
)
def test_each_transition(before: Verdict, after: Verdict, transition: str) -> None:
    found = compare(results_with(before), results_with(after))
    one, other = before.outcome, after.outcome
    words = transition if one == other else f"{transition}: {one} -> {other}"
    expected = [(before.clause, words)] if transition else []
    assert shifts(found) == expected
    assert found.unchanged == (not transition)
    assert not transition or transition in TRANSITIONS


@pytest.mark.parametrize(
    "changes",
    [
        {"worst": 0.5},
        {"cases": 7, "exercised": 7},
        {"known": [known(versions="<2")]},
        {"known": [known(), known()]},
        {"deviation": deviation(summary="another smallest case")},
    ],
)
def test_what_is_no_change_of_the_verdict_is_left_out(changes: dict[str, Any]) -> None:
    outcome = "deviates" if "deviation" in changes else "known deviation"
    found = compare(results_with(verdict(outcome=outcome)), results_with(verdict(outcome=outcome, **changes)))
    assert (shifts(found), found.unchanged) == ([], 1)


def test_places_at_which_the_same_happened_are_listed_together() -> None:
    dtypes = ["float16", "bfloat16", "float32", "float64"]

    def run(*outcomes: str) -> Results:
        cells = [verdict(outcome=outcome, dtype=dtype) for outcome, dtype in zip(outcomes, dtypes, strict=True)]
        return results_with(*cells, dtypes=dtypes)

    clean, name = run(*["conforms"] * 4), verdict().clause
    assert shifts(compare(clean, run(*["deviates"] * 4))) == [(name, "broke everywhere: conforms -> deviates")]
    assert shifts(compare(clean, run("unsupported", "deviates", "conforms", "deviates"))) == [
        (name, "broke on bfloat16, float64: conforms -> deviates"),
        (name, "no longer tested on float16: conforms -> unsupported"),
    ]


def test_the_smallest_case_of_whichever_side_deviates_is_shown() -> None:
    def run(**cases: str | None) -> Results:
        cells = [
            verdict(dtype=dtype, outcome="deviates", deviation=deviation(case_repr=case))
            if case
            else verdict(dtype=dtype)
            for dtype, case in cases.items()
        ]
        return results_with(*cells, dtypes=list(cases))

    (broke,) = compare(run(float16=None, float32=None), run(float16="a long case", float32="short")).changes
    assert broke.evidence
    assert (broke.side, broke.evidence.where, broke.evidence.deviation.case_repr) == ("new", "float32", "short")
    (fixed,) = compare(run(float16="a case", float32="x"), run(float16=None, float32="x")).changes
    assert fixed.evidence
    assert (fixed.side, fixed.evidence.where) == ("old", "float16"), "what did not change shows nothing"


def test_the_witness_of_a_known_deviation_shows_it_unless_it_was_not_replayed() -> None:
    (change,) = compare(results_with(verdict()), results_with(verdict(outcome="known deviation"))).changes
    assert change.evidence
    assert change.evidence.deviation == deviation()
    quiet = verdict(outcome="known deviation", known=[known(deviation=None)])
    (change,) = compare(results_with(verdict()), results_with(quiet)).changes
    assert change.evidence is None


def test_what_both_sides_declare_does_not_show_what_changed() -> None:
    stays = known(deviation=deviation(case_repr="Case(0)"))
    goes = known(reason="another", deviation=deviation(case_repr="Case(a longer one)"))
    found = compare(
        results_with(verdict(outcome="known deviation", known=[stays, goes])),
        results_with(verdict(outcome="known deviation", known=[stays])),
    )
    evidence = found.changes[0].evidence
    assert evidence is not None
    assert evidence.deviation.case_repr == "Case(a longer one)"


def test_the_reasons_are_given() -> None:
    since = verdict(outcome="unsupported", reason="documented since torch 2.0")
    (change,) = compare(results_with(since), results_with(verdict(outcome="known deviation"))).changes
    (shift,) = change.shifts
    assert shift.reasons_before == ("documented since torch 2.0",)
    assert shift.reasons_after == (known().reason,)


def test_clauses_that_only_one_run_has_are_new_or_gone() -> None:
    one, both = results_with(verdict("a.b")), results_with(verdict("a.b"), verdict("a.c", "deviates"))
    for old, new, presence, words in (
        (one, both, "new", "now tested: not run -> deviates"),
        (both, one, "gone", "no longer tested: deviates -> not run"),
    ):
        found = compare(old, new)
        assert shifts(found) == [("a.c", words)]
        assert (found.changes[0].presence, found.unchanged) == (presence, 1)


def test_only_what_both_runs_tested_is_compared_and_the_rest_is_a_caveat() -> None:
    old = results_with(verdict(), verdict(dtype="float16"), dtypes=["float32", "float16"], profile="smoke")
    new = results_with(verdict(), verdict(device="cuda", outcome="deviates"), devices=["cpu", "cuda"])
    found = compare(old, new)
    assert (shifts(found), found.unchanged) == ([], 1)
    assert found.caveats == [
        "dtypes of the older run alone, not compared: float16",
        "devices of the newer run alone, not compared: cuda",
        "different profiles: smoke, then default",
    ]


def test_runs_with_nothing_in_common_are_not_alike() -> None:
    found = compare(results_with(verdict(dtype="float16"), dtypes=["float16"]), results_with(verdict()))
    assert (shifts(found), found.unchanged) == ([], 0)
    assert "1 clause not compared: the runs have no dtype and device in common there" in found.caveats


def test_a_clause_that_now_depends_on_the_dtype_is_compared_with_its_former_self() -> None:
    cells = [verdict(dtype="float16"), verdict(dtype="float32", outcome="deviates")]
    found = compare(
        results_with(verdict(dtype=None, device=None), dtypes=["float16", "float32"]),
        results_with(*cells, dtypes=["float16", "float32"]),
    )
    assert shifts(found) == [(verdict().clause, "broke on float32: conforms -> deviates")]


@pytest.mark.parametrize(
    ("changes", "caveat"),
    [
        ({"complete": False}, "the newer run is incomplete: what it did not come to counts as not run"),
        ({"implementation": implementation(name="other")}, "different implementations: torch.nn.Embedding, then other"),
        ({"packages": {"embedding-conformance": "0.2"}}, "different versions of the suite: 0.1.0, then 0.2"),
        (
            {"implementation": implementation(signatures={})},
            "signatures were recorded in one run only, and not compared",
        ),
    ],
)
def test_how_the_runs_differ_besides_is_a_caveat(changes: dict[str, Any], caveat: str) -> None:
    assert compare(results_with(verdict()), results_with(verdict(), **changes)).caveats == [caveat]
    assert compare(results_with(verdict()), results_with(verdict())).caveats == []


# -- signatures -------------------------------------------------------------------------------------------------------

POSITIONAL = "POSITIONAL_OR_KEYWORD"
INPUT, SPARSE = Parameter("input", POSITIONAL, ""), Parameter("sparse", POSITIONAL, "False")
DEVICE = Parameter("device", POSITIONAL, "None")
PARAMETERS = (INPUT, SPARSE, DEVICE)


def signed(parameters: tuple[Parameter, ...] | None, form: str = "constructor") -> Results:
    signatures = {} if parameters is None else {form: parameters}
    return results_with(verdict(), implementation=implementation(signatures=signatures))


@pytest.mark.parametrize(
    ("new", "expected"),
    [
        (PARAMETERS, []),
        (
            (INPUT, SPARSE, Parameter("_freeze", POSITIONAL, "False"), DEVICE),
            ["_freeze added (default False) at position 3, before device, whose positions change"],
        ),
        ((*PARAMETERS, Parameter("dtype", POSITIONAL, "None")), ["dtype added (default None) at position 4"]),
        ((*PARAMETERS, Parameter("dtype", "KEYWORD_ONLY", "None")), ["dtype added (default None)"]),
        (
            (INPUT, DEVICE),
            ["sparse removed at position 2, before device, whose positions change"],
        ),
        ((INPUT, DEVICE, SPARSE), ["device moved from position 3 to 2"]),
        ((INPUT, SPARSE, Parameter("device", POSITIONAL, "")), ["device: default None -> none"]),
        (
            (INPUT, SPARSE, Parameter("device", "KEYWORD_ONLY", "None")),
            ["device: positional or keyword -> keyword only"],
        ),
    ],
)
def test_what_changed_in_a_signature(new: tuple[Parameter, ...], expected: list[str]) -> None:
    assert signature_changes(signed(PARAMETERS), signed(new)) == [f"constructor: {each}" for each in expected]


def test_a_form_that_only_one_run_has_is_new_or_gone() -> None:
    assert signature_changes(signed(None), signed(PARAMETERS)) == ["constructor: new"]
    assert signature_changes(signed(PARAMETERS), signed(None)) == ["constructor: gone"]
    assert signature_changes(results_with(verdict()), signed(PARAMETERS)) == [], "older files record none"


def test_the_clause_is_the_newer_runs() -> None:
    old = results_with(verdict(), clauses=[clause(text="As it was.")])
    (change,) = compare(old, results_with(verdict(outcome="deviates"), clauses=[clause(text="As it is.")])).changes
    assert change.clause.text == "As it is."
