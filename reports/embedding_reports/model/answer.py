"""The answer of several runs in one line: which deviate, and which do not."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from embedding_reports.model.facts import short_labels
from embedding_reports.model.order import implementations, ordered
from embedding_reports.model.scores import count_causes
from embedding_reports.model.summary import Standing, sentences, summarise
from embedding_reports.records import Results

_PHRASES: tuple[tuple[Standing, str, str], ...] = (
    ("deviates", "deviates", "deviate"),
    ("known", "deviates only as declared beforehand", "deviate only as declared beforehand"),
    ("conforms", "conforms to every clause tested", "conform to every clause tested"),
    ("untested", "tested nothing", "tested nothing"),
    ("errors", "hit errors", "hit errors"),
    ("incomplete", "is incomplete", "are incomplete"),
    ("absent", "did not run", "did not run"),
)


def overview(runs: Sequence[Results]) -> str:
    """The answer of several runs in one line; of a single run, the first sentence of its headline."""
    if len(runs) < 2:
        return sentences(runs[0])[0] if runs else "No runs."
    single = len(implementations(runs)) == 1
    runs = ordered(runs)
    labels, standings = short_labels(runs), [summarise(run).standing for run in runs]
    parts = []
    for standing, one, many in _PHRASES:
        found = [number for number, other in enumerate(standings) if other == standing]
        if found:
            parts.append(f"{_subject(found, labels, by_version=single)} {one if len(found) == 1 else many}")
    name = " ".join(runs[0].header.implementation.name.split())
    answer = f"{name} in {len(runs)} runs" if single else f"{len(runs)} runs"
    return f"{answer}: {'; '.join(parts)}.{_hidden(runs, labels, standings, by_version=single)}"


def _hidden(runs: Sequence[Results], labels: Sequence[str], standings: Sequence[Standing], *, by_version: bool) -> str:
    """Which runs deviate from a MUST clause as no ledger declares, though another word stands for them."""
    found = [
        number
        for number, (run, standing) in enumerate(zip(runs, standings, strict=True))
        if standing != "deviates" and count_causes(run).new_must
    ]
    if not found:
        return ""
    return f" New deviations from MUST clauses: {_subject(found, labels, by_version=by_version)}."


def spans(numbers: Sequence[int], labels: Sequence[str], *, by_version: bool) -> list[str]:
    """Runs in words, where they stand in order of version with those next to each other as one range.

    Args:
        numbers: positions of the runs, in order.
        labels: the labels of all runs.
        by_version: whether the runs stand in order of version.
    """
    if not by_version:
        return [labels[number] for number in numbers]
    found = []
    for _, group in itertools.groupby(enumerate(numbers), key=lambda pair: pair[1] - pair[0]):
        first, *_, last = [number for _, number in group] * 2
        joint = ", " if last == first + 1 else " to "
        found.append(labels[first] if first == last else f"{labels[first]}{joint}{labels[last]}")
    return found


def _subject(numbers: Sequence[int], labels: Sequence[str], *, by_version: bool) -> str:
    """Who: by name while that is short."""
    if len(numbers) == len(labels):
        return "all"
    named = spans(numbers, labels, by_version=by_version)
    return ", ".join(named) if len(named) <= 4 else f"{len(numbers)} runs"
