"""The causes that came, went or changed from one run to another, matched by what they are."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from embedding_reports.model.causes import PLACES, RunCause, causes
from embedding_reports.model.findings import normalised
from embedding_reports.outcomes import TESTED
from embedding_reports.records import Results, Verdict

TRANSITIONS = ("came", "went", "declared", "declared no more", "changed")
"""How a cause can change, what is worth most attention first."""

MOST = 0.5
"""The share of their clauses that two causes break together if they are the same, though does and where changed."""

Pair = tuple[RunCause | None, RunCause | None]
"""A cause in an older and in a newer run; None: that run does not have it."""


@dataclass(frozen=True)
class CauseChange:
    """A cause that is not in both of two runs as it was.

    Attributes:
        before: the cause in the older run; None: it is not there.
        after: the cause in the newer run; None likewise.
        joined: the clauses that it breaks in the newer run alone, of those that both tested.
        left: the clauses that it breaks in the older run alone, of those that both tested.
    """

    before: RunCause | None
    after: RunCause | None
    joined: tuple[str, ...] = ()
    left: tuple[str, ...] = ()

    @property
    def transition(self) -> str:
        """What happened to it: one of `TRANSITIONS`; "" where nothing did."""
        if self.before is None or self.after is None:
            return "came" if self.before is None else "went"
        if self.before.declared is not self.after.declared:
            return "declared" if self.after.declared else "declared no more"
        return "changed" if self.differences or self.joined or self.left else ""

    @property
    def shown(self) -> RunCause:
        """The cause as the newest run that has it does."""
        shown = self.after or self.before
        assert shown is not None, "a change of a cause that neither run has"
        return shown

    @property
    def differences(self) -> dict[str, tuple[str, str]]:
        """What of "does" and "where" is another in the newer run: in the older run, and in the newer one."""
        if self.before is None or self.after is None:
            return {}
        was, now = self.before.cause, self.after.cause
        found = {} if _does_the_same(self.before, self.after) else {"does": (was.does, now.does)}
        return (
            found if _pattern(self.before) == _pattern(self.after) else {**found, "where": (was.pattern, now.pattern)}
        )

    def explains(self, clause: str, was: Verdict | None, now: Verdict | None) -> bool:
        """Whether the verdict on a clause at one place changed with it."""
        if not (was and now and now.outcome in TESTED):
            return False  # what is no longer tested is no longer known
        if self.transition == "changed" and not self.differences and clause not in {*self.joined, *self.left}:
            return False
        return bool(self.before and self.before.shown_by(was)) or bool(self.after and self.after.shown_by(now))


def cause_changes(old: Results, new: Results, apart: Collection[str]) -> list[CauseChange]:
    """What became of the causes of two runs, as far as both of them could have shown them.

    Args:
        old: the one.
        new: the other.
        apart: the dtypes and devices that only one of them tested.
    """
    sides = [[one for one in causes(run) if _shows_at_common_places(one, apart)] for run in (old, new)]
    tested = [_tested(run, apart) for run in (old, new)]
    both = tested[0] & tested[1]
    made = []
    for before, after in pairs(*sides):
        if before and after:
            broken = set(before.cause.clauses), set(after.cause.clauses)
            joined = tuple(name for name in after.cause.clauses if name in both - broken[0])
            left = tuple(name for name in before.cause.clauses if name in both - broken[1])
            made.append(CauseChange(before, after, joined, left))
        elif any({*one.cause.clauses} & both for one in (before, after) if one):
            made.append(CauseChange(before, after))
    changed = [change for change in made if change.transition]
    return sorted(changed, key=lambda change: TRANSITIONS.index(change.transition))


def pairs(old: Sequence[RunCause], new: Sequence[RunCause]) -> list[Pair]:
    """The causes of two runs, each with that of the other run which is the same; those alike in most come first.

    Two are the same if they break a clause together and what they do or where they show says so: `_likeness`.
    """
    alike = [
        (likeness, -i, -j)
        for i, one in enumerate(old)
        for j, other in enumerate(new)
        if (likeness := _likeness(one, other))
    ]
    partner: dict[int, int] = {}
    for _, i, j in sorted(alike, reverse=True):
        if -i not in partner and -j not in partner.values():
            partner[-i] = -j
    made: list[Pair] = [(one, new[partner[i]] if i in partner else None) for i, one in enumerate(old)]
    return made + [(None, other) for j, other in enumerate(new) if j not in partner.values()]


def _likeness(one: RunCause, other: RunCause) -> tuple[bool, bool, bool, float] | None:
    """How much two causes are alike: does, where, plainest clause, share of clauses; None: they are not the same."""
    shared = {*one.cause.clauses} & {*other.cause.clauses}
    if not shared:
        return None
    does, where = _does_the_same(one, other), _pattern(one) == _pattern(other)
    plainest = one.cause.plainest == other.cause.plainest
    share = len(shared) / len({*one.cause.clauses} | {*other.cause.clauses})
    related = bool(_features(one) & _features(other))
    same = (
        # A symptom, unlike a fault model, may be that of many faults, and "in every case" may be the pattern of many.
        (does and (bool(one.cause.fault) or related or plainest))
        or (where and (related or plainest))
        or (related and share >= MOST)
    )
    return (does, where, plainest, share) if same else None


def _does_the_same(one: RunCause, other: RunCause) -> bool:
    if one.cause.fault or other.cause.fault:
        return one.cause.fault == other.cause.fault
    return normalised(one.cause.does) == normalised(other.cause.does)


def _pattern(one: RunCause) -> frozenset[str]:
    """The conditions of its pattern, in words: a ledger writes them otherwise than a run does."""
    return frozenset(str(condition) for condition in one.cause.where if condition.feature not in PLACES)


def _features(one: RunCause) -> set[str]:
    return {condition.feature for condition in one.cause.where} - PLACES


def _shows_at_common_places(one: RunCause, apart: Collection[str]) -> bool:
    return all(not names or {*names} - {*apart} for names in (one.cause.dtypes, one.cause.devices))


def _tested(run: Results, apart: Collection[str]) -> set[str]:
    """The clauses that were tested at places which both runs have."""
    return {
        verdict.clause
        for verdict in run.verdicts
        if verdict.outcome in TESTED and not {verdict.dtype, verdict.device} & {*apart}
    }
