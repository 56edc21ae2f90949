"""Causes: findings of many clauses, dtypes and processes that come of one thing, as one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from embedding_conformance.cases.case import Case, Life
from embedding_conformance.cases.whole import Features
from embedding_conformance.diagnosis.finding import Finding
from embedding_conformance.diagnosis.pattern import Pattern, learn
from embedding_conformance.judging.clause import Clause
from embedding_reference.fault_models import FAULT_MODELS
from embedding_reports.condition import Condition
from embedding_reports.outcomes import LEVELS
from embedding_reports.records import Cause, Evidence

SECTIONS = (
    "lookup",
    "gradient",
    "padding_idx",
    "scale_grad_by_freq",
    "sparse",
    "max_norm",
    "norm_type",
    "from_pretrained",
    "construction",
    "module",
    "sequences",
)
"""The sections of the contract, the plainest first: a cause is named by the plainest clause that it breaks."""

DTYPES = ("float32", "float64")
"""The dtypes whose smallest case is shown first."""

SPARE = 0.1
"""How many cases one pattern for two findings may cover although they conform, for each that deviates: a case may hide
what is wrong, as where a gradient is infinite anyway."""

SENTENCES = {fault.__name__: fault.sentence() for fault in FAULT_MODELS}
"""What each fault model does, by its name."""

Place = tuple[str, str | None, str | None]
"""A clause, and the dtype and the device on which it was tested."""


@dataclass(frozen=True)
class Shown:
    """A finding as plain data, which processes can exchange.

    Attributes:
        clause: id of the clause.
        dtype: the weight dtype; None where the clause does not depend on it.
        device: the device; None likewise.
        symptom: what deviates; "" where it is numbers, which depend on each other.
        where: in which cases.
        does: what is done instead, in words.
        fault: name of the fault model that does the same, or None.
        models: names of all fault models that do the same in these few cases, whether or not one can be told by them.
        deviating: the features of the cases that deviate.
        conforming: those of the cases that do not, although they could.
        size: the order of the smallest case among others.
        arguments: the arguments that it has.
        evidence: the deviation of the smallest case.
    """

    clause: str
    dtype: str | None
    device: str | None
    symptom: str
    where: tuple[Condition, ...]
    does: str
    fault: str | None
    models: tuple[str, ...]
    deviating: tuple[Mapping[str, Any], ...]
    conforming: tuple[Mapping[str, Any], ...]
    size: tuple[int, ...]
    arguments: tuple[str, ...]
    evidence: Evidence

    @property
    def place(self) -> Place:
        """Where it was shown."""
        return self.clause, self.dtype, self.device


def shown(finding: Finding, place: Place, evidence: Evidence) -> Shown:
    """A finding as plain data."""
    explained, case = finding.explanation, finding.case
    return Shown(
        *place,
        symptom="" if finding.deviation.difference else finding.symptom,
        where=finding.pattern.conditions,
        does=explained.text if explained else finding.deviation.summary,
        fault=explained.fault.__name__ if explained else None,
        models=finding.models.names if finding.models else (),
        deviating=tuple(finding.deviating),
        conforming=tuple(finding.conforming),
        size=size(case) if case else (),
        arguments=tuple(sorted(case.config.in_use)) if case else (),
        evidence=evidence,
    )


def size(case: Case) -> tuple[int, ...]:
    """The order of a case among others, in that of the reducer."""
    lookups = case.lookups
    layouts = (case.weight_layout, *(one.index_layout for one in lookups), *(one.upstream_layout for one in lookups))
    return (
        len(case.steps) if isinstance(case, Life) else 0,
        len(lookups),
        len(case.config.in_use),
        case.config.num_embeddings + case.config.embedding_dim + sum(one.index.numel for one in lookups),
        sum(len(one.index.shape) != 1 for one in lookups),
        sum(layout != "contiguous" for layout in layouts),
        sum(one.index.dtype != "int64" for one in lookups),
    )


def causes_of(found: Iterable[Shown], clauses: Sequence[Clause]) -> list[tuple[Cause, Sequence[Shown]]]:
    """The causes of findings, each with its findings, the most serious cause first.

    Findings are of one cause where they have the same pattern, or where they deviate in numbers, or in the same other
    thing, and one pattern tells the cases of all of them apart hardly worse than a pattern for each does; or where a
    fault model that explains some of them does what was observed in all.
    """
    contract = {clause.id: clause for clause in clauses}
    groups: list[_Group] = []
    for one in sorted(found, key=lambda one: _plainness(one, one.arguments, contract)):
        group = _Group(Pattern(one.where), [one])
        for other in groups:
            if (together := _together(other, group)) is not None:
                groups[groups.index(other)] = together
                break
        else:
            groups.append(group)
    made = [(_cause(group, contract), group.members) for group in groups]
    ranked = sorted(made, key=lambda pair: (LEVELS.index(contract[pair[0].plainest].level), -len(pair[1])))
    return [(replace(cause, number=number), members) for number, (cause, members) in enumerate(ranked, 1)]


@dataclass(frozen=True)
class _Group:
    """Findings of one cause, and the pattern of all of their cases."""

    pattern: Pattern
    members: list[Shown]

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

    @property
    def deviating(self) -> list[Features]:
        return [features for one in self.members for features in one.deviating]

    @property
    def conforming(self) -> list[Features]:
        return [features for one in self.members for features in one.conforming]

    @property
    def exceptions(self) -> int:
        """How many cases have the pattern and conform all the same."""
        return sum(map(self.pattern.holds, self.conforming))


def _together(one: _Group, other: _Group) -> _Group | None:
    """Two groups as one, if they are of one cause."""
    members = [*one.members, *other.members]
    alike = one.members[0].symptom == other.members[0].symptom
    if one.pattern == other.pattern and (alike or one.pattern.conditions):
        return _Group(one.pattern, members)
    explained = other.is_explained_by(one.fault) or one.is_explained_by(other.fault)
    if not alike and not explained:
        return None
    united = _Group(Pattern(), members)
    if not united.deviating:
        return None
    united = replace(united, pattern=learn(united.deviating, united.conforming))
    if explained:
        return united
    spare = len(other.deviating) * SPARE
    return united if united.exceptions <= one.exceptions + other.exceptions + spare else None


def _cause(found: _Group, contract: Mapping[str, Clause]) -> Cause:
    group, pattern = found.members, found.pattern
    smallest = min(group, key=lambda one: (one.size, _rank(one.dtype)))
    ordered = sorted(group, key=lambda one: (_plainness(one, smallest.arguments, contract), _rank(one.dtype)))
    plainest = ordered[0]
    same = [one for one in ordered if one.clause == plainest.clause]
    deviating = sum(map(pattern.holds, found.deviating))
    alike = [one for one in ordered if one.fault and one.evidence.summary == plainest.evidence.summary]
    explained = alike[0] if alike else plainest
    fault = replace(found, members=ordered).fault if plainest.models else explained.fault
    return Cause(
        number=1,
        where=pattern.conditions,
        does=explained.does if fault == explained.fault else SENTENCES[fault or ""],
        fault=fault,
        plainest=plainest.clause,
        clauses=tuple(dict.fromkeys(one.clause for one in ordered)),
        dtypes=tuple(dict.fromkeys(one.dtype for one in group if one.dtype)),
        devices=tuple(dict.fromkeys(one.device for one in group if one.device)),
        deviating=deviating,
        covered=deviating + found.exceptions,
        outside=len(found.conforming) - found.exceptions,
        evidence=min(same, key=lambda one: (one.size, _rank(one.dtype))).evidence,
    )


def _plainness(one: Shown, arguments: Sequence[str], contract: Mapping[str, Clause]) -> tuple[int, ...]:
    """The order in which clauses name a cause.

    First come those that ask for just the arguments of the smallest case, and of them those of the section about one of
    the arguments, or else about what deviates.
    """
    clause = contract[one.clause]
    asked = clause.domain.asks_for if clause.domain else frozenset()
    section = SECTIONS.index(clause.section) if clause.section in SECTIONS else len(SECTIONS)
    return (
        LEVELS.index(clause.level),
        len(asked ^ set(arguments)),
        clause.section not in (arguments or ("gradient" if "gradient" in one.evidence.summary else "lookup",)),
        len(clause.needs) + clause.may_crash,
        section,
        [*contract].index(one.clause),
    )


def _rank(dtype: str | None) -> int:
    return DTYPES.index(dtype) if dtype in DTYPES else len(DTYPES)
