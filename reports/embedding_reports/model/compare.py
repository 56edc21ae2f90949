"""What changed between two runs, clause by clause, with the smallest input that shows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from embedding_reports.model.findings import Sighting, in_short, where
from embedding_reports.model.signature import signature_changes, signatures
from embedding_reports.model.summary import NOT_RUN, clauses

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from embedding_reports.results import Document

    Place = tuple[str | None, str | None]
    Verdicts = Mapping[Place, Document] | None  # of one clause; None: the run does not have it
    Sides = tuple[str, str, str, tuple[str, ...], tuple[str, ...]]

BAD = ("deviates", "known deviation")
TESTED = ("conforms", *BAD)

KINDS = (
    *("broke", "fixed", "declared", "declared no more", "declared otherwise"),
    *("no longer tested", "now tested", "still not tested"),
)
"""How a verdict can change, what is worth most attention first."""


@dataclass(frozen=True)
class Shift:
    """Places at which the same happened.

    Attributes:
        kind: one of `KINDS`.
        before: the old verdict, or "not run".
        after: the new one.
        said_before: reasons behind the old one: of a ledger, or for not testing.
        said_after: reasons behind the new one.
        places: dtypes, with devices where a run had several.
    """

    kind: str
    before: str
    after: str
    said_before: tuple[str, ...]
    said_after: tuple[str, ...]
    places: tuple[str, ...]


@dataclass(frozen=True)
class Change:
    """One clause that changed.

    Attributes:
        clause: as the newer of the runs that have it describes it.
        presence: "new" or "gone" where only one run has the clause, else "".
        shifts: what happened, what is worth most attention first.
        side: which run the evidence is of, "old" or "new".
        evidence: the smallest case that shows it; None where neither run recorded one.
        everywhere: all places at which the clause was compared.
    """

    clause: Document
    presence: str
    shifts: Sequence[Shift]
    side: str
    evidence: Sighting | None
    everywhere: Sequence[str]

    def said(self, shift: Shift) -> str:
        """One of the shifts in words."""
        places = in_short(shift.places, self.everywhere)
        where = "" if len(self.everywhere) == 1 else " everywhere" if places == "everywhere" else f" on {places}"
        verdicts = "" if shift.before == shift.after else f": {shift.before} -> {shift.after}"
        return f"{shift.kind}{where}{verdicts}"


@dataclass(frozen=True)
class Comparison:
    """What changed from one run to another.

    Attributes:
        old: the one.
        new: the other.
        changes: the clauses that changed, in the order of the contract.
        unchanged: how many clauses did not.
        signature: what changed in the parameters, one sentence a change.
        caveats: how the runs differ besides, and what was therefore not compared.
    """

    old: Document
    new: Document
    changes: Sequence[Change]
    unchanged: int
    signature: Sequence[str]
    caveats: Sequence[str]

    @property
    def changed(self) -> bool:
        """Whether a verdict or a signature changed."""
        return bool(self.changes or self.signature)


def compare(old: Document, new: Document) -> Comparison:
    """Compare two runs at the dtypes and devices that both of them tested."""
    devices = list(dict.fromkeys([*old["header"]["devices"], *new["header"]["devices"]]))
    skipped = _skipped(old, new)
    described = {clause["id"]: clause for document in (old, new) for clause in document["clauses"]}
    before, after = _by_clause(old), _by_clause(new)
    changes, unchanged, apart = [], 0, 0
    for name, clause in described.items():
        was, now = before.get(name), after.get(name)
        anywhere = _places(was, now)
        places = [place for place in anywhere if not {*place} & skipped]
        change = _change(clause, was, now, {place: where(*place, devices) for place in places})
        if change:
            changes.append(change)
        elif places:
            unchanged += 1
        elif anywhere:
            apart += 1
    return Comparison(old, new, changes, unchanged, signature_changes(old, new), _caveats(old, new, apart))


def _by_clause(document: Document) -> dict[str, dict[Place, Document]]:
    found: dict[str, dict[Place, Document]] = {clause["id"]: {} for clause in document["clauses"]}
    for verdict in document["verdicts"]:
        found[verdict["clause"]][verdict["dtype"], verdict["device"]] = verdict
    return found


def _skipped(old: Document, new: Document) -> set[str]:
    """The dtypes and devices that only one of the runs has."""
    return {name for axis in ("dtypes", "devices") for name in {*old["header"][axis]} ^ {*new["header"][axis]}}


def _change(clause: Document, before: Verdicts, after: Verdicts, places: Mapping[Place, str]) -> Change | None:
    shifts: dict[Sides, list[str]] = {}
    shown: list[tuple[str, Sighting]] = []
    for place, words in places.items():
        was, now = _at(before, place), _at(after, place)
        kind = _kind(was, now)
        if kind:
            shifts.setdefault((kind, _verdict(was), _verdict(now), said_of(was), said_of(now)), []).append(words)
            shown += [("new", Sighting(words, each)) for each in _deviations(now, was)]
            shown += [("old", Sighting(words, each)) for each in _deviations(was, now)]
    if not shifts:
        return None
    side, evidence = min(shown, key=lambda each: each[1].size, default=("", None))
    told = [Shift(*sides, tuple(found)) for sides, found in shifts.items()]
    told.sort(key=lambda shift: KINDS.index(shift.kind))
    presence = "new" if before is None else "gone" if after is None else ""
    return Change(clause, presence, told, side, evidence, tuple(places.values()))


def _places(before: Verdicts, after: Verdicts) -> list[Place]:
    """The places of both runs; where one does not tell dtypes or devices apart, those of the other."""
    found = list(dict.fromkeys([*(before or ()), *(after or ())]))
    return [place for place in found if not any(place != other and _covers(place, other) for other in found)]


def _at(verdicts: Verdicts, place: Place) -> Document | None:
    return next((verdict for key, verdict in (verdicts or {}).items() if _covers(key, place)), None)


def _covers(place: Place, other: Place) -> bool:
    return all(one is None or one == two for one, two in zip(place, other, strict=True))


def _kind(was: Document | None, now: Document | None) -> str:
    """How the verdict changed; empty: it did not."""
    before, after = _verdict(was), _verdict(now)
    if before == after:
        return "declared otherwise" if after in BAD and said_of(was) != said_of(now) else ""
    if before not in TESTED:
        return "now tested" if after in TESTED else "still not tested"
    if after not in TESTED:
        return "no longer tested"
    if before == "conforms":
        return "broke"
    if after == "conforms":
        return "fixed"
    return "declared" if after == "known deviation" else "declared no more"


def _verdict(verdict: Document | None) -> str:
    return str(verdict["verdict"]) if verdict else NOT_RUN


def said_of(verdict: Document | None) -> tuple[str, ...]:
    """The reasons behind a verdict: those of the ledger's entries for deviations, else its own."""
    if verdict is None:
        return ()
    if verdict["verdict"] in BAD:
        return tuple(sorted({entry["reason"] for entry in verdict["known"]}))
    return (verdict["reason"],) if verdict["reason"] else ()


def _deviations(verdict: Document | None, other: Document | None) -> list[Document]:
    """What a verdict shows of deviations, but for those declared on the other side, too.

    What a deviation shows beyond the ledger says more than its witnesses.
    """
    if verdict is None or verdict["verdict"] not in BAD:
        return []
    if verdict["deviation"]:
        return [verdict["deviation"]]
    both = {entry["reason"] for entry in (other or {}).get("known", ()) if entry["deviation"]}
    return [entry["deviation"] for entry in verdict["known"] if entry["deviation"] and entry["reason"] not in both]


def _caveats(old: Document, new: Document, apart: int) -> list[str]:
    one, other = old["header"], new["header"]
    found = []
    for document, which in ((old, "older"), (new, "newer")):
        if not document["footer"]["complete"]:
            found.append(f"the {which} run is incomplete: what it did not come to counts as not run")
    if apart:
        found.append(f"{clauses(apart)} not compared: the runs have no dtype and device in common there")
    for axis in ("dtypes", "devices"):
        for header, rest, which in ((one, other, "older"), (other, one, "newer")):
            if alone := [name for name in header[axis] if name not in rest[axis]]:
                found.append(f"{axis} of the {which} run alone, not compared: {', '.join(alone)}")
    names = [header["implementation"]["name"] for header in (one, other)]
    suites = [header["packages"].get("embedding-conformance", "") for header in (one, other)]
    for what, (was, now) in (
        ("implementations", names),
        ("profiles", [one["profile"], other["profile"]]),
        ("versions of the suite", suites),
    ):
        if was != now and was and now:
            found.append(f"different {what}: {was}, then {now}")
    if (signatures(old) is None) != (signatures(new) is None):
        found.append("signatures were recorded in one run only, and not compared")
    return found
