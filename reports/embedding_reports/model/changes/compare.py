"""What changed between two runs: causes, and clause by clause, with the smallest input that shows it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from embedding_reports.model.by_clause import ClauseVerdicts, Place, by_clause
from embedding_reports.model.causes import diagnosed
from embedding_reports.model.changes.cause_changes import CauseChange, cause_changes
from embedding_reports.model.changes.signature import signature_changes
from embedding_reports.model.findings import Sighting, in_short, where
from embedding_reports.model.summary import clauses
from embedding_reports.outcomes import DEVIATING, TESTED, Outcome
from embedding_reports.records import Clause, Evidence, Results, Verdict

TRANSITIONS = (
    *("broke", "fixed", "declared", "declared no more", "declared otherwise"),
    *("no longer tested", "now tested", "still not tested"),
)
"""How a verdict can change, what is worth most attention first."""

Sides = tuple[str, Outcome, Outcome, tuple[str, ...], tuple[str, ...]]
"""What a shift holds besides its places."""

Verdicts = Mapping[Place, Verdict] | None
"""The verdicts on one clause; None: the run does not have it."""


@dataclass(frozen=True)
class Shift:
    """Places at which the same happened.

    Attributes:
        transition: one of `TRANSITIONS`.
        before: the old outcome.
        after: the new one.
        reasons_before: those behind the old one: of a ledger, or for not testing.
        reasons_after: those behind the new one.
        places: dtypes, with devices where a run had several.
    """

    transition: str
    before: Outcome
    after: Outcome
    reasons_before: tuple[str, ...]
    reasons_after: tuple[str, ...]
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

    clause: Clause
    presence: str
    shifts: Sequence[Shift]
    side: str
    evidence: Sighting | None
    everywhere: Sequence[str]

    def words(self, shift: Shift) -> str:
        """One of the shifts in words."""
        places = in_short(shift.places, self.everywhere)
        where = "" if len(self.everywhere) == 1 else " everywhere" if places == "everywhere" else f" on {places}"
        outcomes = "" if shift.before is shift.after else f": {shift.before} -> {shift.after}"
        return f"{shift.transition}{where}{outcomes}"


@dataclass(frozen=True)
class Comparison:
    """What changed from one run to another.

    Attributes:
        old: the one.
        new: the other.
        causes: the causes that came, went or changed; none where a results file of version 1 tells none.
        changes: the clauses that changed, in the order of the contract.
        unexplained: the same without the verdicts that changed with one of the causes.
        unchanged: how many clauses did not.
        signature: what changed in the parameters, one sentence a change.
        caveats: how the runs differ besides, and what was therefore not compared.
    """

    old: Results
    new: Results
    causes: Sequence[CauseChange]
    changes: Sequence[Change]
    unexplained: Sequence[Change]
    unchanged: int
    signature: Sequence[str]
    caveats: Sequence[str]

    @property
    def changed(self) -> bool:
        """Whether a cause, a verdict or a signature changed."""
        return bool(self.causes or self.changes or self.signature)

    @property
    def explained(self) -> int:
        """How many clauses changed with causes alone."""
        return len(self.changes) - len(self.unexplained)


def compare(old: Results, new: Results) -> Comparison:
    """Compare two runs at the dtypes and devices that both of them tested."""
    devices = list(dict.fromkeys([*old.header.devices, *new.header.devices]))
    skipped = _skipped(old, new)
    before, after = by_clause(old), by_clause(new)
    described = {name: each.clause for run in (before, after) for name, each in run.items()}
    causes = cause_changes(old, new, skipped) if _tells_causes(old, new) else []
    changes, unexplained, unchanged, apart = [], [], 0, 0
    for name, clause in described.items():
        was, now = _at_places(before.get(name)), _at_places(after.get(name))
        anywhere = _places(was, now)
        places = [place for place in anywhere if not {*place} & skipped]
        named = {place: where(*place, devices) for place in places}
        change = _change(clause, was, now, named)
        if change:
            changes.append(change)
            rest = _change(clause, was, now, named, causes)
            unexplained += [rest] if rest else []
        elif places:
            unchanged += 1
        elif anywhere:
            apart += 1
    signature, caveats = signature_changes(old, new), _caveats(old, new, apart)
    return Comparison(old, new, causes, changes, unexplained, unchanged, signature, caveats)


def _tells_causes(old: Results, new: Results) -> bool:
    """Whether causes can be compared: each run tells those of what it found, and either found one."""
    return diagnosed(old) and diagnosed(new) and bool(old.causes or new.causes)


def _at_places(found: ClauseVerdicts | None) -> Verdicts:
    return found.by_place if found else None


def _skipped(old: Results, new: Results) -> set[str]:
    """The dtypes and devices that only one of the runs has."""
    return {*old.header.dtypes} ^ {*new.header.dtypes} | {*old.header.devices} ^ {*new.header.devices}


def _change(
    clause: Clause, before: Verdicts, after: Verdicts, places: Mapping[Place, str], causes: Sequence[CauseChange] = ()
) -> Change | None:
    """What changed about one clause, but for the verdicts that changed with one of the causes."""
    shifts: dict[Sides, list[str]] = {}
    shown: list[tuple[str, Sighting]] = []
    for place, words in places.items():
        was, now = _at(before, place), _at(after, place)
        transition = _transition(was, now)
        if transition and not any(change.explains(clause.id, was, now) for change in causes):
            sides = (transition, _outcome(was), _outcome(now), reasons_of(was), reasons_of(now))
            shifts.setdefault(sides, []).append(words)
            shown += [("new", Sighting(words, each)) for each in _deviations(now, was)]
            shown += [("old", Sighting(words, each)) for each in _deviations(was, now)]
    if not shifts:
        return None
    side, evidence = min(shown, key=lambda each: each[1].size, default=("", None))
    ranked = [Shift(*sides, tuple(found)) for sides, found in shifts.items()]
    ranked.sort(key=lambda shift: TRANSITIONS.index(shift.transition))
    presence = "new" if before is None else "gone" if after is None else ""
    return Change(clause, presence, ranked, side, evidence, tuple(places.values()))


def _places(before: Verdicts, after: Verdicts) -> list[Place]:
    """The places of both runs; where one does not tell dtypes or devices apart, those of the other."""
    found = list(dict.fromkeys([*(before or ()), *(after or ())]))
    return [place for place in found if not any(place != other and _covers(place, other) for other in found)]


def _at(verdicts: Verdicts, place: Place) -> Verdict | None:
    return next((verdict for key, verdict in (verdicts or {}).items() if _covers(key, place)), None)


def _covers(place: Place, other: Place) -> bool:
    return all(one is None or one == two for one, two in zip(place, other, strict=True))


def _transition(was: Verdict | None, now: Verdict | None) -> str:
    """How the verdict changed; empty: it did not."""
    before, after = _outcome(was), _outcome(now)
    if before is after:
        return "declared otherwise" if after in DEVIATING and reasons_of(was) != reasons_of(now) else ""
    if before not in TESTED:
        return "now tested" if after in TESTED else "still not tested"
    if after not in TESTED:
        return "no longer tested"
    if before is Outcome.CONFORMS:
        return "broke"
    if after is Outcome.CONFORMS:
        return "fixed"
    return "declared" if after is Outcome.KNOWN_DEVIATION else "declared no more"


def _outcome(verdict: Verdict | None) -> Outcome:
    return verdict.outcome if verdict else Outcome.NOT_RUN


def reasons_of(verdict: Verdict | None) -> tuple[str, ...]:
    """The reasons behind a verdict: those of the ledger's entries for deviations, else its own."""
    if verdict is None:
        return ()
    if verdict.outcome in DEVIATING:
        return tuple(sorted({entry.reason for entry in verdict.known}))
    return (verdict.reason,) if verdict.reason else ()


def _deviations(verdict: Verdict | None, other: Verdict | None) -> list[Evidence]:
    """What a verdict shows of deviations, but for those declared on the other side, too.

    A deviation that the ledger does not declare is preferred to the ledger's witnesses.
    """
    if verdict is None or verdict.outcome not in DEVIATING:
        return []
    if verdict.deviation:
        return [verdict.deviation]
    both = {entry.reason for entry in (other.known if other else ()) if entry.deviation}
    return [entry.deviation for entry in verdict.known if entry.deviation and entry.reason not in both]


def _caveats(old: Results, new: Results, apart: int) -> list[str]:
    one, other = old.header, new.header
    found = []
    for run, which in ((old, "older"), (new, "newer")):
        if not run.footer.complete:
            found.append(f"the {which} run is incomplete: what it did not come to counts as not run")
    if apart:
        found.append(f"{clauses(apart)} not compared: the runs have no dtype and device in common there")
    for axis, older, newer in (("dtypes", one.dtypes, other.dtypes), ("devices", one.devices, other.devices)):
        for names, rest, which in ((older, newer, "older"), (newer, older, "newer")):
            if alone := [name for name in names if name not in rest]:
                found.append(f"{axis} of the {which} run alone, not compared: {', '.join(alone)}")
    suites = [header.packages.get("embedding-conformance", "") for header in (one, other)]
    for what, (was, now) in (
        ("implementations", [one.implementation.name, other.implementation.name]),
        ("profiles", [one.profile, other.profile]),
        ("versions of the suite", suites),
    ):
        if was != now and was and now:
            found.append(f"different {what}: {was}, then {now}")
    return found + _in_one_alone(old, new)


def _in_one_alone(old: Results, new: Results) -> list[str]:
    """What was not compared because the results of one run alone have it."""
    found = []
    if (old.causes or new.causes) and diagnosed(old) is not diagnosed(new):
        which = "newer" if diagnosed(old) else "older"
        found.append(f"the results of the {which} run name no causes, so that causes were not compared")
    if (old.header.implementation.signatures is None) != (new.header.implementation.signatures is None):
        found.append("signatures were recorded in one run only, and not compared")
    return found
