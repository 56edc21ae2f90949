"""Which fault model does what an implementation was observed to do, where it deviates and where it does not."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial

from embedding_conformance.cases.case import Case
from embedding_conformance.cases.domain import ON, Domain, OneOutOfRange
from embedding_conformance.cases.edges import edges_of
from embedding_conformance.cases.strategies import UnderTest
from embedding_conformance.diagnosis.vary import with_other_norms
from embedding_conformance.judging.expectations import Expectations, permits
from embedding_conformance.judging.tally import Observations, Observed
from embedding_reference.fault_models import FAULT_MODELS, FaultModel

FEWEST_DEVIATING = 8
"""Cases that deviate without which no explanation is sure: few are explained by too many fault models."""


PLAIN = (
    OneOutOfRange(),
    Domain(padding_idx=ON),
    Domain(max_norm=ON),
    Domain(scale_grad_by_freq=ON),
    Domain(sparse=ON),
)
"""Domains whose edge cases are the plain ones."""


@dataclass(frozen=True)
class Explanation:
    """The fault models that do what was observed.

    Attributes:
        fault: the one that explains it best.
        others: the others.
        sure: whether enough cases deviate to tell it from others.
    """

    fault: type[FaultModel]
    others: tuple[type[FaultModel], ...] = ()
    sure: bool = True

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all of them, the best first."""
        return tuple(fault.__name__ for fault in (self.fault, *self.others))

    @property
    def text(self) -> str:
        """The explanation in a sentence."""
        return self.fault.sentence()


def explain(observations: Observations, what: str, covers: Callable[[Case], bool]) -> Explanation | None:
    """The fault models that permit every answer to the cases that a cause covers; None where there is none.

    One that permits all other answers, too, comes before one that is right only about those, and of several the one
    that is wrong in the fewest cases: it says no more than was seen. Nothing is explained where the reference model
    itself permits what deviates: then the clause asks for more than an answer to the case.

    Args:
        observations: the answers that were judged.
        what: which of them deviates: "output", "weight" or "gradient".
        covers: whether the cause covers a case.
    """
    deviating = sorted((one for one in observations.deviating if one.what == what and covers(one.case)), key=_size)
    if any(not _has_nan(one) for one in deviating):  # arithmetic may change the bits of a NaN in any way
        deviating = [one for one in deviating if not _has_nan(one)]
    if not deviating or any(permits(one.case.config, one) for one in deviating):
        return None
    # A clause may judge another case than its own; then the model does not permit what is no answer to this one.
    conforming = [one for one in sorted(observations.conforming, key=_size) if not _has_nan(one)]
    conforming = [one for one in conforming if permits(one.case.config, one)]
    inside, outside = ([one for one in conforming if covers(one.case) is wanted] for wanted in (True, False))
    left = [fault for fault in FAULT_MODELS if what in fault.about]
    left = _doing_the_same(left, [*deviating, *inside])
    if not left:
        return None
    doing_so = _doing_the_same(left, outside) or left
    best = min(doing_so, key=partial(_breadth, what)) if len(doing_so) > 1 else doing_so[0]
    others = tuple(fault for fault in left if fault is not best)
    return Explanation(best, others, sure=len({one.case for one in deviating}) >= FEWEST_DEVIATING)


@cache
def _breadth(what: str, fault: type[FaultModel]) -> int:
    """In how many plain cases a fault model is wrong: a measure of how much it says."""
    plain = [case for domain in PLAIN for case in edges_of(domain, UnderTest("float32"))]
    plain += with_other_norms(next(case for case in plain if case.config.max_norm))
    return sum(Expectations(case).exclude(what, fault) for case in plain)


def _doing_the_same(faults: list[type[FaultModel]], observed: Sequence[Observed]) -> list[type[FaultModel]]:
    """The fault models that permit all that was observed."""
    for one in observed:
        faults = [fault for fault in faults if permits(fault.of(one.case.config), one)]
        if not faults:
            break
    return faults


def _has_nan(one: Observed) -> bool:
    return any(map(math.isnan, one.case.weight.components()))


def _size(one: Observed) -> int:
    return one.case.weight.numel + sum(lookup.upstream.numel for lookup in one.case.lookups)
