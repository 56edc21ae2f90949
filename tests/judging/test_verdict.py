"""What came of a clause becomes one verdict, and the verdict says whether the run fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis.errors import FlakyFailure

import plain
from embedding_conformance.boundary.adapter import Declared, Died, Refused, Unsupported
from embedding_conformance.cases.case import Case
from embedding_conformance.cases.strategies import cases
from embedding_conformance.judging.clause import INFO, MUST, SHOULD, Clause, clause
from embedding_conformance.judging.compare import Deviation
from embedding_conformance.judging.subject import Subject
from embedding_conformance.running.ledger import Entry
from embedding_conformance.running.options import Options
from embedding_conformance.running.session import Session
from embedding_conformance.suite.catalogue import clauses
from examples import case

OPTIONS = Options(
    target="plain:Plain",
    isolation="auto",
    devices=("cpu",),
    dtypes=("float32",),
    profile_name="default",
    deviations="",
    level="should",
    results=None,
    html=None,
    baseline="",
)
ENOUGH = OPTIONS.profile.enough

DEVIATES = Deviation("it differs", expected="this", observed="that")
COMES_AND_GOES = FlakyFailure("comes and goes", [DEVIATES])
FIXED = {"deviation": None, "inherited": False, "reason": "it was so"}
STILL = {**FIXED, "deviation": {"summary": "it is so"}}


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    made = Session(OPTIONS, clauses())
    yield made
    made.close()


def a_clause(level: str = MUST, **more: Any) -> Clause:
    return Clause("section.name", level, "sparse", "It holds.", "doc", draws=True, **more)


def verdict(
    session: Session,
    about: Clause,
    *,
    known: list[dict[str, Any]] | None = None,
    error: Exception | None = None,
    **tally: Any,
) -> dict[str, Any]:
    subject = session.subject(about, "float32", "cpu")
    subject.tally = replace(subject.tally, **tally)
    return session.verdict(about, subject, known or [], error, 1.0)


@pytest.mark.parametrize(
    ("given", "name", "fails", "reason"),
    [
        ({"cases": 60, "exercised": ENOUGH}, "conforms", False, None),
        ({"cases": 60, "exercised": ENOUGH - 1}, "not exercised", False, "5 of 60 cases met the precondition; 6 are"),
        ({"cases": 60}, "not exercised", False, "0 of 60"),
        ({"cases": 60, "unsupported": 60, "reason": "no such type"}, "unsupported", False, "no such type"),
        ({"cases": 60, "unsupported": 55, "exercised": 5}, "not exercised", False, "6 are needed (55 were unsupported"),
        ({"cases": 60, "unsupported": 50, "exercised": 10}, "conforms", False, None),
        ({"cases": 60, "exercised": 60, "error": DEVIATES}, "deviates", True, None),
        ({"cases": 60, "exercised": 60, "error": COMES_AND_GOES}, "deviates", True, "did not fail again"),
        ({"cases": 60, "exercised": 60, "error": ZeroDivisionError("ours")}, "error", True, "ZeroDivisionError: ours"),
        ({"cases": 60, "exercised": 60, "known": [STILL]}, "known deviation", False, None),
        ({"cases": 60, "known": [STILL]}, "known deviation", False, None),
        ({"cases": 60, "exercised": 60, "known": [FIXED]}, "conforms", True, "fixed: remove this entry (it was so)"),
        ({"cases": 60, "exercised": 60, "known": [FIXED, STILL]}, "known deviation", True, "fixed: remove this entry"),
        ({"cases": 60, "exercised": 60, "known": [{**FIXED, "inherited": True}]}, "conforms", False, None),
        ({"cases": 60, "exercised": 60, "known": [STILL], "error": DEVIATES}, "deviates", True, None),
    ],
)
def test_verdicts(session: Session, given: dict[str, Any], name: str, fails: bool, reason: str | None) -> None:
    came = verdict(session, a_clause(), **given)
    assert (came["verdict"], came["fails"]) == (name, fails)
    assert reason is None if came["reason"] is None else reason is not None
    assert (reason or "") in (came["reason"] or "")


@pytest.mark.parametrize(
    ("level", "counts", "fails"),
    [
        (MUST, "should", True),
        (MUST, "must", True),
        (SHOULD, "should", True),
        (SHOULD, "must", False),
        (INFO, "should", False),
        (INFO, "must", False),
    ],
)
def test_levels(monkeypatch: pytest.MonkeyPatch, session: Session, level: str, counts: str, fails: bool) -> None:
    monkeypatch.setattr(session, "options", replace(OPTIONS, level=counts))
    came = verdict(session, a_clause(level), error=DEVIATES)
    assert (came["verdict"], came["fails"]) == ("deviates", fails)


def test_a_clause_may_ask_for_more_cases_than_the_profile(session: Session) -> None:
    assert verdict(session, a_clause(enough=25), cases=60, exercised=24)["verdict"] == "not exercised"
    assert verdict(session, a_clause(enough=25), cases=60, exercised=25)["verdict"] == "conforms"


def test_what_is_about_no_dtype_has_none(session: Session) -> None:
    came = verdict(session, a_clause(dtypes="none"), cases=1, exercised=60)
    assert (came["dtype"], came["device"]) == (None, None)


# -- one case ---------------------------------------------------------------------------------------------------------


def subject(*unsupported: Declared, adapter: type[plain.Plain] = plain.Plain) -> Subject:
    made = adapter()
    return Subject(made, replace(made.describe(), unsupported=unsupported), "float32", "cpu")


def fine(embedding: Subject, case: Case) -> None:
    embedding.run(case, backward=False)


def raising(error: BaseException) -> Callable[..., None]:
    def body(embedding: Subject, case: Case) -> None:
        fine(embedding, case)
        raise error

    return body


def test_a_case_counts_where_it_meets_the_precondition() -> None:
    about = a_clause(when=lambda c: c.config.sparse)
    embedding = subject()
    for sparse in (True, False):
        embedding.examine(about, fine, case(sparse=sparse))
    assert (embedding.tally.cases, embedding.tally.exercised) == (2, 1)


def test_a_known_case_is_not_run() -> None:
    embedding = subject()
    embedding.start(known=[{"sparse": True, "dtype": ["float16", "float32"], "device": "cpu"}])
    embedding.examine(a_clause(), raising(DEVIATES), case(sparse=True))
    assert (embedding.tally.covered, embedding.tally.exercised) == (1, 0)
    with pytest.raises(Deviation):
        embedding.examine(a_clause(), raising(DEVIATES), case())


@pytest.mark.parametrize(
    ("fixed", "tally", "name", "fails"), [(False, (0, 1), "known deviation", False), (True, (1, 0), "conforms", True)]
)
def test_a_known_deviation_of_a_clause_without_cases(
    session: Session, fixed: bool, tally: tuple[int, int], name: str, fails: bool
) -> None:
    """It is replayed, and then not run again; once fixed, it is."""
    about = replace(a_clause(), id="construction.normal", draws=False)
    session.ledger.deviations.append(Entry(about.id, {"dtype": "float32"}, "known", witness=None))
    runs = []

    def body(embedding: Subject, case: Case | None = None) -> None:
        def run(_: Subject) -> None:
            runs.append(case)
            if not fixed:
                raise DEVIATES

        embedding.examine(about, run, case)

    embedding = session.subject(about, "float32", "cpu")
    known = session.replay(about, embedding, body)
    body(embedding)
    session.ledger.deviations.clear()
    assert len(runs) == 1 + fixed
    assert (embedding.tally.exercised, embedding.tally.covered) == tally
    found = session.verdict(about, embedding, known, None, 1.0)
    assert (found["verdict"], found["fails"]) == (name, fails)


@pytest.mark.parametrize(
    ("error", "summary"),
    [
        (DEVIATES, "it differs"),
        (Refused("index", "IndexError", "no"), "a call that the contract allows was refused"),
        (Died("died (SIGSEGV)"), "the implementation did not survive the call"),
        (SystemExit(3), "the implementation did not survive the call"),
    ],
)
def test_a_deviation_carries_the_case_and_the_calls(error: BaseException, summary: str) -> None:
    embedding, about = subject(), a_clause()
    with pytest.raises(Deviation) as caught:
        embedding.examine(about, raising(error), case())
    assert caught.value.summary == summary
    assert caught.value.case == case()
    assert [call.verb for call in caught.value.calls] == ["make", "forward", "weight"]


def test_what_the_adapter_does_not_provide_is_unsupported() -> None:
    embedding = subject()
    embedding.examine(a_clause(), raising(Unsupported("no such verb")), case())
    assert (embedding.tally.unsupported, embedding.tally.reason, embedding.tally.exercised) == (1, "no such verb", 0)


def test_what_is_declared_unsupported_counts_as_such_where_it_is_refused() -> None:
    embedding = subject(Declared({"dtype": "float32"}, "float64 is enough"), adapter=plain.OnlyFloat64)
    embedding.examine(a_clause(), raising(DEVIATES), case())
    assert (embedding.tally.unsupported, embedding.tally.reason) == (1, "float64 is enough")


@pytest.mark.parametrize("order", [("float32", "float64"), ("float64", "float32")])
def test_why_a_clause_is_unsupported_is_what_it_ran_into_itself(order: tuple[str, str]) -> None:
    """Not what is declared of some of its cases."""
    embedding = subject(Declared({"dtype": "float32"}, "float64 is enough"), adapter=plain.OnlyFloat64)
    for dtype in order:
        embedding.examine(a_clause(), raising(Unsupported("no such verb")), case(dtype=dtype))
    assert (embedding.tally.unsupported, embedding.tally.reason) == (2, "no such verb")


def test_what_is_declared_unsupported_but_accepted_deviates() -> None:
    embedding = subject(Declared({"freeze": True}, "always trained"))
    with pytest.raises(Deviation, match="declared unsupported"):
        embedding.examine(a_clause(), fine, case(freeze=True))


def test_the_decorator_reads_the_clause_off_its_test() -> None:
    @clause("section.drawn", SHOULD, argument="sparse", doc="doc", may_crash=True)
    @given(cases())
    def drawn(embedding: Subject, case: Case) -> None:
        """One sentence,   of words."""

    @clause("section.once", MUST, argument="sparse", doc="doc")
    def once(embedding: Subject) -> None:
        """Another."""

    assert (drawn.clause.text, drawn.clause.section) == ("One sentence, of words.", "section")
    assert (drawn.clause.draws, drawn.clause.may_crash, drawn.clause.level) == (True, True, "SHOULD")
    assert (once.clause.draws, once.clause.may_crash) == (False, False)
