"""Plain text for a terminal: what is wrong, cause by cause."""

from __future__ import annotations

from embedding_reports.records import Cause, Evidence, Results
from embedding_reports.text.plain import smallest_case

MOST = 10
"""Causes that are told in full; each further one takes a line."""

LONGEST = 600
"""Characters of a case, or of a tensor, that are shown."""


def told(run: Results, *, scripts: bool = False) -> list[str]:
    """The causes of a run in lines, the most serious first.

    Args:
        run: the run.
        scripts: whether the scripts that reproduce them are told, too.
    """
    lines = []
    for cause in run.causes[:MOST]:
        lines += [*_lines(run, cause), *(_script(cause.evidence) if scripts else []), ""]
    return [*lines, *(_title(run, cause) for cause in run.causes[MOST:])]


def shortened(evidence: Evidence) -> list[str]:
    """The smallest case, where one is needed, and what was expected and observed, cut to a size to read."""
    lines = smallest_case(evidence, _short)
    return lines if evidence.case_repr else lines[1:]


def where(cause: Cause) -> list[str]:
    """In which cases a cause shows, and on how many cases that rests, as far as that is known."""
    if not cause.covered:
        return [f"where: {cause.pattern}"] if cause.where else []
    found = f"{cause.deviating} of {cause.covered} such cases deviate"
    if not cause.where:
        return [f"where: in every case that can show it ({found})"]
    return [f"where: {cause.pattern} ({found}, 0 of {cause.outside} others)"]


def breadth(run: Results, cause: Cause) -> list[str]:
    """The dtypes of a cause, and the other clauses that it breaks; nothing where there is neither."""
    others = [clause for clause in cause.clauses if clause != cause.plainest]
    named = ", ".join(others[:4]) + (f" and {len(others) - 4} more" if len(others) > 4 else "")
    everywhere = len(cause.dtypes) > 1 and set(cause.dtypes) == set(run.header.dtypes)
    dtypes = "every dtype" if everywhere else ", ".join(cause.dtypes)
    told = [f"on {dtypes}"] * bool(dtypes) + [f"it also breaks {named}"] * bool(named)
    return ["; ".join(told)] if told else []


def _lines(run: Results, cause: Cause) -> list[str]:
    details = [*where(cause), *breadth(run, cause), *shortened(cause.evidence), *_remarks(run, cause)]
    return [_title(run, cause), *(f"   {line}" for line in details)]


def _remarks(run: Results, cause: Cause) -> list[str]:
    """The first thing to know about a clause that shows it, such as that it comes and goes."""
    reasons = (verdict.reason for verdict in run.verdicts if cause.number in verdict.causes and verdict.reason)
    return [f"but: {reason}" for reason in reasons][:1]


def _title(run: Results, cause: Cause) -> str:
    level = next((clause.level for clause in run.clauses if clause.id == cause.plainest), "MUST")
    return f"cause {cause.number}: {cause.plainest} [{level}]: {cause.does}"


def _script(evidence: Evidence) -> list[str]:
    if not evidence.script:
        return []
    return ["   to reproduce without this suite:", "", *(f"       {line}" for line in evidence.script.splitlines())]


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 200]} ... {text[-190:]}"
