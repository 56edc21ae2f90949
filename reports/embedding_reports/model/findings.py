"""What stands behind the verdicts that do not simply conform, gathered per clause."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from embedding_reports.model.by_clause import ClauseVerdicts
from embedding_reports.model.summary import NO_REASON
from embedding_reports.outcomes import Outcome
from embedding_reports.records import Clause, Evidence, Known, Verdict


@dataclass(frozen=True)
class Sighting:
    """One deviation, and where it was seen."""

    where: str
    deviation: Evidence

    @property
    def size(self) -> int:
        """How long its case is in print: the shortest is taken for the smallest."""
        return len(self.deviation.case_repr)


@dataclass
class Group:
    """Deviations of one clause that are the same but for the dtype and for numbers.

    Attributes:
        outcome: "deviates" or "known deviation".
        entry: the entry of the ledger, of a known deviation, without what came of its witness and of other cases.
        covered: how many cases the entry covers.
        shown: how many of them deviate as it says.
        left_out: how many more were not run, because each would end a process.
        places: every dtype and device it applies to; more than there are sightings where a witness was not replayed.
        sightings: the smallest case first.
    """

    outcome: Outcome
    entry: Known | None = None
    places: list[str] = field(default_factory=list)
    sightings: list[Sighting] = field(default_factory=list)
    covered: int = 0
    shown: int = 0
    left_out: int = 0


@dataclass(frozen=True)
class Remark:
    """A reason or note that the verdicts of several places share."""

    outcome: Outcome
    text: str
    places: tuple[str, ...]


@dataclass(frozen=True)
class Finding:
    """What there is about one clause beyond the numbers of its verdicts.

    Attributes:
        clause: the clause.
        outcome: its outcome.
        fails: whether it fails the run.
        everywhere: all places at which it was tested, in words.
        groups: its deviations, those that no ledger declares first.
        remarks: its reasons and notes.
    """

    clause: Clause
    outcome: Outcome
    fails: bool
    everywhere: tuple[str, ...]
    groups: Sequence[Group]
    remarks: Sequence[Remark]

    @property
    def only_unsupported(self) -> bool:
        """Whether all of it is in the list of what is unsupported."""
        return not self.groups and all(remark.outcome is Outcome.UNSUPPORTED for remark in self.remarks)

    @property
    def gist(self) -> str:
        """The finding in one line, for the list of what needs attention."""
        for group in self.groups:
            if group.outcome is self.outcome and group.entry:
                return group.entry.reason  # why it deviates is worth more than how
            if group.outcome is self.outcome and group.sightings:
                return group.sightings[0].deviation.summary
        for entry in (group.entry for group in self.groups if group.entry):
            return entry.reason
        ranked = sorted(self.remarks, key=lambda remark: remark.outcome is not self.outcome)
        return ranked[0].text if ranked else ""

    @property
    def places(self) -> str:
        """Where the clause has the outcome that it has, in words."""
        found = [tuple(group.places) for group in self.groups if group.outcome is self.outcome]
        found += [remark.places for remark in self.remarks if remark.outcome is self.outcome]
        unique = tuple(dict.fromkeys(place for places in found for place in places))
        return in_short(unique, self.everywhere)


def find(found: ClauseVerdicts, devices: Sequence[str]) -> Finding | None:
    """Gather the deviations, reasons and notes of one clause; None where it has none.

    Args:
        found: the clause, and its verdicts.
        devices: the devices of the run; named only where there are several.
    """
    groups: dict[object, Group] = {}
    remarks: dict[tuple[Outcome, str], list[str]] = {}
    everywhere = tuple(where(verdict.dtype, verdict.device, devices) for verdict in found.verdicts)
    for verdict, place in zip(found.verdicts, everywhere, strict=True):
        if deviation := verdict.deviation:
            _add(groups, Group(Outcome.DEVIATES), place, verdict.dtype, deviation)
        for entry in verdict.known:
            declared = Group(Outcome.KNOWN_DEVIATION, replace(entry, deviation=None, covered=0, shown=0, left_out=0))
            group = _add(groups, declared, place, verdict.dtype, entry.deviation)
            group.covered += entry.covered
            group.shown += entry.shown
            group.left_out += entry.left_out
        text = verdict.reason
        explained = verdict.deviation or verdict.known or verdict.outcome is Outcome.CONFORMS
        if not text and not explained:
            text = _unexplained(verdict)
        if text:
            remarks.setdefault((verdict.outcome, text), []).append(place)
    if not groups and not remarks:
        return None
    for group in groups.values():
        group.sightings.sort(key=lambda sighting: len(sighting.deviation.case_repr))
    return Finding(
        clause=found.clause,
        outcome=found.outcome,
        fails=found.fails,
        everywhere=everywhere,
        groups=sorted(groups.values(), key=lambda group: group.outcome is not Outcome.DEVIATES),
        remarks=[Remark(outcome, text, tuple(places)) for (outcome, text), places in remarks.items()],
    )


def where(dtype: str | None, device: str | None, devices: Sequence[str]) -> str:
    """A place in words: its dtype, and its device where the run had several."""
    named = dtype or "any dtype"
    return f"{named} on {device or 'any device'}" if len(devices) > 1 else named


def in_short(places: Sequence[str], everywhere: Sequence[str]) -> str:
    """Places in words, not one by one where they are all the places that the clause was tested in."""
    if len(places) > 2 and set(places) == set(everywhere):
        return "everywhere"
    return ", ".join(places)


def unsupported(findings: Iterable[Finding]) -> dict[str, list[tuple[Finding, Remark]]]:
    """The clauses that are unsupported, wholly or in part, under the reason that each was given."""
    reasons: dict[str, list[tuple[Finding, Remark]]] = {}
    for finding in findings:
        for remark in finding.remarks:
            if remark.outcome is Outcome.UNSUPPORTED:
                reasons.setdefault(remark.text, []).append((finding, remark))
    return reasons


def _add(groups: dict[object, Group], new: Group, place: str, dtype: str | None, deviation: Evidence | None) -> Group:
    """The group that is like what was seen at a place, or the new one, with that added."""
    likeness = repr(new.entry) if new.entry or not deviation else normalised(deviation.summary, dtype or "")
    group = groups.setdefault((new.outcome, likeness), new)
    group.places.append(place)
    if deviation:
        group.sightings.append(Sighting(place, deviation))
    return group


def normalised(summary: str, *dtypes: str) -> str:
    """A summary without its numbers and dtypes: equal for deviations that only the format tells apart."""
    for dtype in dtypes:
        summary = summary.replace(dtype, "")
    return re.sub(r"[-+]?\b(?:\d[\w.+-]*|nan\b|inf\b)", "#", summary)


def _unexplained(verdict: Verdict) -> str:
    if verdict.outcome is Outcome.NOT_EXERCISED:
        return f"{verdict.exercised} of {verdict.cases} cases could have failed; {verdict.enough} are needed"
    return NO_REASON
