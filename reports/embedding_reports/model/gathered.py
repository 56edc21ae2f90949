"""Findings of several runs, each listed once: what deviated in which way, and in which runs and places."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from embedding_reports.model.answer import spans
from embedding_reports.model.by_clause import decisive
from embedding_reports.model.findings import Finding, Group, Sighting, in_short, normalised
from embedding_reports.outcomes import Outcome
from embedding_reports.records import Clause, Known


@dataclass(frozen=True)
class Naming:
    """How runs are named: their labels, whether they stand in order of version, and how many of them took place."""

    labels: Sequence[str]
    by_version: bool
    ran: int

    def __call__(self, numbers: Iterable[int]) -> str:
        """Runs in words."""
        chosen = sorted(numbers)
        if len(chosen) == self.ran:
            return "every run"
        return ", ".join(spans(chosen, self.labels, by_version=self.by_version))


@dataclass
class Seen:
    """Where something was seen: per run, the places in words."""

    places: dict[int, str] = field(default_factory=dict)

    def words(self, naming: Naming) -> str:
        """Runs and places, the runs that have the same places together."""
        together: dict[str, list[int]] = {}
        for run, places in self.places.items():
            together.setdefault(places, []).append(run)
        return "; ".join(f"{naming(runs)}: {places}" for places, runs in together.items())


@dataclass
class Deviated:
    """One way to deviate: an entry of the ledger, or deviations that are alike but for numbers.

    Attributes:
        outcome: "deviates" or "known deviation".
        entry: the entry of the ledger in the last of the runs, of a known deviation.
        seen: where.
        run: the number of the run that has the smallest case.
        smallest: that case; None where no witness was replayed.
    """

    outcome: Outcome
    entry: Known | None
    seen: Seen = field(default_factory=Seen)
    run: int = 0
    smallest: Sighting | None = None


@dataclass
class Gathered:
    """What several runs found about one clause beyond the matrix.

    Attributes:
        clause: as the last of the runs describes it.
        outcome: the outcome of any run that counts most.
        fails: whether it fails any run.
        groups: the ways in which it deviated.
        remarks: reasons and notes by outcome and text.
    """

    clause: Clause
    outcome: Outcome
    fails: bool = False
    groups: dict[object, Deviated] = field(default_factory=dict)
    remarks: dict[tuple[Outcome, str], Seen] = field(default_factory=dict)

    @property
    def only_unsupported(self) -> bool:
        """Whether all of it is in the list of what is unsupported."""
        return not self.groups and all(outcome is Outcome.UNSUPPORTED for outcome, _ in self.remarks)


def gather(runs: Sequence[Sequence[Finding]], contract: Sequence[str]) -> list[Gathered]:
    """Bring the findings of several runs together, in the order of the contract.

    Args:
        runs: the findings of each.
        contract: the ids of all clauses, in order.
    """
    found: dict[str, Gathered] = {}
    for run, findings in enumerate(runs):
        for finding in findings:
            name = finding.clause.id
            each = found.setdefault(name, Gathered(finding.clause, finding.outcome))
            each.clause, each.fails = finding.clause, each.fails or finding.fails
            each.outcome = decisive((each.outcome, finding.outcome))
            for group in finding.groups:
                _add(each.groups, run, group, finding.everywhere)
            for remark in finding.remarks:
                seen = each.remarks.setdefault((remark.outcome, remark.text), Seen())
                seen.places[run] = in_short(remark.places, finding.everywhere)
    return [found[name] for name in contract if name in found]


def unsupported(findings: Sequence[Gathered], naming: Naming) -> Mapping[str, Mapping[str, Sequence[Gathered]]]:
    """What is unsupported: under each reason, the clauses by the runs and places that it was given for."""
    reasons: dict[str, dict[str, list[Gathered]]] = {}
    for finding in findings:
        for (outcome, text), seen in finding.remarks.items():
            if outcome is Outcome.UNSUPPORTED:
                reasons.setdefault(text, {}).setdefault(seen.words(naming), []).append(finding)
    return reasons


def _add(groups: dict[object, Deviated], run: int, group: Group, everywhere: Sequence[str]) -> None:
    # One reason is one deviation, though ledgers declare it release by release.
    summary = normalised(group.sightings[0].deviation.summary, *_dtypes(group.places)) if not group.entry else ""
    key = (group.outcome, group.entry.reason if group.entry else summary)
    known = groups.setdefault(key, Deviated(group.outcome, group.entry))
    known.entry = group.entry
    places = in_short(list(dict.fromkeys(group.places)), everywhere)
    known.seen.places[run] = f"{before}, {places}" if (before := known.seen.places.get(run)) else places
    for sighting in group.sightings[:1]:
        if known.smallest is None or sighting.size < known.smallest.size:
            known.run, known.smallest = run, sighting


def _dtypes(places: Sequence[str]) -> list[str]:
    return [place.partition(" on ")[0] for place in places]
