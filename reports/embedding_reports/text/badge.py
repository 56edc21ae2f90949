"""The badge: one run as a shields.io endpoint document (https://shields.io/badges/endpoint-badge)."""

from __future__ import annotations

from embedding_reports.model.causes import causes, diagnosed
from embedding_reports.model.summary import Standing, Summary, clauses, summarise, untested_words
from embedding_reports.outcomes import Outcome
from embedding_reports.records import Results

_PART = "yellowgreen"
"""Where all that was tested conforms, but not all was: the colour of a whole answer is for whole answers."""

_COLOURS: dict[Standing, str] = {
    "absent": "lightgrey",
    "incomplete": "lightgrey",
    "errors": "lightgrey",
    "untested": "lightgrey",
    "deviates": "red",
    "known": "yellow",
    "conforms": "brightgreen",
}


def badge(run: Results) -> dict[str, str | int]:
    """The endpoint document of one validated run.

    The message is `141 clauses conform`, `141 clauses conform but for 3 known causes`, with what was not tested behind
    it, or `deviates for 2 new causes, 3 known`: known are those that a ledger declares. Bright green says that every
    clause was tested, at least on some dtype, beyond the smoke profile, and conforms; a run that was cut off, hit
    errors or tested nothing gives a grey badge.
    """
    summary = summarise(run)
    smoke = run.header.profile == "smoke" and summary.absence is None
    colour = _COLOURS[summary.standing]
    whole = summary.tested == len(summary.outcomes) and not summary.failing_otherwise and not smoke
    if summary.standing == "conforms" and not whole:
        colour = _PART
    return {
        "schemaVersion": 1,
        "label": "embedding conformance",
        "message": _message(run, summary) + (" (smoke)" if smoke else ""),
        "color": colour,
    }


def _message(run: Results, summary: Summary) -> str:
    match summary.standing:
        case "absent":
            return "did not run"
        case "incomplete" | "errors":
            return "incomplete"
        case "untested":
            return "nothing tested"
        case "deviates":
            return _deviates(run, summary)
    answer = f"{clauses(summary.tested)} {'conforms' if summary.tested == 1 else 'conform'}"
    if summary.standing == "known":
        answer += f" but for {_number(_count(run, declared=True), 'known cause')}"
    failing = [f"{summary.failing_otherwise} failing otherwise"] if summary.failing_otherwise else []
    return ", ".join([answer, *untested_words(summary), *failing])


def _deviates(run: Results, summary: Summary) -> str:
    """How many causes there are; how many clauses deviate where the results, of version 1, name no causes."""
    if not diagnosed(run):
        number = summary.count(Outcome.DEVIATES)
        return f"{clauses(number)} {'deviates' if number == 1 else 'deviate'}"
    new, known = _count(run, declared=False), _count(run, declared=True)
    return (
        f"deviates for {_number(new, 'new cause')}, {known} known" if known else f"deviates for {_number(new, 'cause')}"
    )


def _count(run: Results, *, declared: bool) -> int:
    return sum(cause.declared is declared for cause in causes(run))


def _number(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
