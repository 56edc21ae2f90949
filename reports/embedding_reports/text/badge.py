"""The badge: one run as a shields.io endpoint document (https://shields.io/badges/endpoint-badge)."""

from __future__ import annotations

from embedding_reports.model.summary import Standing, Summary, summarise, untested_words
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

    The message is `47/47 conform`, with what was not tested behind it, or `2 deviate`. Bright green says that every
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
        "message": _message(summary) + (" (smoke)" if smoke else ""),
        "color": colour,
    }


def _message(summary: Summary) -> str:
    match summary.standing:
        case "absent":
            return "did not run"
        case "incomplete" | "errors":
            return "incomplete"
        case "untested":
            return "nothing tested"
        case "deviates":
            deviating = summary.count(Outcome.DEVIATES)
            return f"{deviating} {'deviates' if deviating == 1 else 'deviate'}"
        case _:
            failing = [f"{summary.failing_otherwise} failing otherwise"] if summary.failing_otherwise else []
            conform = f"{summary.count(Outcome.CONFORMS)}/{summary.tested} conform"
            return ", ".join([conform, *untested_words(summary), *failing])
