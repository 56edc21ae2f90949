"""One cause of the newest run through the releases before it: which show it, and between which it came or went."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from embedding_reports.errors import Unfit
from embedding_reports.model.causes import RunCause, causes, diagnosed
from embedding_reports.model.changes.cause_changes import pairs
from embedding_reports.model.changes.history import Span, joined_spans, of_one_implementation
from embedding_reports.model.facts import short_labels
from embedding_reports.model.summary import absence
from embedding_reports.outcomes import TESTED
from embedding_reports.records import Results


@dataclass(frozen=True)
class CauseHistory:
    """One cause through runs of one implementation.

    Attributes:
        cause: the cause as the newest run has it.
        newest: the label of that run.
        name: the implementation.
        runs: how many runs there are.
        spans: which runs show it, older ones first.
        turns: the neighbours between which it came or went, by their labels, and which of that it did.
        first: the label of the oldest run that shows it.
        run: that run.
        shown: the cause as that run has it.
    """

    cause: RunCause
    newest: str
    name: str
    runs: int
    spans: Sequence[Span]
    turns: Sequence[tuple[str, str, str]]
    first: str
    run: Results
    shown: RunCause


def cause_history(number: int, runs: Sequence[Results]) -> CauseHistory:
    """Follow a cause of the newest of several runs through the others, in the order of the versions.

    Args:
        number: its number in the newest run that took place.
        runs: the runs.

    Raises:
        Unfit: there is no such cause, or the runs are of several implementations.
    """
    runs, name = of_one_implementation(runs)
    labels = short_labels(runs)
    newest = max((place for place, run in enumerate(runs) if absence(run) is None), default=len(runs) - 1)
    all_of_it = causes(runs[newest])
    wanted = next((one for one in all_of_it if number and one.cause.number == number), None)
    if wanted is None:
        told = len(runs[newest].causes)
        have = f"has {told}, numbered from 1" if told > 1 else "has one, cause 1" if told else "has none"
        raise Unfit("bisect", f"no cause {number} in {labels[newest]}, the newest of these runs: it {have}")
    found = [next((one for one, other in pairs(causes(run), all_of_it) if other is wanted), None) for run in runs]
    states = [_state(run, one, wanted) for run, one in zip(runs, found, strict=True)]
    known = [(label, bool(one)) for label, one, state in zip(labels, found, states, strict=True) if state in _KNOWN]
    turns = [
        (old, new, "came" if after else "went")
        for (old, before), (new, after) in itertools.pairwise(known)
        if before is not after
    ]
    first = next(place for place, one in enumerate(found) if one)
    shown = found[first] or wanted
    spans = joined_spans(labels, states)
    return CauseHistory(wanted, labels[newest], name, len(runs), spans, turns, labels[first], runs[first], shown)


_SHOWS, _DECLARED, _DOES_NOT = "shows it", "shows it, as a ledger declares", "does not show it"
_KNOWN = (_SHOWS, _DECLARED, _DOES_NOT)


def _state(run: Results, found: RunCause | None, wanted: RunCause) -> str:
    """Whether a run shows the cause, in words."""
    why = absence(run)
    if why is not None:
        return f"did not run: {why}"
    if found:
        return _DECLARED if found.declared else _SHOWS
    broken = [verdict for verdict in run.verdicts if verdict.clause in wanted.cause.clauses]
    if not any(verdict.outcome in TESTED for verdict in broken):
        return "tested no clause that it breaks"
    return _DOES_NOT if diagnosed(run) else "names no causes"
