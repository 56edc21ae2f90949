"""Which fault model does what an implementation was observed to do, where it deviates and where it does not."""

from __future__ import annotations

from dataclasses import dataclass

from embedding_conformance.judging.compare import Deviation, compare, compare_gradient
from embedding_conformance.judging.expectations import Expectations
from embedding_conformance.judging.observed import Observations, Observed
from embedding_reference import Embedding, Permitted, Tensor, Within
from embedding_reference.fault_models import FAULT_MODELS, GRADIENT, OUTPUT, FaultModel

FEWEST_DEVIATING = 3
"""Cases that deviate without which nothing is explained: a single one is explained by too many fault models."""


@dataclass(frozen=True)
class Explanation:
    """A fault model that does what was observed.

    Attributes:
        fault: the fault model.
        deviating: in how many answers that deviate.
        conforming: in how many that do not.
    """

    fault: type[FaultModel]
    deviating: int
    conforming: int

    @property
    def text(self) -> str:
        """The explanation in a sentence."""
        others = f", and in {self.conforming} that do not," if self.conforming else ""
        where = f"in all of {self.deviating} cases that deviate{others}"
        return f"{where} it does what this fault does: {self.fault.sentence()}"


def explain(observations: Observations) -> Explanation | None:
    """The first fault model that permits every answer that was observed; None where there is none.

    Nothing is explained where something deviates that is no answer to a case (a refusal, an attribute), or where the
    model itself permits what deviates: then the clause asks for more than an answer to the case.
    """
    deviating = sorted(observations.deviating, key=_size)
    if observations.others or len({one.case for one in deviating}) < FEWEST_DEVIATING:
        return None
    if any(_permits(one.case.config, one) for one in deviating):
        return None
    concerned = {one.what for one in deviating}
    left = [fault for fault in FAULT_MODELS if concerned <= set(fault.about)]
    # A clause may judge another case than its own; then the model does not permit what is no answer to this one.
    conforming = [one for one in sorted(observations.conforming, key=_size) if _permits(one.case.config, one)]
    for one in (*deviating, *conforming):
        left = [fault for fault in left if _permits(fault.of(one.case.config), one)]
        if not left:
            return None
    return Explanation(left[0], len(deviating), len(conforming)) if left else None


def _size(one: Observed) -> int:
    return one.case.weight.numel + sum(lookup.upstream.numel for lookup in one.case.lookups)


def _permits(model: Embedding, one: Observed) -> bool:
    """Whether a model permits what was observed."""
    permitted = _permitted(model, one)
    try:
        if isinstance(one.answer, Tensor):
            compare(one.what, permitted, one.answer)
        else:
            assert isinstance(permitted, Within)
            compare_gradient(one.what, permitted, one.answer, "dense" if one.answer.rows is None else "sparse")
    except Deviation:
        return False
    return True


def _permitted(model: Embedding, one: Observed) -> Permitted:
    expectations = Expectations(one.case, model=model)
    if one.what == OUTPUT:
        return expectations.output
    return expectations.gradient if one.what == GRADIENT else expectations.weight
