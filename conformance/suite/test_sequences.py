"""Long lives: any sequence of uses keeps the contract at each step."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from conformance import palettes
from conformance.adapter import Unsupported
from conformance.case import Case, Lookup
from conformance.clause import MUST, clause
from conformance.strategies import cases, lookups_for
from conformance.subject import Subject
from reference import Exactly, Tensor

STEPS = 10

alive = precondition(lambda self: self.case is not None)


class Life(RuleBasedStateMachine):
    """One embedding from construction on. After each step the model starts again from the bits observed."""

    embedding: Subject

    def __init__(self) -> None:
        super().__init__()
        self.embedding.calls.clear()
        self.case: Any = None
        self.instance: Any = None
        self.pending: tuple[Lookup, ...] = ()

    @initialize(case=cases(weights=palettes.MODERATE, upstreams=palettes.MODERATE, large=False, writable=True))
    def make(self, case: Case) -> None:
        """A fresh embedding."""
        if not self.embedding.unsupported(case):
            self.case, self.instance = case, self.embedding.make(case)

    @precondition(lambda self: self.case is None)
    @rule()
    def rest(self) -> None:
        """Nothing to do with what is not supported."""

    @alive
    @rule(data=st.data())
    def look_up(self, data: st.DataObject) -> None:
        """Look up, and send a gradient back on top of what is there."""
        lookup = data.draw(lookups_for(self.case), label="lookup")
        if not self.embedding.covered(replace(self.case, lookups=(*self.pending, lookup))):
            self.differentiate(lookup)

    def differentiate(self, lookup: Lookup) -> None:
        """One lookup and its backward, judged."""
        case = replace(self.case, lookups=(lookup,))
        came = self.instance.gradient(lookups=(lookup,))
        weight = self.instance.weight()
        self.embedding.judge("the weight", self.embedding.predict(case).weight, weight)
        plain = replace(case.config, max_norm=None)
        self.embedding.judge("output", plain.output(weight, lookup.index), came.outputs[0])
        self.case, self.pending = replace(case, weight=weight), (*self.pending, lookup)
        whole = replace(self.case, lookups=self.pending)
        self.embedding.judge_gradient(whole, self.embedding.predict(whole).gradient, came)
        self.embedding.tally.cases += 1
        self.embedding.tally.exercised += 1

    @alive
    @rule(data=st.data())
    def train(self, data: st.DataObject) -> None:
        """One step of SGD: rows that are not looked up keep their bits."""
        lookup = data.draw(lookups_for(self.case), label="lookup")
        case = replace(self.case, lookups=(lookup,))
        if self.embedding.covered(case):
            return
        self.instance.step(optimizer="SGD", options={"lr": 0.5}, lookups=(lookup,))
        weight = self.instance.weight()
        for row in set(range(case.config.num_embeddings)) - set(case.positions):
            self.embedding.judge(f"the weight, row {row}", Exactly(case.weight.entry(row)), weight.entry(row))
        self.case, self.pending = replace(case, weight=weight), (lookup,)

    @alive
    @rule()
    def clear(self) -> None:
        """Forget the gradient."""
        self.instance.clear()
        self.pending = ()

    @alive
    @rule(seed=st.integers(0, 2**16))
    def load(self, seed: int) -> None:
        """Load another weight."""
        weight = palettes.fill("normal", self.embedding.dtype, self.case.weight.shape, seed)
        with suppress(Unsupported):  # then this life has no such step
            self.instance.load(state={"weight": weight})
            self._goes_on_with(weight)

    @alive
    @rule(how=st.sampled_from(("deepcopy", "pickle", "save")))
    def copy(self, how: str) -> None:
        """Go on with a copy, without a gradient."""
        self.clear()
        with suppress(Unsupported):
            self.instance = self.instance.copy(how=how)
            self._goes_on_with(self.case.weight)

    def _goes_on_with(self, weight: Tensor) -> None:
        self.embedding.judge("the weight", Exactly(weight), self.instance.weight())
        self.case = replace(self.case, weight=weight)


@clause("sequences.life", MUST, argument="num_embeddings", doc="Embedding", draws=True)
def test_life(embedding: Subject, case: Case | None = None) -> None:  # noqa: PT028 - not a fixture
    """Any sequence of lookups, backwards, SGD steps, cleared gradients, loads and copies keeps the contract."""
    life = type("Life", (Life,), {"embedding": embedding})
    if case is not None:  # the witness of a known deviation: its lookups, one after the other
        one = life()
        one.make(case)
        for lookup in case.lookups:
            one.differentiate(lookup)
        return
    run_state_machine_as_test(
        life,
        settings=settings(
            max_examples=embedding.examples,
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            phases=(Phase.generate, Phase.shrink),
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
        ),
    )
