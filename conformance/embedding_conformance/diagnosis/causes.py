"""Causes: findings of many clauses, dtypes and processes that come of one thing, as one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from embedding_conformance.diagnosis.groups import LIVES, Group, alike, with_consequences
from embedding_conformance.diagnosis.shown import Shown
from embedding_conformance.judging.clause import Clause
from embedding_reference.fault_models import FAULT_MODELS
from embedding_reports.outcomes import LEVELS
from embedding_reports.records import Cause

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

SENTENCES = {fault.__name__: fault.sentence() for fault in FAULT_MODELS}
"""What each fault model does, by its name."""


def causes_of(
    found: Iterable[Shown], clauses: Sequence[Clause], *, consequences: bool = True
) -> list[tuple[Cause, Sequence[Shown]]]:
    """The causes of findings, each with its findings, the most serious cause first.

    Findings are of one cause where they have the same pattern, or where they deviate in numbers, or in the same other
    thing, and one pattern tells the cases of all of them apart hardly worse than a pattern for each does; or where a
    fault model that explains some of them does what was observed in all.

    Args:
        found: the findings.
        clauses: the contract.
        consequences: whether what most likely follows from a cause, in cases of another pattern, is of that cause.
    """
    contract = {clause.id: clause for clause in clauses}
    groups = alike(sorted(found, key=lambda one: _plainness(one, one.arguments, contract)))
    if consequences:
        groups = with_consequences(groups)
    made = [(_cause(group, contract), [*group.members, *group.consequences]) for group in groups]
    ranked = sorted(made, key=lambda pair: (min(_level(contract[one]) for one in pair[0].clauses), -len(pair[1])))
    return [(replace(cause, number=number), members) for number, (cause, members) in enumerate(ranked, 1)]


def _cause(found: Group, contract: Mapping[str, Clause]) -> Cause:
    group, pattern = found.members, found.pattern
    whole = [*group, *found.consequences]
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
        clauses=tuple(dict.fromkeys(one.clause for one in [*ordered, *found.consequences])),
        dtypes=tuple(dict.fromkeys(one.dtype for one in whole if one.dtype)),
        devices=tuple(dict.fromkeys(one.device for one in whole if one.device)),
        deviating=deviating,
        covered=deviating + found.exceptions,
        outside=len(found.conforming) - found.exceptions,
        evidence=min(same, key=lambda one: (one.size, _rank(one.dtype))).evidence,
    )


def _plainness(one: Shown, arguments: Sequence[str], contract: Mapping[str, Clause]) -> tuple[int, ...]:
    """The order in which clauses name a cause.

    First come those that ask for just the arguments of the smallest case, and of them those of the section about one of
    the arguments, or else about what deviates; lives, which ask for all there is, come last.
    """
    clause = contract[one.clause]
    asked = clause.domain.asks_for if clause.domain else frozenset()
    section = SECTIONS.index(clause.section) if clause.section in SECTIONS else len(SECTIONS)
    return (
        _level(clause),
        clause.section == LIVES,
        len(asked ^ set(arguments)),
        clause.section not in (arguments or ("gradient" if "gradient" in one.evidence.summary else "lookup",)),
        len(clause.needs) + clause.may_crash,
        section,
        [*contract].index(one.clause),
    )


def _level(clause: Clause) -> int:
    return LEVELS.index(clause.level)


def _rank(dtype: str | None) -> int:
    return DTYPES.index(dtype) if dtype in DTYPES else len(DTYPES)
