"""What came of a clause becomes one verdict, and the verdict says whether the run fails."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

import plain
from embedding_conformance.boundary.description import Declared
from embedding_conformance.boundary.refusals import Died, Refused, Unsupported
from embedding_conformance.cases.case import Case
from embedding_conformance.cases.domain import OFF, Domain
from embedding_conformance.judging.clause import INFO, MUST, SHOULD, Clause, clause
from embedding_conformance.judging.compare import ENDS, Deviation
from embedding_conformance.judging.known import MOST_ENDINGS, KnownDeviation
from embedding_conformance.judging.subject import Subject
from embedding_conformance.judging.tally import Tally
from embedding_conformance.ledgers.ledger import Entry
from embedding_conformance.running.options import Options
from embedding_conformance.running.profiles import PROFILES
from embedding_conformance.running.search import Search
from embedding_conformance.running.session import Session
from embedding_conformance.running.together import Examiner
from embedding_conformance.running.verdict import Record, verdict_of
from embedding_conformance.suite.catalogue import clauses
from embedding_reference import Tensor
from embedding_reports.outcomes import Outcome
from embedding_reports.records import Evidence, Known, Verdict
from examples import case

ENOUGH = 6

SHOWN = Evidence("it differs", None, "", "this", "that")
FIXED = Known("it was so", None, "", {}, inherited=False, deviation=None)
STILL = replace(FIXED, deviation=SHOWN)


def a_clause(level: str = MUST, **more: Any) -> Clause:
    return Clause("section.name", level, "It holds.", body=lambda: None, **more)


def verdict(about: Clause, *, level: str = "should", tally: dict[str, Any] | None = None, **more: Any) -> Verdict:
    record = Record(about, "float32", "cpu", replace(Tally(), **(tally or {})), about.enough or ENOUGH)
    return verdict_of(replace(record, **more), level)


@pytest.mark.parametrize(
    ("tally", "more", "outcome", "fails", "reason"),
    [
        ((60, ENOUGH), {}, Outcome.CONFORMS, False, None),
        ((60, ENOUGH - 1), {}, Outcome.NOT_EXERCISED, False, "5 of 60 cases could have failed; 6 are"),
        ((60, 0), {}, Outcome.NOT_EXERCISED, False, "0 of 60"),
        ((60, 0, 60, "no such type"), {}, Outcome.UNSUPPORTED, False, "no such type"),
        ((60, 5, 55, "why"), {}, Outcome.NOT_EXERCISED, False, "6 are needed (55 were unsupported: why"),
        ((60, 10, 50, "why"), {}, Outcome.CONFORMS, False, None),
        ((60, 60), {"deviation": SHOWN}, Outcome.DEVIATES, True, None),
        ((60, 60), {"deviation": SHOWN, "remark": "it came and went"}, Outcome.DEVIATES, True, "it came and went"),
        ((60, 60), {"deviation": SHOWN, "undermined": "not the same"}, Outcome.ERROR, True, "not the same"),
        ((60, 60), {"error": ZeroDivisionError("ours")}, Outcome.ERROR, True, "ZeroDivisionError: ours"),
        ((60, 60), {"known": (STILL,)}, Outcome.KNOWN_DEVIATION, False, None),
        ((60, 0), {"known": (STILL,)}, Outcome.KNOWN_DEVIATION, False, None),
        ((60, 60), {"known": (FIXED,)}, Outcome.CONFORMS, True, "fixed: remove this entry (it was so)"),
        ((60, 60), {"known": (FIXED, STILL)}, Outcome.KNOWN_DEVIATION, True, "fixed: remove this entry"),
        ((60, 60), {"known": (replace(FIXED, inherited=True),)}, Outcome.CONFORMS, False, None),
        ((60, 60), {"known": (STILL,), "deviation": SHOWN}, Outcome.DEVIATES, True, None),
    ],
)
def test_verdicts(tally: tuple[Any, ...], more: dict[str, Any], outcome: Outcome, fails: bool, reason: str) -> None:
    counted = dict(zip(("cases", "exercised", "unsupported", "reason"), tally, strict=False))
    found = verdict(a_clause(), tally=counted, **more)
    assert (found.outcome, found.fails) == (outcome, fails)
    assert (found.reason is None) == (reason is None)
    assert (reason or "") in (found.reason or "")
    assert (found.deviation is not None) == (outcome is Outcome.DEVIATES)


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
def test_levels(level: str, counts: str, fails: bool) -> None:
    found = verdict(a_clause(level), level=counts, deviation=SHOWN)
    assert (found.outcome, found.fails) == (Outcome.DEVIATES, fails)


def test_what_is_about_no_dtype_has_none() -> None:
    found = verdict(a_clause(dtypes="none"), tally={"cases": 1, "exercised": 60})
    assert (found.dtype, found.device) == (None, None)


# -- a search ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def session() -> Iterator[Session]:
    """A run on a plain implementation."""
    made = Session(Options("plain:Plain", "auto", ("cpu",), ("float32",), PROFILES["default"], "", "should"), clauses())
    yield made
    made.close()


def searched(session: Session, about: Clause) -> Verdict:
    examiner = Examiner(session, [], Search(session.options.profile, "1"))
    return examiner.examine(about, "float32", "cpu").verdict


def test_a_clause_may_ask_for_more_cases_than_the_profile(session: Session) -> None:
    assert session.enough(a_clause(domain=Domain(), enough=25)) == 25
    assert session.enough(a_clause(domain=Domain())) == PROFILES["default"].enough
    assert session.enough(a_clause()) == 1


def test_what_comes_and_goes_deviates_and_says_so(session: Session) -> None:
    times = itertools.count()

    def body(embedding: Subject, case: Case) -> None:
        fine(embedding, case)
        if next(times) == 3:
            raise DEVIATES

    found = searched(session, replace(a_clause(domain=Domain(max_norm=OFF, sparse=OFF)), body=body))
    assert (found.outcome, found.reason) == (Outcome.DEVIATES, "did not fail again when run once more")


@pytest.mark.parametrize("error", [ZeroDivisionError("ours"), BaseException("a panic")])
def test_whatever_a_test_ends_with_there_is_a_verdict(session: Session, error: BaseException) -> None:
    found = searched(session, replace(a_clause(domain=Domain()), body=raising(error)))
    assert (found.outcome, found.fails) == (Outcome.ERROR, True)


DEVIATES = Deviation("it differs", expected="this", observed="that")


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
    about = a_clause(domain=Domain(where=lambda c: c.config.sparse))
    embedding = subject()
    for sparse in (True, False):
        embedding.examine(about, fine, case(sparse=sparse))
    assert (embedding.tally.cases, embedding.tally.exercised) == (2, 1)


def test_a_case_that_deviates_as_is_known_is_noted_and_not_raised() -> None:
    embedding = subject()
    known = KnownDeviation({"sparse": True, "dtype": ["float16", "float32"], "device": "cpu"}, ["it differs"], "cpu")
    embedding.examination.start([known])
    embedding.examine(a_clause(), raising(DEVIATES), case(sparse=True))
    assert (embedding.tally.declared, embedding.tally.exercised, embedding.tally.deviated) == (1, 0, False)
    assert (known.covered, known.shown, known.deviation) == (1, 1, DEVIATES)
    embedding.examine(a_clause(), fine, case(sparse=True))
    assert (known.covered, known.shown, embedding.tally.exercised) == (2, 1, 1)
    with pytest.raises(Deviation):
        embedding.examine(a_clause(), raising(DEVIATES), case())


def test_a_case_that_deviates_otherwise_than_is_known_is_raised() -> None:
    embedding = subject()
    embedding.examination.start([KnownDeviation({"sparse": True}, ["another thing differs", "raises"], "cpu")])
    with pytest.raises(Deviation, match="it differs"):
        embedding.examine(a_clause(), raising(DEVIATES), case(sparse=True))


class Zeroes(plain.Plain):
    """Gives zeros for whatever is looked up."""

    def answer(self, data: bytes, index: Tensor) -> bytes:  # noqa: ARG002
        return bytes(len(data))


def test_what_is_left_of_a_case_is_judged_after_what_is_known() -> None:
    """The output is as the fault model has it, and the body goes on to what is not."""
    embedding = subject(adapter=Zeroes)

    def body(embedding: Subject, case: Case) -> None:
        observed = embedding.run(case, backward=False)
        embedding.judge("output", embedding.permits(case).output, observed.output)
        raise Deviation("and then it differs", expected="this", observed="that")

    embedding.examination.start([KnownDeviation({}, ["ZeroesTheOutput"], "cpu")])
    with pytest.raises(Deviation, match="and then it differs"):
        embedding.examine(a_clause(), body, case())
    embedding.examination.start([KnownDeviation({}, ["DoublesTheOutput"], "cpu")])
    with pytest.raises(Deviation, match="output differs"):
        embedding.examine(a_clause(), body, case())


def test_known_deviations_that_end_the_process_are_seen_a_few_times() -> None:
    embedding = subject()
    known = KnownDeviation({}, [ENDS], "cpu")
    embedding.examination.start([known])
    for _ in range(10):
        embedding.examine(a_clause(), raising(Died("died (SIGSEGV)")), case())
    assert (known.shown, known.left_out) == (MOST_ENDINGS, 10 - MOST_ENDINGS)


@pytest.mark.parametrize(
    ("does", "observed", "outcome", "fails"),
    [
        ("it differs", DEVIATES, Outcome.KNOWN_DEVIATION, False),
        ("it differs", None, Outcome.CONFORMS, True),
        ("another thing differs", DEVIATES, Outcome.DEVIATES, True),
    ],
)
def test_a_known_deviation_of_a_clause_without_cases(
    session: Session, does: str, observed: Deviation | None, outcome: Outcome, fails: bool
) -> None:
    """It is replayed, and then judged like any other."""

    def body(_: Subject) -> None:
        if observed:
            raise observed

    about = replace(a_clause(), id="construction.normal", body=body)
    session.ledger.deviations.append(Entry((about.id,), {"dtype": "float32"}, (does,), "known"))
    verdict = searched(session, about)
    assert (verdict.outcome, verdict.fails) == (outcome, fails)
    if outcome is Outcome.DEVIATES:
        assert verdict.reason == "otherwise than the ledger says (another thing differs): known"


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


def test_what_the_adapter_does_not_provide_was_not_asked() -> None:
    embedding = subject()
    embedding.examine(a_clause(), raising(Unsupported("no such verb")), case())
    tally = embedding.tally
    assert (tally.unsupported, tally.reason, tally.exercised) == (1, "not asked: no such verb", 0)


def test_what_is_declared_was_not_asked_where_the_adapter_refuses_it() -> None:
    embedding = subject(adapter=plain.Plain)  # which refuses max_norm in its embedding's place
    embedding.examine(a_clause(), fine, case(max_norm=1.0))
    assert (embedding.tally.unsupported, embedding.tally.reason) == (1, f"not asked: {plain.NO_MAX_NORM.reason}")


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
    assert (embedding.tally.unsupported, embedding.tally.reason) == (2, "not asked: no such verb")


def test_what_is_declared_unsupported_but_accepted_deviates() -> None:
    embedding = subject(Declared({"freeze": True}, "always trained"))
    with pytest.raises(Deviation, match="declared unsupported"):
        embedding.examine(a_clause(), fine, case(freeze=True))


def test_the_decorator_reads_the_clause_off_its_test() -> None:
    domain = Domain()

    @clause(SHOULD, domain, section="sparse", may_crash=True)
    def test_drawn_well(embedding: Subject, case: Case) -> None:
        """One sentence,   of words."""

    @clause(MUST, section="section", argument="dtype", doc="Module.to")
    def test_once(embedding: Subject) -> None:
        """Another."""

    drawn, once = test_drawn_well.clause, test_once.clause
    assert (drawn.id, drawn.text, drawn.section) == ("sparse.drawn-well", "One sentence, of words.", "sparse")
    assert (drawn.domain, drawn.may_crash, drawn.level) == (domain, True, "SHOULD")
    assert (drawn.argument, drawn.doc) == ("sparse", "sparse")
    assert (once.id, once.domain, once.may_crash) == ("section.once", None, False)
    assert (once.argument, once.doc) == ("dtype", "Module.to")


def test_a_clause_is_not_run_by_calling_its_test() -> None:
    @clause(MUST)
    def test_once(embedding: Subject) -> None:
        """It holds."""

    with pytest.raises(RuntimeError, match="run by pytest"):
        test_once(None)
