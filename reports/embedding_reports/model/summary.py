"""Counting: the outcome of each clause, and the answer of a run in one line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from embedding_reports.model.by_clause import by_clause
from embedding_reports.outcomes import LEVELS, TESTED, Level, Outcome
from embedding_reports.records import Results, Verdict

UNTESTED = (Outcome.UNSUPPORTED, Outcome.NOT_EXERCISED, Outcome.NOT_RUN)
"""The outcomes of clauses that were not tested, though nothing went wrong."""


BOUNDS = "lookup.out-of-range"
"""The clause that says that indices are checked."""

NO_REASON = "no reason was recorded"

Standing = Literal["absent", "incomplete", "errors", "untested", "deviates", "known", "conforms"]


@dataclass(frozen=True)
class Summary:
    """The counts behind every one-line answer.

    Attributes:
        name: the implementation and its version.
        complete: whether the run went to its end.
        absence: why there was no run at all; None where there was one.
        outcomes: outcome per clause id, in the order of the contract.
        deviating: how many clauses deviate, per level.
        hit_errors: clauses with an error on any dtype or device, whatever their outcome.
        partly_unsupported: clauses with an outcome of another kind that are unsupported on some dtype or device.
        failing_otherwise: clauses that fail the run although they neither deviate nor hit an error.
        unchecked: why it was not tested whether indices are checked, where that is declared; else "".
    """

    name: str
    complete: bool
    absence: str | None
    outcomes: Mapping[str, Outcome]
    deviating: Mapping[Level, int]
    hit_errors: int
    partly_unsupported: int
    failing_otherwise: int
    unchecked: str

    def count(self, outcome: Outcome) -> int:
        """How many clauses have this outcome."""
        return sum(found is outcome for found in self.outcomes.values())

    @property
    def tested(self) -> int:
        """How many clauses say something about the implementation: the denominator of every count."""
        return sum(map(self.count, TESTED))

    @property
    def bounds(self) -> Outcome:
        """Whether indices are checked."""
        return self.outcomes.get(BOUNDS, Outcome.NOT_RUN)

    @property
    def standing(self) -> Standing:
        """The run in one word; what makes its counts untrustworthy comes first."""
        if self.absence is not None:
            return "absent"
        if not self.complete:
            return "incomplete"
        if self.hit_errors:
            return "errors"
        if not self.tested:
            return "untested"
        if self.count(Outcome.DEVIATES):
            return "deviates"
        return "known" if self.count(Outcome.KNOWN_DEVIATION) else "conforms"


def summarise(run: Results) -> Summary:
    """Count the verdicts of a run, clause by clause."""
    found = by_clause(run)
    each = found.values()
    implementation = run.header.implementation
    return Summary(
        name=" ".join(f"{implementation.name} {implementation.version}".split()),
        complete=run.footer.complete,
        absence=absence(run),
        outcomes={name: one.outcome for name, one in found.items()},
        deviating=Counter(one.clause.level for one in each if one.outcome is Outcome.DEVIATES),
        hit_errors=sum(Outcome.ERROR in one.outcomes for one in each),
        partly_unsupported=sum(Outcome.UNSUPPORTED in one.outcomes and len(one.outcomes) > 1 for one in each),
        failing_otherwise=sum(one.fails and not {Outcome.DEVIATES, Outcome.ERROR} & {*one.outcomes} for one in each),
        unchecked=_unchecked(found[BOUNDS].verdicts) if BOUNDS in found else "",
    )


def _for_causes(run: Results) -> str:
    """How many causes the deviations have, where that is known."""
    count = len(run.causes)
    return f" for {'one cause' if count == 1 else f'{count} causes'}" if count else ""


def _unchecked(verdicts: Iterable[Verdict]) -> str:
    """The reason, for those who look for safety, where the clause was tested on no dtype and device."""
    reasons = {verdict.outcome: verdict.reason for verdict in verdicts}
    return (reasons[Outcome.UNSUPPORTED] or NO_REASON) if set(reasons) == {Outcome.UNSUPPORTED} else ""


def absence(run: Results) -> str | None:
    """Why the run did not take place, as `absent.not_run` put it down; None if it did, at least in part."""
    if run.verdicts or run.footer.complete:
        return None
    return " ".join(run.footer.notes) or NO_REASON


def headline(run: Results) -> str:
    """The answer of one run in one line of plain text."""
    return " ".join(sentences(run))


def sentences(run: Results) -> list[str]:
    """The one-line answer, in sentences: what was found out, what was not tested, if the adapter is suspect."""
    summary = summarise(run)
    if summary.absence is not None:
        return [f"{summary.name} did not run: {summary.absence}"]
    answer = f"{summary.name} {_finding(summary)}"
    if not summary.complete:
        answer = f"Incomplete run: {answer}"
    remarks = []
    if deviating := summary.count(Outcome.DEVIATES):
        levels = ", ".join(f"{summary.deviating[level]} {level}" for level in LEVELS if summary.deviating[level])
        remarks.append(f"{verb(deviating, 'deviates', 'deviate')}{_for_causes(run)} ({levels})")
    if known := summary.count(Outcome.KNOWN_DEVIATION):
        remarks.append(verb(known, "is a known deviation", "are known deviations"))
    if summary.hit_errors:
        remarks.append(f"{clauses(summary.hit_errors)} hit an error")
    if summary.failing_otherwise:
        fail = "fails" if summary.failing_otherwise == 1 else "fail"
        remarks.append(f"{clauses(summary.failing_otherwise)} {fail} the run for another reason")
    result = [f"{'; '.join(filter(None, [answer, ', '.join(remarks)]))}."]
    if untested := untested_words(summary):
        result.append(f"Not tested: {', '.join(untested)}.")
    if summary.unchecked:
        result.append(f"Whether an index out of range is refused was not tested: {summary.unchecked}.")
    if wiring := run.footer.wiring:
        result.append(
            f"Look at the adapter first: {wiring} of the plainest cases {'comes' if wiring == 1 else 'come'} out wrong."
        )
    return result


def untested_words(summary: Summary) -> list[str]:
    """What was not tested, in words: "2 unsupported", "1 not exercised"."""
    counts = [(summary.count(outcome), str(outcome)) for outcome in UNTESTED]
    counts.insert(1, (summary.partly_unsupported, "unsupported in part"))
    return [f"{number} {words}" for number, words in counts if number]


def clauses(number: int) -> str:
    """`1 clause`, `2 clauses`."""
    return f"{number} clause" if number == 1 else f"{number} clauses"


def _finding(summary: Summary) -> str:
    conforming, tested = summary.count(Outcome.CONFORMS), summary.tested
    so_far = "" if summary.complete else " so far"
    if not tested:
        return f"was tested on no clause{so_far}"
    # "all" is for runs in which nothing went wrong: elsewhere it reads like more than it is.
    if conforming == tested and summary.complete and not summary.hit_errors:
        return f"conforms to {'the one clause' if tested == 1 else f'all {tested} clauses'} tested"
    return f"conforms to {conforming} of {clauses(tested)} tested{so_far}"


def verb(number: int, one: str, many: str) -> str:
    """`1 deviates`, `2 deviate`."""
    return f"{number} {one if number == 1 else many}"
