"""What was judged, kept for the diagnosis: answers to cases that deviate, and to some that do not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from embedding_conformance.boundary.observations import Gradient
from embedding_conformance.cases.case import Case
from embedding_reference import Tensor
from embedding_reference.model import Form

MOST = 120
"""How many of each kind are kept; enough to tell fault models apart."""

LARGEST = 2000
"""Elements of a tensor beyond which a case is not kept: the oracle is slow on it."""

Answer = Tensor | Gradient | Form | Mapping[str, object]


@dataclass(frozen=True)
class Observed:
    """An answer that was judged.

    Attributes:
        case: what was asked.
        what: "output" (of the first lookup), "weight" (after it), "gradient" (after all lookups), "form" (the layout,
            shape and dtype of that), "second order" (the derivative of the gradient of the first lookup) or
            "attributes".
        answer: the tensor, the gradient, its form, or the attributes by name.
        deviates: whether the contract does not permit it.
    """

    case: Case
    what: str
    answer: Answer
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
