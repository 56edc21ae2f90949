"""One clause through the releases: what each found, and the pairs of neighbours between which it changed."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from embedding_reports.errors import Unfit
from embedding_reports.model.compare import compare
from embedding_reports.model.facts import short_labels
from embedding_reports.model.findings import where
from embedding_reports.model.order import implementations, neighbours, ordered
from embedding_reports.model.summary import NOT_RUN, PRECEDENCE, absence

if TYPE_CHECKING:
    from collections.abc import Sequence

    from embedding_reports.model.compare import Change
    from embedding_reports.results import Document


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
    """What runs of one implementation say about one clause.

    Attributes:
        clause: as the newest run describes it.
        name: the implementation.
        runs: how many there are.
        spans: what they found, older runs first.
        breaks: where it changed.
    """

    clause: Document
    name: str
    runs: int
    spans: Sequence[Span]
    breaks: Sequence[Break]


def history(name: str, documents: Sequence[Document]) -> History:
    """Follow one clause through runs of one implementation, in the order of its versions.

    Raises:
        Unfit: no run has the clause, or the runs are of several implementations.
    """
    found = implementations(documents)
    if len(found) > 1:
        raise Unfit("bisect", f"runs of {len(found)} implementations ({', '.join(found)}); name runs of one")
    known = {clause["id"]: clause for document in ordered(documents) for clause in document["clauses"]}
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1, cutoff=0)
        meant = f"; the nearest is {near[0]}" if near else ", for the runs have none"
        raise Unfit("bisect", f"no clause {name} in these runs{meant}")
    runs = ordered(documents)
    labels = dict(zip(map(id, runs), short_labels(runs), strict=True))
    breaks, broken = [], set()
    for old, new in neighbours(runs):
        for change in compare(old, new).changes:
            if change.clause["id"] == name:
                breaks.append(Break(labels[id(old)], labels[id(new)], change))
                broken.add(id(new))
    spans: list[Span] = []
    for run in runs:
        label, says = labels[id(run)], _state(name, run)
        if spans and spans[-1].state == says and id(run) not in broken:
            spans[-1] = Span(spans[-1].first, label, says)
        else:
            spans.append(Span(label, label, says))
    return History(known[name], found[0], len(runs), spans, breaks)


def state(verdicts: Sequence[Document], devices: Sequence[str]) -> str:
    """What a run found out about one clause, in words: each verdict, with its places where there are several."""
    places: dict[str, list[str]] = {}
    for verdict in verdicts:
        places.setdefault(verdict["verdict"], []).append(where(verdict["dtype"], verdict["device"], devices))
    if len(places) < 2:
        return next(iter(places), NOT_RUN)
    return "; ".join(f"{verdict} on {', '.join(places[verdict])}" for verdict in PRECEDENCE if verdict in places)


def _state(name: str, document: Document) -> str:
    why = absence(document)
    if why is not None:
        return f"did not run: {why}"
    found = [verdict for verdict in document["verdicts"] if verdict["clause"] == name]
    return state(found, document["header"]["devices"])
