"""Whether a case could show what deviates: on one that could not, that it conforms says nothing about the pattern."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from embedding_conformance.cases.case import Case, Lookup
from embedding_conformance.diagnosis.explain import Explanation
from embedding_conformance.diagnosis.smaller import with_each_lookup
from embedding_conformance.judging.compare import Deviation
from embedding_conformance.judging.expectations import Expectations
from embedding_reference import Tensor
from embedding_reference.fault_models import GRADIENT, OUTPUT, WEIGHT, FaultModel, gradients, max_norm, outputs

BLATANT: dict[str, tuple[type[FaultModel], ...]] = {
    OUTPUT: (outputs.DoublesTheOutput, outputs.ZeroesTheOutput),
    GRADIENT: (gradients.DoublesTheGradient, gradients.GivesNoGradient),
    WEIGHT: (max_norm.IgnoresMaxNorm,),
}
"""Faults that show wherever an answer has an element that matters: not in zeros, and not where there is none."""

FEW = 8
"""How many indices are few."""

ANSWERS = {"output": OUTPUT, "gradient": GRADIENT, "derivative": GRADIENT, "step": GRADIENT, "weight": WEIGHT}
"""Words for what a clause judges, and the answer that decides whether there is anything to see."""


def could_show(case: Case, deviation: Deviation, explanation: Explanation | None = None) -> bool:
    """Whether a number that is wrong as in a deviation, or as its explanation says, could show in another case."""
    if explanation is not None:
        return Expectations(case).exclude(deviation.answer, explanation.fault)
    if deviation.difference is None:
        return True
    what = next((what for word, what in ANSWERS.items() if word in deviation.symptom), None)
    if what == GRADIENT and case.config.freeze:
        return False
    if what == WEIGHT and case.config.max_norm is None:  # what is written without need shows anywhere
        return True
    # What shows in the answer to a few of the indices shows in the answer to all of them, which takes longer to make.
    return what is None or any(_shows(part, what) for part in (with_each_lookup(case, _of_few_indices), case))


def _shows(case: Case, what: str) -> bool:
    return all(map(partial(Expectations(case).exclude, what), BLATANT[what]))


def _of_few_indices(lookup: Lookup) -> Lookup:
    """The lookup of the first few indices."""
    index, upstream = lookup.index, lookup.upstream
    count, columns = min(index.numel, FEW), upstream.shape[-1]
    few = Tensor(index.dtype, (count,), index.data[: count * index.format.itemsize])
    each = columns * upstream.format.itemsize
    return replace(lookup, index=few, upstream=Tensor(upstream.dtype, (count, columns), upstream.data[: count * each]))
