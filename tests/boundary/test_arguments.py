"""What a constructor does not take is said in words, is to be declared, and hides nothing else."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedding_conformance.boundary.arguments import ARGUMENTS, FEATURES, declaration, missing_arguments
from embedding_conformance.boundary.refusals import Unsupported
from embedding_conformance.cases.domain import ON
from embedding_conformance.cases.strategies import UnderTest, cases, under_test
from embedding_conformance.judging.compare import Deviation
from embedding_conformance.suite.shared import judge_signature
from embedding_conformance.suite.test_construction import SIGNATURE
from processes import Run, suite

FEW = "test_signature or test_index_dtype or test_layout or test_negative or test_given_weight"
LEDGER = ("--embedding-deviations", "known.toml")


def run(folder: Path, target: str, *more: str, declare: tuple[str, ...] = (), dtypes: str = "float32,float64") -> Run:
    """A run of some clauses, with these arguments declared not to be taken."""
    if declare:
        (folder / "known.toml").write_text(declaration(declare, "lookups only"), encoding="utf-8")
        more = (*more, *LEDGER)
    return suite(folder, f"partial:{target}", FEW, *more, dtypes=dtypes)


def signature(run: Run) -> dict[str, object]:
    return next(dict(v) for v in run.document["verdicts"] if v["clause"] == "construction.signature")


def test_the_arguments_are_those_of_the_documented_signature() -> None:
    assert tuple(name for name, *_ in SIGNATURE[2:]) == ARGUMENTS


def test_a_constructor_that_takes_anything_lacks_nothing_that_is_known() -> None:
    sizes = [("num_embeddings", "POSITIONAL_OR_KEYWORD", ""), ("embedding_dim", "POSITIONAL_OR_KEYWORD", "")]
    assert missing_arguments(sizes) == list(ARGUMENTS)
    assert missing_arguments([*sizes, ("dtype", "POSITIONAL_ONLY", "")]) == list(ARGUMENTS)
    assert missing_arguments([*sizes, ("more", "VAR_KEYWORD", "")]) == []
    assert missing_arguments([]) == []


FIRST, LAST = (("rows", "POSITIONAL_OR_KEYWORD", ""), ("order", "POSITIONAL_OR_KEYWORD", "2.0"))


@pytest.mark.parametrize("default", ["2", "2.0", "2e0"])
def test_a_default_is_judged_by_its_value(default: str) -> None:
    judge_signature("it", [FIRST, LAST], [FIRST, (*LAST[:2], default), ("more", "KEYWORD_ONLY", "None")])


@pytest.mark.parametrize(
    ("found", "observed"),
    [
        ([FIRST], "no more parameters"),
        ([FIRST, (*LAST[:2], "1.0")], "order=1.0 (POSITIONAL_OR_KEYWORD)"),
        ([FIRST, (*LAST[:2], "True")], "order=True (POSITIONAL_OR_KEYWORD)"),
        ([FIRST, ("order", "KEYWORD_ONLY", "2.0")], "order=2.0 (KEYWORD_ONLY)"),
        ([LAST, ("more", "VAR_KEYWORD", "")], "order=2.0 (POSITIONAL_OR_KEYWORD)"),
    ],
)
def test_the_first_parameter_that_differs_is_named(found: list[tuple[str, str, str]], observed: str) -> None:
    with pytest.raises(Deviation) as caught:
        judge_signature("it", [FIRST, LAST], found)
    assert caught.value.observed == observed


@pytest.mark.parametrize("kind", ["VAR_POSITIONAL", "VAR_KEYWORD"])
def test_what_a_signature_does_not_show_is_not_judged(kind: str) -> None:
    with pytest.raises(Unsupported, match="it has more, which does not show order"):
        judge_signature("it", [FIRST, LAST], [FIRST, ("more", kind, "")])


@pytest.fixture(scope="module")
def undeclared(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run(tmp_path_factory.mktemp("undeclared"), "Lookups")


def test_what_is_not_taken_and_not_declared_fails_the_run_once(undeclared: Run) -> None:
    assert undeclared.status == 1
    deviating = [name for name, verdict in undeclared.verdicts.items() if verdict == "deviates"]
    assert deviating == [("construction.signature", None)]
    documented = ", ".join(name for name in ARGUMENTS if not name.startswith("_"))
    summary = f"the constructor takes no {documented}, and that is not declared"
    assert signature(undeclared)["deviation"]["summary"] == summary  # type: ignore[index]


def test_what_needs_it_is_not_tested_and_all_else_is(undeclared: Run) -> None:
    for clause in ("sparse.layout", "construction.given-weight", "padding_idx.negative"):
        verdict = undeclared.verdict(clause)
        assert (verdict["verdict"], verdict["exercised"]) == ("unsupported", 0)
        assert "partial.Lookups takes no " in verdict["reason"]
    for dtype in ("float32", "float64"):
        assert undeclared.verdicts["lookup.index-dtype", dtype] == "conforms"


@given(st.data())
def test_cases_leave_off_what_is_not_provided_unless_it_is_asked_for(data: st.DataObject) -> None:
    token = under_test.set(UnderTest(lacks=frozenset(FEATURES)))
    try:
        plain, asked = data.draw(cases()).features(), data.draw(cases(sparse=ON, padding_idx=ON)).features()
    finally:
        under_test.reset(token)
    assert [name for name in FEATURES if plain[name]] == []
    assert [name for name in FEATURES if asked[name]] == ["padding_idx", "sparse"]


def test_the_run_says_what_to_declare_and_how(undeclared: Run) -> None:
    note = "partial.Lookups takes no padding_idx, max_norm, "
    assert undeclared.document["footer"]["notes"][0].startswith(note)
    shown = undeclared.text.split("\n\n    [[unsupported]]\n")[1].split("\n\n")[0]
    assert tomllib.loads(shown) == {"arguments": list(ARGUMENTS), "reason": "..."}


def test_declared_it_is_unsupported_for_the_reason_given(tmp_path: Path) -> None:
    declared = run(tmp_path, "Lookups", declare=ARGUMENTS)
    assert declared.status == 0, declared.text
    assert signature(declared)["verdict"] == "conforms"
    assert declared.verdict("sparse.layout")["reason"] == "lookups only"
    assert "[[unsupported]]" not in declared.text
    assert "Not tested: " in declared.text


def test_a_baseline_declares_it(tmp_path: Path) -> None:
    written = run(tmp_path, "Lookups", *LEDGER, "--embedding-baseline", "write")
    assert written.status == 1
    assert "note: 0 entries, and the arguments that are not taken (padding_idx, max_norm, " in written.text
    assert run(tmp_path, "Lookups", *LEDGER).status == 0


def test_parameters_behind_those_that_are_not_taken_may_be_keyword_only(tmp_path: Path) -> None:
    declare = tuple(name for name in ARGUMENTS if name not in ("padding_idx", "device", "dtype"))
    assert run(tmp_path, "KeywordsOnly", declare=declare).status == 0
    misplaced = run(tmp_path, "Misplaces", declare=tuple(set(ARGUMENTS) - {"padding_idx", "sparse"}))
    assert signature(misplaced)["deviation"]["summary"] == "the constructor's signature differs"  # type: ignore[index]


def test_a_declaration_that_no_longer_holds_is_pointed_out(tmp_path: Path) -> None:
    stale = signature(run(tmp_path, "KeywordsOnly", declare=ARGUMENTS))["deviation"]
    assert stale["summary"] == "what is taken though declared not to be differs"  # type: ignore[index]
    assert stale["observed"] == "['padding_idx', 'device', 'dtype']"  # type: ignore[index]


def test_declared_but_ignored_is_a_deviation(tmp_path: Path) -> None:
    ignored = run(tmp_path, "Swallows", declare=ARGUMENTS)
    summary = ignored.verdict("sparse.layout")["deviation"]["summary"]
    assert summary == "sparse=True is declared unsupported (lookups only) but is not refused"


def test_who_differentiates_complex_weights_where_torch_does_not_is_not_accused(tmp_path: Path) -> None:
    """Nothing is documented of such a gradient; lookups are those of a frozen weight, as for torch's own."""
    declare = tuple(name for name in ARGUMENTS if name not in ("device", "dtype"))
    gathers = run(tmp_path, "Gathers", declare=declare, dtypes="complex64")
    assert gathers.status == 0, gathers.text
    assert gathers.verdicts["lookup.index-dtype", "complex64"] in ("conforms", "unsupported")
    again = suite(tmp_path, "partial:Gathers", "test_bits or test_sum", *LEDGER, dtypes="complex64", profile="default")
    assert again.verdicts["lookup.bits", "complex64"] == "conforms"
    verdict = again.verdict("gradient.sum", "complex64")
    assert verdict["reason"] == "not asked: torch's embedding is not differentiable for complex weights"
