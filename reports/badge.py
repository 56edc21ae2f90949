"""The badge: one run as a shields.io endpoint document (https://shields.io/badges/endpoint-badge)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reports.summary import summarise

if TYPE_CHECKING:
    from reports.results import Document
    from reports.summary import Standing, Summary

_COLOURS: dict[Standing, str] = {
    "absent": "lightgrey",
    "incomplete": "lightgrey",
    "errors": "lightgrey",
    "untested": "lightgrey",
    "deviates": "red",
    "known": "yellow",
    "conforms": "brightgreen",
}


def badge(document: Document) -> dict[str, str | int]:
    """The endpoint document of one validated run.

    The message is `47/47 conform`, with what was not tested behind it, or `2 deviate`; a run that was cut off, hit
    errors or tested nothing gives a grey badge, never a good one.
    """
    summary = summarise(document)
    return {
        "schemaVersion": 1,
        "label": "embedding conformance",
        "message": _message(summary),
        "color": _COLOURS[summary.standing],
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
            deviating = summary.count("deviates")
            return f"{deviating} {'deviates' if deviating == 1 else 'deviate'}"
        case _:
            apart = ((summary.count(outcome), outcome) for outcome in ("unsupported", "not exercised", "not run"))
            counts = [f"{number} {outcome}" for number, outcome in apart if number]
            return ", ".join([f"{summary.count('conforms')}/{summary.tested} conform", *counts])
