"""What changed between two runs: every kind of change is told, and nothing else is."""

from __future__ import annotations

from typing import Any

import pytest
from documents import clause, deviation, document, implementation, known, verdict

from embedding_reports.model.compare import KINDS, Comparison, compare
from embedding_reports.model.signature import signature_changes

Document = dict[str, Any]


def told(found: Comparison) -> list[tuple[str, str]]:
    return [(change.clause["id"], change.said(shift)) for change in found.changes for shift in change.shifts]


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        *((verdict(kind=one), verdict(kind=one), "") for one in ("conforms", "deviates", "unsupported", "error")),
        (verdict(kind="conforms"), verdict(kind="deviates"), "broke"),
        (verdict(kind="conforms"), verdict(kind="known deviation"), "broke"),
        (verdict(kind="deviates"), verdict(kind="conforms"), "fixed"),
        (verdict(kind="known deviation"), verdict(kind="conforms"), "fixed"),
        (verdict(kind="deviates"), verdict(kind="known deviation"), "declared"),
        (verdict(kind="known deviation"), verdict(kind="deviates"), "declared no more"),
        (
            verdict(kind="known deviation"),
            verdict(kind="known deviation", known=[known(reason="another")]),
            "declared otherwise",
        ),
        (verdict(kind="conforms"), verdict(kind="unsupported"), "no longer tested"),
        (verdict(kind="deviates"), verdict(kind="error"), "no longer tested"),
        (verdict(kind="unsupported"), verdict(kind="conforms"), "now tested"),
        (verdict(kind="not exercised"), verdict(kind="deviates"), "now tested"),
        (verdict(kind="unsupported"), verdict(kind="not exercised"), "still not tested"),
    ],
)
def test_each_kind_of_change(before: Document, after: Document, kind: str) -> None:
    found = compare(document(before), document(after))
    one, other = before["verdict"], after["verdict"]
    words = kind if one == other else f"{kind}: {one} -> {other}"
    expected = [(before["clause"], words)] if kind else []
    assert told(found) == expected
    assert found.unchanged == (not kind)
    assert not kind or kind in KINDS


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
def test_what_is_no_change_of_the_verdict_is_left_out(changes: Document) -> None:
    kind = "deviates" if "deviation" in changes else "known deviation"
    found = compare(document(verdict(kind=kind)), document(verdict(kind=kind, **changes)))
    assert (told(found), found.unchanged) == ([], 1)


def test_places_at_which_the_same_happened_are_told_together() -> None:
    dtypes = ["float16", "bfloat16", "float32", "float64"]

    def run(*kinds: str) -> Document:
        cells = [verdict(kind=kind, dtype=dtype) for kind, dtype in zip(kinds, dtypes, strict=True)]
        return document(*cells, dtypes=dtypes)

    clean, name = run(*["conforms"] * 4), verdict()["clause"]
    assert told(compare(clean, run(*["deviates"] * 4))) == [(name, "broke everywhere: conforms -> deviates")]
    assert told(compare(clean, run("unsupported", "deviates", "conforms", "deviates"))) == [
        (name, "broke on bfloat16, float64: conforms -> deviates"),
        (name, "no longer tested on float16: conforms -> unsupported"),
    ]


def test_the_smallest_case_of_whichever_side_deviates_is_shown() -> None:
    def run(**cases: str | None) -> Document:
        cells = [
            verdict(dtype=dtype, kind="deviates", deviation=deviation(case_repr=case)) if case else verdict(dtype=dtype)
            for dtype, case in cases.items()
        ]
        return document(*cells, dtypes=list(cases))

    (broke,) = compare(run(float16=None, float32=None), run(float16="a long case", float32="short")).changes
    assert broke.evidence
    assert (broke.side, broke.evidence.where, broke.evidence.deviation["case_repr"]) == ("new", "float32", "short")
    (fixed,) = compare(run(float16="a case", float32="x"), run(float16=None, float32="x")).changes
    assert fixed.evidence
    assert (fixed.side, fixed.evidence.where) == ("old", "float16"), "what did not change shows nothing"


def test_the_witness_of_a_known_deviation_shows_it_unless_it_was_not_replayed() -> None:
    (change,) = compare(document(verdict()), document(verdict(kind="known deviation"))).changes
    assert change.evidence
    assert change.evidence.deviation == deviation()
    quiet = verdict(kind="known deviation", known=[known(deviation=None)])
    (change,) = compare(document(verdict()), document(quiet)).changes
    assert change.evidence is None


def test_what_both_sides_declare_does_not_show_what_changed() -> None:
    stays = known(deviation=deviation(case_repr="Case(0)"))
    goes = known(reason="another", deviation=deviation(case_repr="Case(a longer one)"))
    found = compare(
        document(verdict(kind="known deviation", known=[stays, goes])),
        document(verdict(kind="known deviation", known=[stays])),
    )
    evidence = found.changes[0].evidence
    assert evidence is not None
    assert evidence.deviation["case_repr"] == "Case(a longer one)"


def test_the_reasons_are_told() -> None:
    since = verdict(kind="unsupported", reason="documented since torch 2.0")
    (change,) = compare(document(since), document(verdict(kind="known deviation"))).changes
    (shift,) = change.shifts
    assert shift.said_before == ("documented since torch 2.0",)
    assert shift.said_after == (known()["reason"],)


def test_clauses_that_only_one_run_has_are_new_or_gone() -> None:
    one, both = document(verdict("a.b")), document(verdict("a.b"), verdict("a.c", "deviates"))
    for old, new, presence, words in (
        (one, both, "new", "now tested: not run -> deviates"),
        (both, one, "gone", "no longer tested: deviates -> not run"),
    ):
        found = compare(old, new)
        assert told(found) == [("a.c", words)]
        assert (found.changes[0].presence, found.unchanged) == (presence, 1)


def test_only_what_both_runs_tested_is_compared_and_the_rest_said() -> None:
    old = document(verdict(), verdict(dtype="float16"), dtypes=["float32", "float16"], profile="smoke")
    new = document(verdict(), verdict(device="cuda", kind="deviates"), devices=["cpu", "cuda"])
    found = compare(old, new)
    assert (told(found), found.unchanged) == ([], 1)
    assert found.caveats == [
        "dtypes of the older run alone, not compared: float16",
        "devices of the newer run alone, not compared: cuda",
        "different profiles: smoke, then default",
    ]


def test_runs_with_nothing_in_common_are_not_alike() -> None:
    found = compare(document(verdict(dtype="float16"), dtypes=["float16"]), document(verdict()))
    assert (told(found), found.unchanged) == ([], 0)
    assert "1 clause not compared: the runs have no dtype and device in common there" in found.caveats


def test_a_clause_that_came_to_depend_on_the_dtype_is_compared_with_its_former_self() -> None:
    cells = [verdict(dtype="float16"), verdict(dtype="float32", kind="deviates")]
    found = compare(
        document(verdict(dtype=None, device=None), dtypes=["float16", "float32"]),
        document(*cells, dtypes=["float16", "float32"]),
    )
    assert told(found) == [(verdict()["clause"], "broke on float32: conforms -> deviates")]


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
def test_how_the_runs_differ_besides_is_said(changes: Document, caveat: str) -> None:
    assert compare(document(verdict()), document(verdict(), **changes)).caveats == [caveat]
    assert compare(document(verdict()), document(verdict())).caveats == []


# -- signatures -------------------------------------------------------------------------------------------------------

POSITIONAL = "POSITIONAL_OR_KEYWORD"
PARAMETERS = [["input", POSITIONAL, ""], ["sparse", POSITIONAL, "False"], ["device", POSITIONAL, "None"]]


def signed(parameters: list[list[str]] | None, form: str = "constructor") -> Document:
    signatures = {} if parameters is None else {form: parameters}
    return document(verdict(), implementation=implementation(signatures=signatures))


@pytest.mark.parametrize(
    ("new", "expected"),
    [
        (PARAMETERS, []),
        (
            [*PARAMETERS[:2], ["_freeze", POSITIONAL, "False"], PARAMETERS[2]],
            ["_freeze added (default False) at position 3, before device, whose positions change"],
        ),
        ([*PARAMETERS, ["dtype", POSITIONAL, "None"]], ["dtype added (default None) at position 4"]),
        ([*PARAMETERS, ["dtype", "KEYWORD_ONLY", "None"]], ["dtype added (default None)"]),
        (
            [PARAMETERS[0], PARAMETERS[2]],
            ["sparse removed at position 2, before device, whose positions change"],
        ),
        ([PARAMETERS[0], PARAMETERS[2], PARAMETERS[1]], ["device moved from position 3 to 2"]),
        ([*PARAMETERS[:2], ["device", POSITIONAL, ""]], ["device: default None -> none"]),
        (
            [*PARAMETERS[:2], ["device", "KEYWORD_ONLY", "None"]],
            ["device: positional or keyword -> keyword only"],
        ),
    ],
)
def test_what_changed_in_a_signature(new: list[list[str]], expected: list[str]) -> None:
    assert signature_changes(signed(PARAMETERS), signed(new)) == [f"constructor: {each}" for each in expected]


def test_a_form_that_only_one_run_has_is_new_or_gone() -> None:
    assert signature_changes(signed(None), signed(PARAMETERS)) == ["constructor: new"]
    assert signature_changes(signed(PARAMETERS), signed(None)) == ["constructor: gone"]
    assert signature_changes(document(verdict()), signed(PARAMETERS)) == [], "older files record none"


def test_the_clause_is_told_as_the_newer_run_has_it() -> None:
    old = document(verdict(), clauses=[clause(text="As it was.")])
    (change,) = compare(old, document(verdict(kind="deviates"), clauses=[clause(text="As it is.")])).changes
    assert change.clause["text"] == "As it is."
