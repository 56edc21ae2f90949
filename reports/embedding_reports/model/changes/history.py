"""One clause through the releases: what each found, and the pairs of neighbours between which it changed."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

from embedding_reports.errors import Unfit
from embedding_reports.model.by_clause import ClauseVerdicts, by_clause
from embedding_reports.model.causes import RunCause, causes
from embedding_reports.model.changes.cause_changes import CauseChange, pairs
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
    """Two neighbours between which the clause changed.

    Attributes:
        old: the label of the one.
        new: that of the other.
        runs: both of them.
        change: what changed about the clause.
        causes: the causes that the clause shows in one of the runs alone.
    """

    old: str
    new: str
    runs: tuple[Results, Results]
    change: Change
    causes: Sequence[CauseChange]


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
    runs, implementation = of_one_implementation(runs)
    known = {clause.id: clause for run in runs for clause in run.clauses}
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1, cutoff=0)
        meant = f"; the nearest is {near[0]}" if near else ", for the runs have none"
        raise Unfit("bisect", f"no clause {name} in these runs{meant}")
    named = short_labels(runs)
    labels = dict(zip(map(id, runs), named, strict=True))
    breaks, broken = [], set()
    for old, new in neighbours(runs):
        for change in compare(old, new).changes:
            if change.clause.id == name:
                came_or_went = _causes(name, old, new)
                breaks.append(Break(labels[id(old)], labels[id(new)], (old, new), change, came_or_went))
                broken.add(id(new))
    broken_at = [place for place, run in enumerate(runs) if id(run) in broken]
    spans = joined_spans(named, [_state(name, run) for run in runs], broken_at)
    return History(known[name], implementation, len(runs), spans, breaks)


def of_one_implementation(runs: Sequence[Results]) -> tuple[list[Results], str]:
    """Runs in the order of their versions, and the implementation that they are of.

    Raises:
        Unfit: they are of several.
    """
    found = implementations(runs)
    if len(found) > 1:
        raise Unfit("bisect", f"runs of {len(found)} implementations ({', '.join(found)}); name runs of one")
    return ordered(runs), found[0]


def joined_spans(labels: Sequence[str], states: Sequence[str], broken_at: Sequence[int] = ()) -> list[Span]:
    """Runs next to each other that found the same, as one span each.

    Args:
        labels: the labels of the runs, in order.
        states: what each found.
        broken_at: positions at which a span begins, whatever the runs found.
    """
    spans: list[Span] = []
    for place, (label, now) in enumerate(zip(labels, states, strict=True)):
        if spans and spans[-1].state == now and place not in broken_at:
            spans[-1] = Span(spans[-1].first, label, now)
        else:
            spans.append(Span(label, label, now))
    return spans


def state(found: ClauseVerdicts, devices: Sequence[str]) -> str:
    """What a run found out about one clause, in words: each outcome, with its places where there are several."""
    if len(found.outcomes) < 2:
        return str(found.outcome)
    places: dict[Outcome, list[str]] = {}
    for verdict in found.verdicts:
        places.setdefault(verdict.outcome, []).append(where(verdict.dtype, verdict.device, devices))
    return "; ".join(f"{outcome} on {', '.join(places[outcome])}" for outcome in PRECEDENCE if outcome in places)


def _causes(name: str, old: Results, new: Results) -> list[CauseChange]:
    """The causes that a clause shows in one of two runs alone."""
    made = []
    for before, after in pairs(causes(old), causes(new)):
        was, now = _shown(before, name, old), _shown(after, name, new)
        if (was is None) is not (now is None):
            made.append(CauseChange(was, now))
    return made


def _shown(cause: RunCause | None, name: str, run: Results) -> RunCause | None:
    """The cause, if the clause shows it."""
    shown = cause and any(verdict.clause == name and cause.shown_by(verdict) for verdict in run.verdicts)
    return cause if shown else None


def _state(name: str, run: Results) -> str:
    why = absence(run)
    if why is not None:
        return f"did not run: {why}"
    found = by_clause(run).get(name)
    return state(found, run.header.devices) if found else str(Outcome.NOT_RUN)
