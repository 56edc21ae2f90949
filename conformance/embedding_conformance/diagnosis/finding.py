"""A finding: what one clause showed of a cause, on one dtype and device."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from embedding_conformance.cases.case import Case
from embedding_conformance.cases.whole import Features
from embedding_conformance.diagnosis.explain import Explanation
from embedding_conformance.diagnosis.pattern import Pattern, features_of
from embedding_conformance.diagnosis.visible import could_show
from embedding_conformance.judging.clause import Clause
from embedding_conformance.judging.compare import Deviation


@dataclass
class Finding:
    """What a clause showed of a cause.

    Attributes:
        deviation: that of the smallest case.
        case: the smallest case; None for a clause that draws no cases, and for a deviation that was not diagnosed.
        pattern: in which cases the clause deviates.
        deviating: the features of the cases that deviate, as far as they were tried.
        conforming: the same of those that do not.
        models: the fault models that do the same, if there are any.
        clause: the clause; None where it was not diagnosed.
    """

    deviation: Deviation
    case: Case | None
    pattern: Pattern = field(default_factory=Pattern)
    deviating: list[Features] = field(default_factory=list)
    conforming: list[Features] = field(default_factory=list)
    models: Explanation | None = None
    clause: Clause | None = None

    @property
    def explanation(self) -> Explanation | None:
        """The fault model that does the same, if that is sure."""
        return self.models if self.models and self.models.sure else None

    @property
    def symptom(self) -> str:
        """What deviates."""
        return self.deviation.symptom

    def covers(self, case: Case) -> bool:
        """Whether a case has the pattern."""
        return self.pattern.holds(features_of(case))

    def has_become(self, deviation: Deviation) -> bool:
        """Whether a case that changes in its course deviates where it has become one of this cause."""
        reached = deviation.reached
        if reached is None or self.clause is None or self.clause.domain is None:
            return False
        return self.clause.domain.admits(reached) and self.covers(reached) and self.is_shown_by(deviation)

    def is_shown_by(self, deviation: Deviation) -> bool:
        """Whether a deviation in a case that has the pattern may be of this cause: any of numbers, or the same one."""
        if self.deviation.difference and deviation.difference:
            return True
        return self.symptom == deviation.symptom

    def take(self, case: Case, deviation: Deviation | None) -> bool:
        """Take what came of a case that has the pattern; whether it is of this cause."""
        if deviation is not None and not self.is_shown_by(deviation):
            return False
        if deviation is not None:
            self.deviating.append(features_of(case))
        elif could_show(case, self.deviation, self.explanation):
            self.conforming.append(features_of(case))
        return True

    def fits(self, deviating: Sequence[Features], conforming: Sequence[Features]) -> bool:
        """Whether cases deviate just where they have the pattern."""
        return all(map(self.pattern.holds, deviating)) and not any(map(self.pattern.holds, conforming))
