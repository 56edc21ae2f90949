"""Counting: what a run says about each clause, and about the implementation in one line."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from embedding_reports.results import Document

VERDICTS = ("conforms", "deviates", "known deviation", "unsupported", "not exercised", "error")
LEVELS = ("MUST", "SHOULD", "INFO")
NOT_RUN = "not run"
"""The outcome of a clause without a verdict: it was deselected, or the run ended before it."""

# A clause's outcome is the first of these that any of its cells has. `unsupported` comes after `conforms` because
# it is declared per dtype and device: the clause is then judged by the cells in which it was tested.
PRECEDENCE = ("deviates", "error", "known deviation", "not exercised", "conforms", "unsupported")

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
        hit_errors: clauses with an error in any cell, whatever their outcome.
        partly_unsupported: clauses with an outcome of another kind that are unsupported on some dtype or device.
        failing_otherwise: clauses that fail the run although they neither deviate nor hit an error.
        unchecked: why it was not tested whether indices are checked, where that is declared; else "".
    """

    name: str
    complete: bool
    absence: str | None
    outcomes: Mapping[str, str]
    deviating: Mapping[str, int]
    hit_errors: int
    partly_unsupported: int
    failing_otherwise: int
    unchecked: str

    def count(self, outcome: str) -> int:
        """How many clauses have this outcome."""
        return sum(found == outcome for found in self.outcomes.values())

    @property
    def tested(self) -> int:
        """How many clauses say something about the implementation: the denominator of every count."""
        return sum(map(self.count, ("conforms", "deviates", "known deviation")))

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
        if self.count("deviates"):
            return "deviates"
        return "known" if self.count("known deviation") else "conforms"


def summarise(document: Document) -> Summary:
    """Count a validated results document, clause by clause."""
    cells: dict[str, list[Document]] = {clause["id"]: [] for clause in document["clauses"]}
    for verdict in document["verdicts"]:
        cells[verdict["clause"]].append(verdict)
    outcomes = {name: outcome(verdicts) for name, verdicts in cells.items()}
    found = {name: {verdict["verdict"] for verdict in verdicts} for name, verdicts in cells.items()}
    failing = {name for name, verdicts in cells.items() if any(verdict["fails"] for verdict in verdicts)}
    implementation = document["header"]["implementation"]
    return Summary(
        name=" ".join(f"{implementation['name']} {implementation['version']}".split()),
        complete=document["footer"]["complete"],
        absence=absence(document),
        outcomes=outcomes,
        deviating=Counter(clause["level"] for clause in document["clauses"] if outcomes[clause["id"]] == "deviates"),
        hit_errors=sum("error" in kinds for kinds in found.values()),
        partly_unsupported=sum("unsupported" in kinds and len(kinds) > 1 for kinds in found.values()),
        failing_otherwise=sum(not found[name] & {"deviates", "error"} for name in failing),
        unchecked=_unchecked(cells.get("lookup.out-of-range", [])),
    )


def _unchecked(verdicts: Iterable[Document]) -> str:
    """The reason, for those who look for safety, where no cell of the clause was tested."""
    found = {verdict["verdict"]: verdict["reason"] for verdict in verdicts}
    return (found["unsupported"] or "no reason was recorded") if set(found) == {"unsupported"} else ""


def absence(document: Document) -> str | None:
    """Why the run did not take place, as `absent.not_run` put it down; None if it did, at least in part."""
    if document["verdicts"] or document["footer"]["complete"]:
        return None
    return " ".join(document["footer"]["notes"]) or "no reason was recorded"


def outcome(verdicts: Iterable[Document]) -> str:
    """The outcome of one clause, given the verdicts of all its cells.

    It is `conforms` only if every cell in which the clause was tested conforms.
    """
    found = {verdict["verdict"] for verdict in verdicts}
    return next((verdict for verdict in PRECEDENCE if verdict in found), NOT_RUN)


def headline(document: Document) -> str:
    """The answer of one run in one line of plain text."""
    return " ".join(sentences(document))


def sentences(document: Document) -> list[str]:
    """The one-line answer, in sentences: what was found out, what was not tested, if the adapter is suspect."""
    summary = summarise(document)
    if summary.absence is not None:
        return [f"{summary.name} did not run: {summary.absence}"]
    answer = f"{summary.name} {_finding(summary)}"
    if not summary.complete:
        answer = f"Incomplete run: {answer}"
    remarks = []
    if deviating := summary.count("deviates"):
        levels = ", ".join(f"{summary.deviating[level]} {level}" for level in LEVELS if summary.deviating[level])
        remarks.append(f"{verb(deviating, 'deviates', 'deviate')} ({levels})")
    if known := summary.count("known deviation"):
        remarks.append(verb(known, "is a known deviation", "are known deviations"))
    if summary.hit_errors:
        remarks.append(f"{clauses(summary.hit_errors)} hit an error")
    if summary.failing_otherwise:
        fail = "fails" if summary.failing_otherwise == 1 else "fail"
        remarks.append(f"{clauses(summary.failing_otherwise)} {fail} the run for another reason")
    result = [f"{'; '.join(filter(None, [answer, ', '.join(remarks)]))}."]
    untested = [
        f"{number} {what}"
        for number, what in (
            (summary.count("unsupported"), "unsupported"),
            (summary.partly_unsupported, "unsupported in part"),
            (summary.count("not exercised"), "not exercised"),
            (summary.count(NOT_RUN), NOT_RUN),
        )
        if number
    ]
    if untested:
        result.append(f"Not tested: {', '.join(untested)}.")
    if summary.unchecked:
        result.append(f"Whether an index out of range is refused was not tested: {summary.unchecked}.")
    if wiring := document["footer"].get("wiring"):
        result.append(
            f"Look at the adapter first: {wiring} of the plainest cases {'comes' if wiring == 1 else 'come'} out wrong."
        )
    return result


def clauses(number: int) -> str:
    """`1 clause`, `2 clauses`."""
    return f"{number} clause" if number == 1 else f"{number} clauses"


def _finding(summary: Summary) -> str:
    conforming, tested = summary.count("conforms"), summary.tested
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
