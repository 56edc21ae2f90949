"""What was judged, kept for the diagnosis: answers to cases that deviate, and to some that do not."""

from __future__ import annotations

from dataclasses import dataclass, field

from embedding_conformance.boundary.observations import Gradient
from embedding_conformance.cases.case import Case
from embedding_reference import Tensor

MOST_DEVIATING, MOST_CONFORMING = 30, 60
"""How many are kept of one clause; enough to tell fault models apart."""

LARGEST = 2000
"""Elements of a tensor beyond which a case is not kept: the oracle is slow on it."""


@dataclass(frozen=True)
class Observed:
    """An answer that was judged.

    Attributes:
        case: what was asked.
        what: "output" (of the first lookup), "weight" (after it) or "gradient" (after all lookups).
        answer: the tensor, or the gradient.
        deviates: whether the contract does not permit it.
    """

    case: Case
    what: str
    answer: Tensor | Gradient
    deviates: bool


@dataclass
class Observations:
    """The answers that were kept.

    Attributes:
        deviating: those that the contract does not permit.
        conforming: those that it permits.
        others: how many deviations there were that no answer shows: a refusal, an attribute, the end of the process.
    """

    deviating: list[Observed] = field(default_factory=list)
    conforming: list[Observed] = field(default_factory=list)
    others: int = 0

    def with_more(self, more: Observations) -> Observations:
        """These and others together."""
        return Observations(
            [*self.deviating, *more.deviating], [*self.conforming, *more.conforming], self.others + more.others
        )

    def keep(self, observed: Observed) -> None:
        """Keep an answer, unless there are enough, or the case is large."""
        kept, most = (self.deviating, MOST_DEVIATING) if observed.deviates else (self.conforming, MOST_CONFORMING)
        case = observed.case
        size = max(case.weight.numel, *(lookup.upstream.numel for lookup in case.lookups), 0)
        if len(kept) < most and size <= LARGEST:
            kept.append(observed)
