"""What stands behind the cells that do not simply conform, gathered per clause."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from embedding_reports.model.summary import outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from embedding_reports.results import Document


@dataclass(frozen=True)
class Sighting:
    """One deviation, and where it was seen."""

    where: str
    deviation: Document

    @property
    def size(self) -> int:
        """How long its case is in print: the shortest is taken for the smallest."""
        return len(self.deviation["case_repr"])


@dataclass
class Group:
    """Deviations of one clause that look the same but for the dtype.

    Attributes:
        verdict: `deviates` or `known deviation`.
        entry: what the ledger says, of a known deviation.
        places: every cell it applies to; more than there are sightings where a witness was not replayed.
        sightings: the smallest case first.
    """

    verdict: str
    entry: Document | None = None
    places: list[str] = field(default_factory=list)
    sightings: list[Sighting] = field(default_factory=list)


@dataclass(frozen=True)
class Remark:
    """A reason or note that several cells share."""

    verdict: str
    text: str
    places: tuple[str, ...]


@dataclass(frozen=True)
class Finding:
    """All that there is to say about one clause beyond the numbers in its cells."""

    clause: Document
    outcome: str
    fails: bool
    everywhere: tuple[str, ...]
    groups: Sequence[Group]
    remarks: Sequence[Remark]

    @property
    def only_unsupported(self) -> bool:
        """Whether the list of what is declared unsupported says all there is to say."""
        return not self.groups and all(remark.verdict == "unsupported" for remark in self.remarks)

    @property
    def gist(self) -> str:
        """The finding in one line, for the list of what needs attention."""
        for group in self.groups:
            if group.verdict == self.outcome and group.entry:
                return str(group.entry["reason"])  # why it deviates says more than how
            if group.verdict == self.outcome and group.sightings:
                return str(group.sightings[0].deviation["summary"])
        for entry in (group.entry for group in self.groups if group.entry):
            return str(entry["reason"])
        ranked = sorted(self.remarks, key=lambda remark: remark.verdict != self.outcome)
        return ranked[0].text if ranked else ""

    @property
    def places(self) -> str:
        """Where the clause has the outcome that it has, in words."""
        found = [tuple(group.places) for group in self.groups if group.verdict == self.outcome]
        found += [remark.places for remark in self.remarks if remark.verdict == self.outcome]
        unique = tuple(dict.fromkeys(place for places in found for place in places))
        return in_short(unique, self.everywhere)


def find(clause: Document, verdicts: Sequence[Document], devices: Sequence[str]) -> Finding | None:
    """Gather what is worth saying about one clause; None where its cells say everything.

    Args:
        clause: the clause.
        verdicts: the verdicts of all its cells, in the order of the columns.
        devices: the devices of the run; named only where there are several.
    """
    groups: dict[object, Group] = {}
    remarks: dict[tuple[str, str], list[str]] = {}
    for verdict in verdicts:
        place = where(verdict["dtype"], verdict["device"], devices)
        if deviation := verdict["deviation"]:
            _add(groups, "deviates", None, place, verdict["dtype"], deviation)
        for entry in verdict["known"]:
            _add(groups, "known deviation", entry, place, verdict["dtype"], entry["deviation"])
        text = verdict["reason"]
        said = verdict["deviation"] or verdict["known"] or verdict["verdict"] == "conforms"
        if not text and not said:
            text = _unexplained(verdict)
        if text:
            remarks.setdefault((verdict["verdict"], text), []).append(place)
    if not groups and not remarks:
        return None
    for group in groups.values():
        group.sightings.sort(key=lambda sighting: len(sighting.deviation["case_repr"]))
    return Finding(
        clause=clause,
        outcome=outcome(verdicts),
        fails=any(verdict["fails"] for verdict in verdicts),
        everywhere=tuple(where(verdict["dtype"], verdict["device"], devices) for verdict in verdicts),
        groups=sorted(groups.values(), key=lambda group: group.verdict != "deviates"),
        remarks=[Remark(verdict, text, tuple(places)) for (verdict, text), places in remarks.items()],
    )


def where(dtype: str | None, device: str | None, devices: Sequence[str]) -> str:
    """A cell in words: its dtype, and its device where the run had several."""
    named = dtype or "any dtype"
    return f"{named} on {device or 'any device'}" if len(devices) > 1 else named


def in_short(places: Sequence[str], everywhere: Sequence[str]) -> str:
    """Places in words, not one by one where they are all the places that the clause was tested in."""
    if len(places) > 2 and set(places) == set(everywhere):
        return "everywhere"
    return ", ".join(places)


def declared_unsupported(findings: Iterable[Finding]) -> dict[str, list[tuple[Finding, Remark]]]:
    """The clauses that are unsupported, wholly or in part, under the reason that each was given."""
    reasons: dict[str, list[tuple[Finding, Remark]]] = {}
    for finding in findings:
        for remark in finding.remarks:
            if remark.verdict == "unsupported":
                reasons.setdefault(remark.text, []).append((finding, remark))
    return reasons


def _add(
    groups: dict[object, Group],
    verdict: str,
    entry: Document | None,
    place: str,
    dtype: str | None,
    deviation: Document | None,
) -> None:
    ledger = {**entry, "deviation": None} if entry else None
    looks = look(deviation["summary"], dtype or "") if deviation and not entry else ""
    group = groups.setdefault((repr(ledger), looks), Group(verdict, ledger))
    group.places.append(place)
    if deviation:
        group.sightings.append(Sighting(place, deviation))


def look(summary: str, *dtypes: str) -> str:
    """A summary without its numbers and dtypes: equal for deviations that only the format tells apart."""
    for dtype in dtypes:
        summary = summary.replace(dtype, "")
    return re.sub(r"[-+]?\b(?:\d[\w.+-]*|nan\b|inf\b)", "#", summary)


def _unexplained(verdict: Document) -> str:
    if verdict["verdict"] == "not exercised":
        return (
            f"{verdict['exercised']} of {verdict['cases']} cases met the precondition; {verdict['enough']} are needed"
        )
    return "no reason was recorded"
