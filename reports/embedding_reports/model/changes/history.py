"""One clause through the releases: what each found, and the pairs of neighbours between which it changed."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

from embedding_reports.errors import Unfit
from embedding_reports.model.by_clause import ClauseVerdicts, by_clause
from embedding_reports.model.changes.compare import Change, compare
from embedding_reports.model.facts import short_labels
from embedding_reports.model.findings import where
from embedding_reports.model.order import implementations, neighbours, ordered
from embedding_reports.model.summary import absence
from embedding_reports.outcomes import PRECEDENCE, Outcome
from embedding_reports.records import Clause, Results


@dataclass(frozen=True)
class Span:
    """Runs next to each other that found the same."""

    first: str
    last: str
    state: str


@dataclass(frozen=True)
class Break:
    """Two neighbours between which the clause changed."""

    old: str
    new: str
    change: Change


@dataclass(frozen=True)
class History:
    """One clause through runs of one implementation.

    Attributes:
        clause: as the newest run describes it.
        name: the implementation.
        runs: how many there are.
        spans: what they found, older runs first.
        breaks: where it changed.
    """

    clause: Clause
    name: str
    runs: int
    spans: Sequence[Span]
    breaks: Sequence[Break]


def history(name: str, runs: Sequence[Results]) -> History:
    """Follow one clause through runs of one implementation, in the order of its versions.

    Raises:
        Unfit: no run has the clause, or the runs are of several implementations.
    """
    found = implementations(runs)
    if len(found) > 1:
        raise Unfit("bisect", f"runs of {len(found)} implementations ({', '.join(found)}); name runs of one")
    known = {clause.id: clause for run in ordered(runs) for clause in run.clauses}
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1, cutoff=0)
        meant = f"; the nearest is {near[0]}" if near else ", for the runs have none"
        raise Unfit("bisect", f"no clause {name} in these runs{meant}")
    runs = ordered(runs)
    labels = dict(zip(map(id, runs), short_labels(runs), strict=True))
    breaks, broken = [], set()
    for old, new in neighbours(runs):
        for change in compare(old, new).changes:
            if change.clause.id == name:
                breaks.append(Break(labels[id(old)], labels[id(new)], change))
                broken.add(id(new))
    spans: list[Span] = []
    for run in runs:
        label, now = labels[id(run)], _state(name, run)
        if spans and spans[-1].state == now and id(run) not in broken:
            spans[-1] = Span(spans[-1].first, label, now)
        else:
            spans.append(Span(label, label, now))
    return History(known[name], found[0], len(runs), spans, breaks)


def state(found: ClauseVerdicts, devices: Sequence[str]) -> str:
    """What a run found out about one clause, in words: each outcome, with its places where there are several."""
    if len(found.outcomes) < 2:
        return str(found.outcome)
    places: dict[Outcome, list[str]] = {}
    for verdict in found.verdicts:
        places.setdefault(verdict.outcome, []).append(where(verdict.dtype, verdict.device, devices))
    return "; ".join(f"{outcome} on {', '.join(places[outcome])}" for outcome in PRECEDENCE if outcome in places)


def _state(name: str, run: Results) -> str:
    why = absence(run)
    if why is not None:
        return f"did not run: {why}"
    found = by_clause(run).get(name)
    return state(found, run.header.devices) if found else str(Outcome.NOT_RUN)
