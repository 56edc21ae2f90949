"""What the contract permits for a case: the only module that asks the oracle, and times it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from functools import cached_property

from embedding_conformance.cases.case import Case
from embedding_conformance.judging.compare import Deviation, compare, compare_gradient
from embedding_conformance.judging.tally import Observed, Tally
from embedding_reference import Embedding, Permitted, Tensor, Within
from embedding_reference.conversion import converted
from embedding_reference.fault_models import ATTRIBUTES, FORM, GRADIENT, OUTPUT, SECOND_ORDER, WEIGHT, FaultModel
from embedding_reference.model import Form
from embedding_reference.telling_apart import share_nothing


class Expectations:
    """What is permitted for one case; each expectation is computed when it is first used.

    Attributes:
        case: the case.
        tally: the tally to which the time that they take is added, if there is one.
        model: what computes them.
    """

    def __init__(self, case: Case, tally: Tally | None = None, *, model: Embedding | None = None) -> None:
        """The expectations for a case; a fault model as `model` computes them in place of the reference model."""
        self.case, self.tally, self.model = case, tally, model or case.config
        self._faulty: dict[type[FaultModel], Expectations] = {}
        self._excluded: dict[tuple[str, type[FaultModel], bool], bool] = {}

    def answer(self, what: str, *, wide: bool = False) -> Permitted:
        """An answer to the case by its name (`judging.tally.Observed.what`).

        `wide` is about the weight and the gradient, as in `weight_after` and `gradient_of`.

        Raises:
            KeyError: it has no such name.
        """
        return _ANSWERS[what](self, wide)

    def exclude(self, what: str, fault: type[FaultModel], *, wide: bool = False) -> bool:
        """Whether no answer that a fault model gives to the case is permitted; the arguments are those of `answer`."""
        key = (what, fault, wide)
        if key not in self._excluded:
            self._excluded[key] = self._exclude(what, fault, wide=wide)
        return self._excluded[key]

    def _exclude(self, what: str, fault: type[FaultModel], *, wide: bool) -> bool:
        if fault not in self._faulty:
            self._faulty[fault] = Expectations(self.case, model=fault.of(self.case.config))
        faulty = self._faulty[fault]
        faulty.tally = self.tally
        if what == ATTRIBUTES:
            return self.model.attributes() != faulty.model.attributes()
        if what == FORM:
            return self.form() != faulty.form()
        return share_nothing(self.answer(what, wide=wide), faulty.answer(what))

    @cached_property
    def outputs(self) -> tuple[Permitted, ...]:
        """The output of each lookup, as if it were the first one of the case."""
        with self._timed():
            return tuple(self.model.output(self.case.weight, lookup.index) for lookup in self.case.lookups)

    @property
    def output(self) -> Permitted:
        """The output of the first lookup."""
        return self.outputs[0]

    def output_from(self, weight: Tensor, index: Tensor | None = None) -> Permitted:
        """The output of looking `index` up (None: that of the first lookup) in the weight given, without rescaling."""
        config = replace(self.model, max_norm=None)
        with self._timed():
            return config.output(weight, self.case.index if index is None else index)

    @cached_property
    def weight(self) -> Permitted:
        """The weight after the first lookup."""
        return self.weight_after()

    def weight_after(self, *, wide: bool = False) -> Permitted:
        """The weight after the first lookup; `wide` as in `embedding_reference.Embedding.weight_after`."""
        with self._timed():
            return self.model.weight_after(self.case.weight, self.case.index, wide=wide)

    @cached_property
    def gradient(self) -> Permitted:
        """The weight's gradient after all lookups."""
        return self.gradient_of()

    def gradient_of(self, *, wide: bool = False) -> Permitted:
        """The weight's gradient after all lookups; `wide` as in `embedding_reference.Embedding.gradient`."""
        with self._timed():
            return self.model.gradient(self.case.weight.dtype, self._pairs, wide=wide)

    def second_order(self, direction: Tensor) -> Permitted:
        """The derivative of the gradient along a direction (`embedding_reference.Embedding.second_order`)."""
        with self._timed():
            return self.model.second_order(self.case.index, direction)

    def cast(self, dtype: str, tensor: Tensor | None = None) -> Permitted:
        """A tensor (None: the weight) rounded to another dtype."""
        with self._timed():
            return converted(self.case.weight if tensor is None else tensor, dtype)

    def form(self) -> Form | None:
        """The layout, the shape and the dtype of the gradient; None where there must be none."""
        return self.model.gradient_form(self.case.weight.dtype, self._pairs)

    @property
    def _pairs(self) -> list[tuple[Tensor, Tensor]]:
        """The index and the upstream gradient of each lookup."""
        return [(lookup.index, lookup.upstream) for lookup in self.case.lookups]

    def _timed(self) -> AbstractContextManager[None]:
        return self.tally.measured("reference") if self.tally else nullcontext()


def reversed_order(weight: Tensor) -> Tensor:
    """A table that differs from the weight, its elements in reverse order: the direction of second derivatives."""
    return Tensor.of(weight.dtype, weight.shape, reversed(weight.values()))


_ANSWERS: Mapping[str, Callable[[Expectations, bool], Permitted]] = {
    OUTPUT: lambda expected, _: expected.output,
    WEIGHT: lambda expected, wide: expected.weight_after(wide=True) if wide else expected.weight,
    GRADIENT: lambda expected, wide: expected.gradient_of(wide=True) if wide else expected.gradient,
    SECOND_ORDER: lambda expected, _: expected.second_order(reversed_order(expected.case.weight)),
}


def permits(model: Embedding, observed: Observed) -> bool:
    """Whether a model permits what was observed."""
    if isinstance(observed.answer, Mapping):
        kept = model.attributes()
        return all(kept[name] == value for name, value in observed.answer.items())
    expected = Expectations(observed.case, model=model)
    if isinstance(observed.answer, tuple):
        return bool(observed.answer == expected.form())
    permitted = expected.answer(observed.what)
    try:
        if isinstance(observed.answer, Tensor):
            compare(observed.what, permitted, observed.answer, payloads=True)
        else:
            assert isinstance(permitted, Within)
            layout = "dense" if observed.answer.rows is None else "sparse"
            compare_gradient(observed.what, permitted, observed.answer, layout)
    except Deviation:
        return False
    return True
