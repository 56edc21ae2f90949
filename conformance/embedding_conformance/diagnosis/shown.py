"""What was shown of a cause by one clause, as plain data that processes can exchange."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from embedding_conformance.cases.case import Case, Life
from embedding_conformance.diagnosis.finding import Finding
from embedding_reports.condition import Condition
from embedding_reports.records import Evidence

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
