"""Long lives: any sequence of uses keeps the contract at each step."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from conformance import judge, palettes
from conformance.adapter import Unsupported
from conformance.case import Case, Lookup
from conformance.clause import MUST, clause
from conformance.optimizers import Optimizer, optimizers_for
from conformance.strategies import ANY, cases, lookups_for
from conformance.subject import Subject
from reference import Anything, Exactly, Permitted, Rows, Tensor
from reference.conversion import converted

STEPS = 12

_seeds = st.integers(0, 2**16)

alive = precondition(lambda self: self.case is not None)
thawed = precondition(lambda self: self.case is not None and not self.case.config.freeze)


class Life(RuleBasedStateMachine):
    """One embedding from construction on. After each step the model starts again from the bits observed.

    Attributes:
        case: the arguments and the weight as they are now; None where they are not supported.
        instance: what is under test.
        pending: the lookups whose gradients have been added up since they were last cleared.
        training: the mode.
        saved: the weight of the state that was saved last.
        moved: by optimiser, the rows that a step may move although it does not look them up.
    """

    embedding: Subject

    def __init__(self) -> None:
        super().__init__()
        self.embedding.calls.clear()
        self.case: Any = None
        self.instance: Any = None
        self.pending: tuple[Lookup, ...] = ()
        self.training = True
        self.saved: Tensor | None = None
        self.moved: dict[str, set[int]] = {}

    @initialize(case=cases(freeze=ANY, weights=palettes.MODERATE, large=False, writable=True))
    def make(self, case: Case) -> None:
        """A fresh embedding."""
        if not self.embedding.unsupported(case):
            self.case, self.instance = case, self.embedding.make(case)

    @precondition(lambda self: self.case is None)
    @rule()
    def rest(self) -> None:
        """Nothing to do with what is not supported."""

    # -- using it -----------------------------------------------------------------------------------------------------

    @alive
    @rule(data=st.data())
    def look_up(self, data: st.DataObject) -> None:
        """Look up, and send a gradient back on top of what is there; or two, together."""
        most = 2 if self.case.config.max_norm is None else 1
        lookups = data.draw(st.lists(lookups_for(self.case), min_size=1, max_size=most), label="lookups")
        if not self.embedding.covered(replace(self.case, lookups=(*self.pending, *lookups))):
            self.use(*lookups)

    def use(self, *lookups: Lookup) -> None:
        """Look up, judged."""
        case = replace(self.case, lookups=lookups)
        self.case = replace(case, weight=self.embedding.use(case, self.instance, pending=self.pending))
        if not case.config.freeze:
            self.pending += lookups
        self.embedding.tally.cases += 1
        self.embedding.tally.exercised += 1

    @thawed
    @rule(data=st.data())
    def train(self, data: st.DataObject) -> None:
        """One step of an optimiser: the row at padding_idx and those never looked up keep their bits."""
        optimizer = data.draw(st.sampled_from(optimizers_for(self.case.config)), label="optimizer")
        lookup = data.draw(lookups_for(self.case), label="lookup")
        case = replace(self.case, lookups=(lookup,))
        if self.embedding.covered(case):
            return
        self.instance.step(optimizer=optimizer.name, options=optimizer.options, lookups=(lookup,))
        moved = self._moved(optimizer, case)
        weight, permitted = self.instance.weight(), self.embedding.predict(case).weight
        for row in set(range(case.config.num_embeddings)) - moved:
            rule = permitted.rows[row] if isinstance(permitted, Rows) else Exactly(case.weight.entry(row))
            self.embedding.judge(f"the weight, row {row}", rule, weight.entry(row))
        self.case, self.pending = replace(case, weight=weight), (lookup,)
        self.embedding.judge_gradient(self.case, self.embedding.predict(case).gradient, self._gradient())

    def _moved(self, optimizer: Optimizer, case: Case) -> set[int]:
        """The rows that a step may move: those that are looked up, and what an optimiser remembers of earlier ones."""
        now = set(case.positions) - {case.config.padding_row}
        if not optimizer.remembers:
            return now
        earlier = self.moved.setdefault(repr(optimizer), set())
        earlier |= now
        return earlier

    @alive
    @rule(to_none=st.booleans())
    def clear(self, to_none: bool) -> None:
        """Forget the gradient, or set it to zeros."""
        self.instance.clear(to_none=to_none)
        # Zeros are the gradient of a lookup of nothing.
        self.pending = () if to_none or not self.pending else (self._nothing(),)
        came = self._gradient()
        if self.pending:
            whole = replace(self.case, lookups=self.pending)
            self.embedding.judge_gradient(whole, self.embedding.predict(whole).gradient, came)
        else:
            judge.equal("the gradient", None, came.gradient)

    def _gradient(self) -> Any:
        return self.instance.gradient(lookups=())

    def _nothing(self) -> Lookup:
        upstream = Tensor(self.case.weight.dtype, (0, self.case.config.embedding_dim), b"")
        return Lookup(Tensor("int64", (0,), b""), upstream)

    # -- changing it --------------------------------------------------------------------------------------------------

    @alive
    @rule(seed=_seeds)
    def edit(self, seed: int) -> None:
        """Write into the weight."""
        weight = self._other(seed)
        with suppress(Unsupported):  # then this life has no such step
            self.instance.edit(weight=weight)
            self.settle(Exactly(weight))

    @alive
    @rule()
    def save(self) -> None:
        """Keep the state for later."""
        with suppress(Unsupported):
            self.saved = self.instance.state()["weight"]
            self.embedding.judge("the weight in the state", Exactly(self.case.weight), self.saved)

    @alive
    @rule(seed=st.none() | _seeds)
    def load(self, seed: int | None) -> None:
        """Load the state that was saved last, or another."""
        weight = self._other(seed or 0) if seed is not None or self.saved is None else self.saved
        with suppress(Unsupported):
            self.instance.load(state={"weight": weight})
            self.settle(Exactly(weight))

    @alive
    @rule()
    def reset(self) -> None:
        """Draw the weight afresh."""
        self.clear(to_none=True)
        dtype, (rows, dim) = self.case.weight.dtype, self.case.weight.shape
        drawn, zero = Anything(dtype, (dim,), "drawn afresh"), Exactly(Tensor.of(dtype, (dim,), [0] * dim))
        padding = self.case.config.padding_row
        with suppress(Unsupported):
            self.instance.reset()
            self.settle(Rows(dtype, (rows, dim), tuple(zero if row == padding else drawn for row in range(rows))))

    @alive
    @rule(how=st.sampled_from(("deepcopy", "pickle", "save")))
    def copy(self, how: str) -> None:
        """Go on with a copy, without a gradient."""
        self.clear(to_none=True)
        with suppress(Unsupported):
            self.instance = self.instance.copy(how=how)
            self.moved.clear()
            self.settle(Exactly(self.case.weight))

    @alive
    @rule(training=st.booleans())
    def mode(self, training: bool) -> None:
        """Go over to training or evaluation."""
        with suppress(Unsupported):
            self.instance.mode(training=training)
            self.training = training
            self.settle(Exactly(self.case.weight))

    @alive
    @rule(frozen=st.booleans())
    def freeze(self, frozen: bool) -> None:
        """Freeze the weight, or thaw it."""
        case = replace(self.case, config=replace(self.case.config, freeze=frozen))
        if self.embedding.declaration(case):
            return
        self.clear(to_none=True)
        with suppress(Unsupported):
            self.instance.freeze(frozen=frozen)
            self.case = case
            self.settle(Exactly(case.weight))

    @alive
    @rule(data=st.data())
    def cast(self, data: st.DataObject) -> None:
        """Go over to another dtype, look up there, and come back."""
        own, others = self.case.weight.dtype, self.embedding.other_dtypes(self.case)
        if not others:
            return
        self.clear(to_none=True)
        with suppress(Unsupported):
            self._cast(data.draw(st.sampled_from(others), label="dtype"))
            self.use(data.draw(lookups_for(self.case), label="lookup"))
            self.clear(to_none=True)
            self._cast(own)

    def _cast(self, dtype: str) -> None:
        self.instance.cast(dtype=dtype)
        before = self.case.weight
        self.case = self.case.with_dtype(dtype)
        self.moved.clear()
        self.settle(converted(before, dtype))

    def _other(self, seed: int) -> Tensor:
        return palettes.fill("normal", self.case.weight.dtype, self.case.weight.shape, seed)

    def settle(self, permitted: Permitted) -> None:
        """Judge the weight and what is kept beside it, and go on from the bits observed."""
        weight = self.instance.weight()
        judge.compare("the weight", permitted, weight)
        self.case = replace(self.case, weight=weight)
        with suppress(Unsupported):
            kept = self.instance.attributes()
            self.embedding.judge_attributes(self.case, kept)
            judge.equal("requires_grad of the weight", not self.case.config.freeze, kept["requires_grad"])
            judge.equal("the attribute training", self.training, kept["training"])
            judge.equal("the weight's dtype", weight.dtype, kept["dtype"])


@clause("sequences.life", MUST, argument="num_embeddings", doc="Embedding", draws=True)
def test_life(embedding: Subject, case: Case | None = None) -> None:  # noqa: PT028 - not a fixture
    """Any sequence of lookups, optimiser steps, edits, loads, resets, copies, casts and freezing keeps the contract."""
    life = type("Life", (Life,), {"embedding": embedding})
    if case is not None:  # the witness of a known deviation: its lookups, one after the other
        one = life()
        one.make(case)
        for lookup in case.lookups:
            one.use(lookup)
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
