"""Groups of findings that are of one cause: alike in what deviates and where, or the one a consequence of the other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from embedding_conformance.cases.whole import Features
from embedding_conformance.diagnosis.pattern import Pattern, learn
from embedding_conformance.diagnosis.shown import Shown
from embedding_reference.fault_models import FAULT_MODELS, GRADIENT
from embedding_reports.condition import Condition

SPARE = 0.1
"""How many cases one pattern for two findings may cover although they conform, for each that deviates: a case may hide
what is wrong, as where a gradient is infinite anyway."""

ABOUT = {fault.__name__: fault.about for fault in FAULT_MODELS}
"""What each fault model is about, by its name."""

LIVES = "sequences"
"""The section of the clauses that use whatever there is to use, so that they are about nothing by themselves."""


def alike(found: Iterable[Shown]) -> list[Group]:
    """Findings as groups of which each deviates in one thing, in cases of one pattern; the first come first."""
    return _united([Group(Pattern(one.where), [one]) for one in found], _together)


def with_consequences(groups: Sequence[Group]) -> list[Group]:
    """Groups as fewer: what deviates in something else, but goes along with another group, is a consequence of it."""
    return _united(groups, _followed)


def _united(groups: Sequence[Group], unite: Callable[[Group, Group], Group | None]) -> list[Group]:
    """The groups, each united with the first one before it that it can be, until none can."""
    united: list[Group] = []
    for group in groups:
        for number, other in enumerate(united):
            if (one := unite(other, group)) is not None:
                united[number] = one
                break
        else:
            united.append(group)
    return united if len(united) == len(groups) else _united(united, unite)


@dataclass(frozen=True)
class Group:
    """Findings of one cause.

    Attributes:
        pattern: the pattern of all of their cases.
        members: the findings.
        consequences: findings of something else that most likely follows from it, in cases of any pattern.
    """

    pattern: Pattern
    members: list[Shown]
    consequences: list[Shown] = field(default_factory=list)

    @property
    def section(self) -> str:
        """The section of the contract of most of the clauses; that of lives only where there is no other."""
        sections = Counter(one.clause.partition(".")[0] for one in self.members)
        return max(sections, key=lambda section: (section != LIVES, sections[section]))

    @property
    def symptoms(self) -> set[str]:
        """What deviates, but for numbers."""
        return {one.symptom for one in (*self.members, *self.consequences)} - {""}

    @property
    def patterns(self) -> set[tuple[str, tuple[Condition, ...]]]:
        """What deviates and where, by the patterns of the findings themselves, but for those that have none."""
        return {(one.symptom, one.where) for one in self.members if one.where}

    @property
    def summaries(self) -> set[str]:
        """What deviates, in words, numbers too."""
        return {one.evidence.summary for one in self.members}

    @property
    def fault(self) -> str | None:
        """The fault model that does the same in most of the findings, of those that explain one of them."""
        names = [name for one in self.members if one.fault for name in one.models]
        doing_so = Counter(name for one in self.members for name in one.models)
        return max(names, key=lambda name: doing_so[name]) if names else None

    def is_explained_by(self, fault: str | None) -> bool:
        """Whether a fault model does the same in all of them, as far as fault models are about what deviates."""
        each = [one.models for one in self.members if one.models]
        return bool(each) and all(fault in models for models in each)

    def says_nothing_of(self, other: Group) -> bool:
        """Whether this is explained by a fault of output or weight, and another one is about unexplained gradients."""
        fault, unexplained = self.fault, not any(one.models for one in other.members)
        return (
            unexplained
            and fault is not None
            and GRADIENT not in ABOUT[fault]
            and all("gradient" in one for one in other.summaries)
        )

    @property
    def deviating(self) -> list[Features]:
        """The features of the members' cases that deviate."""
        return [features for one in self.members for features in one.deviating]

    @property
    def conforming(self) -> list[Features]:
        """Those of their cases that conform although they could deviate."""
        return [features for one in self.members for features in one.conforming]

    @property
    def is_of_refusals(self) -> bool:
        """Whether all cases that deviate have an index out of range."""
        return bool(self.deviating) and all(features.get("index_out_of_range") for features in self.deviating)

    @property
    def exceptions(self) -> int:
        """How many cases have the pattern and conform all the same."""
        return sum(map(self.pattern.holds, self.conforming))


def _together(one: Group, other: Group) -> Group | None:
    """Two groups as one, if they are of one cause."""
    members = [*one.members, *other.members]
    alike = one.members[0].symptom == other.members[0].symptom
    alike = alike and not one.says_nothing_of(other) and not other.says_nothing_of(one)
    if one.pattern == other.pattern and (alike or one.pattern.conditions):
        return Group(one.pattern, members)
    explained = other.is_explained_by(one.fault) or one.is_explained_by(other.fault)
    if not alike and not explained:
        return None
    united = Group(Pattern(), members)
    if not united.deviating:
        return None
    united = replace(united, pattern=learn(united.deviating, united.conforming))
    if explained:
        return united
    spare = len(other.deviating) * SPARE
    return united if united.exceptions <= one.exceptions + other.exceptions + spare else None


def _followed(one: Group, other: Group) -> Group | None:
    """Two groups as one with a consequence, if one follows from the other; it leads that is explained, or plainer."""
    if one.fault and other.fault:
        return None
    leading, following = (other, one) if other.fault else (one, other)
    if not _follows(following, leading) and not _follows(leading, following):
        return None
    return replace(leading, consequences=[*leading.consequences, *following.members, *following.consequences])


def _follows(other: Group, one: Group) -> bool:
    """Whether a group goes along with another one, so that it is most likely a consequence.

    It does where it shows in just the cases that have the other's pattern, or where a finding of each has one pattern
    and shows the same thing; about the same argument, where it shows in no case without the other's pattern, or where
    the same thing deviates; and in a life, which uses all arguments, where the same does. What a lookup within the
    table gives does not follow from what one out of range is answered.
    """
    if one.is_of_refusals != other.is_of_refusals:
        return False
    shown, hidden = ([*map(one.pattern.holds, cases)] for cases in (other.deviating, other.conforming))
    spare = SPARE * len(shown)
    if one.pattern.conditions and shown and hidden and shown.count(False) <= spare and hidden.count(True) <= spare:
        return True
    if one.patterns & other.patterns:
        return True
    if one.section == other.section:
        return all(shown) or bool(one.symptoms & other.symptoms)
    return other.section == LIVES and bool(one.summaries & other.summaries)
