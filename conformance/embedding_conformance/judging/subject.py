"""The `embedding` that a clause's test takes: the implementation under test on one dtype and device."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

from embedding_conformance.boundary.adapter import Adapter, Instance
from embedding_conformance.boundary.description import Description
from embedding_conformance.boundary.observations import Backward, Forward, Gradient, Observation, Shape
from embedding_conformance.boundary.refusals import Refused, Unsupported
from embedding_conformance.cases import palettes
from embedding_conformance.cases.case import Case, Lookup
from embedding_conformance.judging import compare
from embedding_conformance.judging.clause import Clause
from embedding_conformance.judging.compare import Deviation
from embedding_conformance.judging.declarations import Declarations
from embedding_conformance.judging.driver import Driver
from embedding_conformance.judging.examination import Body, Examination
from embedding_conformance.judging.expectations import Expectations, reversed_order
from embedding_conformance.judging.shared import Shared
from embedding_conformance.judging.tally import Answer, Observed, Tally
from embedding_reference import Exactly, Interval, Permitted, Raises, Rows, Tensor, Within
from embedding_reference.fault_models import ATTRIBUTES, FORM, GRADIENT, OUTPUT, SECOND_ORDER, WEIGHT

ANSWERS = {"output": OUTPUT, "the weight": WEIGHT, "the derivative": SECOND_ORDER}
"""What tests call the answers to a case that fault models are about, beside the gradient."""


class Subject:
    """The implementation under test on one dtype and device, with all that the tests of clauses do with it.

    Attributes:
        description: its description by the adapter.
        dtype: the weight dtype.
        device: the device.
        driver: the driver that calls it.
        declarations: what is declared unsupported.
        examination: runs a clause on its cases, and keeps the tally.
    """

    def __init__(
        self,
        adapter: Adapter,
        description: Description,
        dtype: str,
        device: str,
        *,
        fallback: Adapter | None = None,
        losses: float = math.inf,
        missing: set[str] | None = None,
        shared: Shared | None = None,
    ) -> None:
        """An implementation on which nothing was tested yet.

        Args:
            adapter: the adapter that drives it.
            description: its description by the adapter.
            dtype: the weight dtype.
            device: the device.
            fallback: the adapter that replaces it once its process is lost; None: the same one.
            losses: the number of lost processes after which the examination of a clause ends.
            missing: the verbs that the adapter turned out not to have, a set that several subjects may share.
            shared: the answers to the case that the clauses of several subjects are asked about; None: it is alone.
        """
        self.description, self.dtype, self.device = description, dtype, device
        self.driver = Driver(adapter, fallback or adapter, dtype, device, missing)
        self.declarations = Declarations(description, dtype, device)
        self.examination = Examination(self.driver, self.declarations, losses)
        self._shared = shared or Shared()
        self._expected: Expectations | None = None
        self.make, self.fresh, self.signature = self.driver.make, self.driver.fresh, self.driver.signature
        self.refuses_size = self.driver.refuses_size

    @property
    def tally(self) -> Tally:
        """The tally of the clause that is being examined."""
        return self.examination.tally

    def examine(self, clause: Clause, body: Body, case: Case | None) -> None:
        """Run a test's body on one case, or on none (`judging.examination.Examination.run`)."""
        self.examination.run(self, clause, body, case)

    # -- calling ------------------------------------------------------------------------------------------------------

    def run(self, case: Case, *, backward: bool = True, together: bool = False, via: str = "assignment") -> Observation:
        """Make the embedding, look up, and differentiate, unless it is frozen or `backward` is false.

        Args:
            case: the case.
            backward: whether to differentiate, which a lookup under no_grad cannot be.
            together: whether to differentiate all lookups in one backward.
            via: how the weight is given (`boundary.adapter.Adapter.make`).

        Raises:
            Refused: the implementation raised.
            Unsupported: the adapter does not provide a verb.
        """
        how = backward, together, via
        return self._shared.answer(case, how, self.driver, partial(self._run, case, *how))

    def _run(self, case: Case, backward: bool, together: bool, via: str) -> Observation:
        instance = self.make(case, via=via)
        if backward and not case.config.freeze:
            answer = instance.gradient(lookups=case.lookups, together=together)
            return Observation(answer.outputs, answer.gradient, instance.weight())
        outputs = tuple(self.look_up(case, instance, number).output for number in range(len(case.lookups)))
        return Observation(outputs, None, instance.weight())

    def look_up(self, case: Case, instance: Instance, number: int = 0) -> Forward:
        """Make one of the lookups of a case, the first one by default, without differentiating it."""
        lookup = case.lookups[number]
        return instance.forward(lookup=lookup, no_grad=True) if case.no_grad else instance.forward(lookup=lookup)

    def permits(self, case: Case) -> Expectations:
        """What the contract permits for the case; that for the latest case is kept."""
        if (shared := self._shared.expected(case, self.tally)) is not None:
            return shared
        if self._expected is None or self._expected.case != case:
            self._expected = Expectations(case, self.tally)
        return self._expected

    def require_shared_memory(self, case: Case, instance: Instance) -> None:
        """Make sure that a change of the weight shows in the tensor that the embedding was made with.

        Raises:
            Unsupported: it does not, so that it is not known where the weight is stored.
        """
        instance.edit(weight=palettes.inverted(case.weight))
        if instance.given() == case.weight:
            raise Unsupported("the weight does not lie in the tensor that it was made with")
        instance.edit(weight=case.weight)

    # -- judging ------------------------------------------------------------------------------------------------------

    def use(self, case: Case, instance: Instance, *, pending: Sequence[Lookup] = ()) -> Tensor:
        """Look up, differentiate unless the weight is frozen, and judge output, weight and gradient.

        Args:
            case: the weight as it is now, and one lookup; or, without max_norm, several, differentiated together.
            instance: the instance that is used.
            pending: the lookups whose gradients are already accumulated.

        Returns:
            The weight afterwards.

        Raises:
            Deviation: one of them is not permitted.
        """
        lookups, gradient = case.lookups, None
        if case.config.freeze:
            forwards = [instance.forward(lookup=lookup) for lookup in lookups]
            compare.equal("requires_grad of the outputs", {False}, {one.requires_grad for one in forwards})
            outputs = tuple(one.output for one in forwards)
        else:
            gradient = instance.gradient(lookups=lookups, together=len(lookups) > 1)
            outputs = gradient.outputs
        weight: Tensor = instance.weight()
        permitted = self.permits(case)
        self.judge("the weight", permitted.weight, weight, of=case)
        for lookup, output in zip(lookups, outputs):
            asked = replace(case, weight=weight, lookups=(lookup,), config=replace(case.config, max_norm=None))
            self.judge("output", permitted.output_from(weight, lookup.index), output, of=asked)
        if gradient is not None:
            whole = replace(case, lookups=(*pending, *lookups))
            self.judge_gradient(whole, self.permits(whole).gradient, gradient)
        return weight

    def judge(
        self, what: str, permitted: Permitted, observed: Tensor, *, of: Case | None = None, payloads: bool = False
    ) -> None:
        """Judge a tensor (`compare.compare`), and keep the worst error in the tally.

        Args:
            what: the name of the tensor in messages.
            permitted: what the contract permits.
            observed: the tensor.
            of: the case to which it is the answer, where that is not the one that is run.
            payloads: whether a NaN must keep its sign and payload.
        """
        with self._observing(of or self.examination.case, ANSWERS.get(what, ""), observed):
            bits = partial(compare.compare, what, payloads=payloads)
            self._keep(self._shared.compared((what, payloads), bits, permitted, observed))

    def judge_second_order(self, case: Case) -> None:
        """Ask for the derivative of the gradient by the upstream gradient, in a direction of its own, and judge it."""
        direction = reversed_order(case.weight)
        derivative = self.make(case).second_order(lookup=case.lookups[0], direction=direction)
        self.judge("the derivative", self.permits(case).second_order(direction), derivative)

    def judge_gradient(
        self, case: Case, permitted: Permitted, observed: Observation | Backward, *, alone: bool = True
    ) -> None:
        """Judge the weight's gradient, in the layout that the case's `sparse` stands for.

        Args:
            case: the case whose lookups it comes from.
            permitted: what the contract permits.
            observed: the answer that has the gradient.
            alone: whether nothing came between the lookups, so that it is an answer to the case.
        """
        assert isinstance(permitted, Within)
        if observed.gradient is None and case.trains_nothing:
            return  # as good as a gradient of zeros
        gradient = _gradient(observed)
        declared = self.tally.declared
        self._judge_form(case, gradient, permitted.dtype)
        if self.tally.declared > declared:
            return  # a gradient of another form is known here; its values are not compared with those of the right one
        with self._observing(case if alone else None, GRADIENT, gradient):
            values = partial(compare.gradient_values, "gradient")
            self._keep(self._shared.compared("gradient", values, permitted, gradient))

    def judge_gradient_form(self, case: Case, observed: Observation) -> None:
        """Judge the layout, shape, dtype and device of the weight's gradient, unless there need not be one."""
        if observed.gradient is None and case.trains_nothing:
            return
        gradient = _gradient(observed)
        self._judge_form(case, gradient, self.dtype)
        compare.equal("the gradient's device", self.device, gradient.device)

    def _judge_form(self, case: Case, gradient: Gradient, dtype: str) -> None:
        with self._observing(case, FORM, compare.form_of(gradient)):
            compare.form("gradient", gradient, _layout(case), case.weight.shape, dtype)

    def judge_attributes(self, case: Case, kept: Mapping[str, Any]) -> None:
        """Judge the attributes of the names of the documented arguments, but for arguments that are not taken."""
        taken = {n: v for n, v in case.config.attributes().items() if n not in self.description.untaken}
        with self._observing(case, ATTRIBUTES, {name: kept[name] for name in taken}):
            for name, value in taken.items():
                compare.equal(f"the attribute {name}", value, kept[name])

    def judge_gradient_rows(self, case: Case, observed: Observation, rows: AbstractSet[int], allowed: Interval) -> None:
        """Judge some rows of the weight's gradient, each of whose components must lie in `allowed`; no other row."""
        anything = Interval(None, None, frozenset({"any"}))
        width = case.config.embedding_dim * case.weight.format.components
        intervals = [allowed if row in rows else anything for row in range(case.weight.shape[0]) for _ in range(width)]
        self.judge_gradient(case, Within(case.weight.dtype, case.weight.shape, tuple(intervals)), observed)

    def judge_rows(
        self, what: str, permitted: Rows, observed: Tensor, rows: Sequence[int], *, of: Case | None = None
    ) -> None:
        """Judge some rows of a table, each by its own rule; the arguments are those of `judge`."""
        with self._observing(of or self.examination.case, ANSWERS.get(what, ""), observed):
            for row in rows:
                rule = permitted.rows[row]
                if not (isinstance(rule, Exactly) and rule.tensor.data == observed.row(row)):
                    self.judge(f"{what}, row {row}", rule, observed.entry(row))

    def refuses(
        self,
        what: str,
        permitted: Raises,
        call: Callable[[], object],
        *,
        of: Case | None = None,
        by_class: bool = False,
    ) -> None:
        """Judge that a call is refused.

        Args:
            what: the name of the call in messages.
            permitted: the families of exceptions that are meant for it.
            call: the call.
            by_class: whether the exception must be of one of them.
            of: the case whose first lookup it makes, where it makes one: what comes instead is the answer to that.
        """
        refused: Refused | None = None
        answer: object = None
        try:
            answer = call()
        except Refused as error:
            refused = error
        with self._observing(of, OUTPUT, answer.output if isinstance(answer, (Forward, Backward)) else None):
            compare.refusal(what, permitted, refused, by_class=by_class)

    @contextmanager
    def _observing(self, case: Case | None, what: str, answer: Answer | None) -> Iterator[None]:
        """Keep an answer for the diagnosis, with the outcome of the judgement within; go on where it is known.

        Raises:
            Deviation: the answer deviates, and not as a known deviation says.
        """
        try:
            yield
        except Deviation as deviation:
            observed = self._observed(case, what, answer, deviates=True)
            if observed is not None:
                deviation.answer = what
            if not self.examination.declares(deviation, observed):
                raise
        else:
            self._observed(case, what, answer, deviates=False)

    def _observed(self, case: Case | None, what: str, answer: Answer | None, *, deviates: bool) -> Observed | None:
        """The answer with its outcome, kept for the diagnosis; None where fault models are not about it."""
        # A life goes on from other weights than its case has, and a shape tells no numbers.
        if not what or case is None or type(case) is not Case or answer is None or isinstance(answer, Shape):
            return None
        observed = Observed(case, what, answer, deviates)
        if self.tally.observations is not None:
            self.tally.observations.keep(observed)
        return observed

    def _keep(self, error: float | None) -> None:
        if error is not None:
            self.tally.worst = max(self.tally.worst or 0.0, error)
            self.tally.case_worst = max(self.tally.case_worst, error)


def _gradient(observed: Observation | Backward) -> Gradient:
    if observed.gradient is None:
        raise Deviation("the weight has no gradient", expected="a gradient", observed="None")
    return observed.gradient


def _layout(case: Case) -> str:
    """The layout of the gradient that the argument `sparse` stands for."""
    return "sparse" if case.config.sparse else "dense"
