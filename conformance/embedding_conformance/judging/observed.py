"""What was judged, kept for the diagnosis: answers to cases that deviate, and to some that do not."""

from __future__ import annotations

from dataclasses import dataclass, field

from embedding_conformance.boundary.observations import Gradient
from embedding_conformance.cases.case import Case
from embedding_reference import Tensor

MOST = 120
"""How many of each kind are kept; enough to tell fault models apart."""

LARGEST = 2000
"""Elements of a tensor beyond which a case is not kept: the oracle is slow on it."""


@dataclass(frozen=True)
class Observed:
    """An answer that was judged.

    Attributes:
        case: what was asked.
        what: "output" (of the first lookup), "weight" (after it), "gradient" (after all lookups) or "second order" (the
            derivative of the gradient of the first one).
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
    """

    deviating: list[Observed] = field(default_factory=list)
    conforming: list[Observed] = field(default_factory=list)

    def keep(self, observed: Observed) -> None:
        """Keep an answer, unless there are enough, or the case is large."""
        kept = self.deviating if observed.deviates else self.conforming
        case = observed.case
        size = max(case.weight.numel, *(lookup.upstream.numel for lookup in case.lookups), 0)
        if len(kept) < MOST and size <= LARGEST:
            kept.append(observed)
