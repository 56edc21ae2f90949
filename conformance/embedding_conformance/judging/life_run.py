"""The run of a `Life`: each step is judged, and the next one starts from the bits that were observed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace

from embedding_conformance.boundary.refusals import Unsupported
from embedding_conformance.cases.case import Case, Lookup, Step
from embedding_conformance.cases.optimisers import Optimizer, optimizers_for
from embedding_conformance.judging import compare
from embedding_conformance.judging.subject import Subject
from embedding_reference import Anything, Exactly, Permitted, Rows, Tensor


class LifeRunner:
    """An embedding that goes through the steps of a life, and the model of its state.

    Attributes:
        embedding: the implementation under test.
        case: the arguments, and the weight as it is now; it has lookups only because features are those of a lookup.
        instance: the embedding itself.
        pending: the lookups whose gradients have accumulated since the gradient was last cleared.
        training: the mode.
        saved: the weight of the state that was saved last, or None.
        moved: for each optimiser, the rows that its steps may move even if they do not look them up.
    """

    def __init__(self, embedding: Subject, case: Case) -> None:
        self.embedding = embedding
        self.case = Case(case.config, case.weight, case.lookups, case.weight_layout)
        self.saved: Tensor | None = None
        self._begin()

    def _begin(self) -> None:
        """Make the embedding, with the weight as it is now."""
        self.instance = self.embedding.make(self.case)
        self.pending: tuple[Lookup, ...] = ()
        self.training = True
        self.moved: dict[str, set[int]] = {}

    @contextmanager
    def _whole(self) -> Iterator[None]:
        """A step that may be given up halfway, as where gradients cannot be added: nobody knows what it then left."""
        try:
            yield
        except Unsupported:
            self._begin()
            raise

    def take(self, step: Step) -> bool:
        """Take one step, and return whether the adapter provides it; a step that it does not provide is left out."""
        try:
            getattr(self, step.verb.replace(" ", "_"))(step)
        except Unsupported:
            return False
        return True

    # -- using it -----------------------------------------------------------------------------------------------------

    def look_up(self, step: Step) -> None:
        """Look up, and accumulate a gradient."""
        self.use(*step.lookups)

    def look_up_together(self, step: Step) -> None:
        """Look up twice, and accumulate both gradients in one backward."""
        if self.case.config.max_norm is not None:
            raise Unsupported("with max_norm the weight of the first lookup is not known")
        self.use(*step.lookups)

    def use(self, *lookups: Lookup) -> None:
        """Look up, accumulate the gradients in one backward, and judge output, weight and gradient."""
        case = replace(self.case, lookups=lookups)
        self.embedding.declarations.require(case)
        self.embedding.examination.reach(replace(case, lookups=(*self.pending, *lookups)))
        with self._whole():
            weight = self.embedding.use(case, self.instance, pending=self.pending)
        self.case = replace(self.case, weight=weight)
        if not case.config.freeze:
            self.pending += lookups

    def train(self, step: Step) -> None:
        """Take one step of an optimiser: the row at padding_idx, and rows that it does not move, keep their bits."""
        case, optimizer = replace(self.case, lookups=step.lookups), optimizers_for(self.case.config)[step.how]
        self.embedding.declarations.require(case)
        if case.config.freeze:
            return
        self.embedding.examination.reach(case)
        with self._whole():
            self.instance.step(optimizer=optimizer.name, options=optimizer.options, lookups=case.lookups)
        weight, permitted = self.instance.weight(), self.embedding.permits(case).weight
        for row in set(range(case.config.num_embeddings)) - self._moved(optimizer, case):
            rule = permitted.rows[row] if isinstance(permitted, Rows) else Exactly(case.weight.entry(row))
            self.embedding.judge(f"the weight, row {row}", rule, weight.entry(row))
        self.case, self.pending = replace(self.case, weight=weight), case.lookups
        if optimizer.spoils:
            self._clear()
        else:
            self._judge_pending()

    def _moved(self, optimizer: Optimizer, case: Case) -> set[int]:
        """The rows that a step may move: those that it looks up, and with momentum those of earlier steps."""
        looked_up = set(case.positions) - {case.config.padding_row}
        if not optimizer.remembers:
            return looked_up
        moved = self.moved.setdefault(repr(optimizer), set())
        moved |= looked_up
        return moved

    def clear(self, step: Step) -> None:
        """Clear the gradient: to None, or to zeros."""
        self._clear(to_none=step.how == "to none")

    def _clear(self, *, to_none: bool = True) -> None:
        self.instance.clear(to_none=to_none)
        # The gradient of a lookup without indices is zeros.
        self.pending = () if to_none or not self.pending else (_nothing(self.case),)
        self._judge_pending()

    def _judge_pending(self) -> None:
        """Judge the gradient that has accumulated."""
        observed = self.instance.gradient(lookups=())
        if self.pending:
            whole = replace(self.case, lookups=self.pending)
            self.embedding.judge_gradient(whole, self.embedding.permits(whole).gradient, observed)
        else:
            compare.equal("the gradient", None, observed.gradient)

    # -- changing it --------------------------------------------------------------------------------------------------

    def edit(self, step: Step) -> None:
        """Write another weight into the weight, in place."""
        assert step.weight is not None
        self.instance.edit(weight=step.weight)
        self._settle(Exactly(step.weight))

    def load(self, step: Step) -> None:
        """Load a state with another weight."""
        assert step.weight is not None
        self.instance.load(state={"weight": step.weight})
        self._settle(Exactly(step.weight))

    def save(self, _: Step) -> None:
        """Save the state, to be restored later."""
        self.saved = self.instance.state()["weight"]
        self.embedding.judge("the weight in the state", Exactly(self.case.weight), self.saved)

    def restore(self, _: Step) -> None:
        """Load the state that was saved last."""
        if self.saved is None:
            raise Unsupported("no state was saved")
        self.load(Step("load", weight=self.saved))

    def reset(self, _: Step) -> None:
        """Draw the weight afresh."""
        self._clear()
        self.instance.reset()
        dtype, (rows, dim) = self.case.weight.dtype, self.case.weight.shape
        drawn, zero = Anything(dtype, (dim,), "drawn afresh"), Exactly(Tensor.of(dtype, (dim,), [0] * dim))
        padding = self.case.config.padding_row
        self._settle(Rows(dtype, (rows, dim), tuple(zero if row == padding else drawn for row in range(rows))))

    def copy(self, step: Step) -> None:
        """Go on with a copy of the embedding, without a gradient."""
        self.embedding.examination.reach(self.case)
        self._clear()
        self.instance = self.instance.copy(how=step.how)
        self.moved.clear()
        self._settle(Exactly(self.case.weight))

    def mode(self, step: Step) -> None:
        """Switch to training or evaluation mode."""
        self.instance.mode(training=step.how == "train")
        self.training = step.how == "train"
        self._settle(Exactly(self.case.weight))

    def freeze(self, _: Step) -> None:
        """Freeze the weight: it no longer takes part in differentiation."""
        self._freeze(frozen=True)

    def thaw(self, _: Step) -> None:
        """Thaw the weight: it takes part in differentiation again."""
        self._freeze(frozen=False)

    def _freeze(self, *, frozen: bool) -> None:
        case = replace(self.case, config=replace(self.case.config, freeze=frozen))
        self.embedding.declarations.require(case)
        self._clear()
        self.instance.freeze(frozen=frozen)
        self.case = case
        self._settle(Exactly(case.weight))

    def cast(self, step: Step) -> None:
        """Cast the embedding to another dtype, look up there, and cast it back."""
        own = self.case.weight.dtype
        if step.how not in self.embedding.declarations.other_dtypes(self.case):
            raise Unsupported(f"it has no {step.how}")
        lookups = replace(self.case, lookups=step.lookups).with_dtype(step.how).lookups
        self._clear()
        self._cast(step.how)
        with suppress(Unsupported):
            self.use(*lookups)
        self._clear()
        self._cast(own)

    def _cast(self, dtype: str) -> None:
        before = self.case.weight
        self.instance.cast(dtype=dtype)
        self.case = self.case.with_dtype(dtype)
        self.moved.clear()
        self._settle(self.embedding.permits(replace(self.case, weight=before)).cast(dtype))

    def _settle(self, permitted: Permitted) -> None:
        """Judge the weight and the attributes, and go on from the bits observed."""
        weight = self.instance.weight()
        compare.compare("the weight", permitted, weight)
        self.case = replace(self.case, weight=weight)
        with suppress(Unsupported):
            attributes = self.instance.attributes()
            compare.equal("requires_grad of the weight", not self.case.config.freeze, attributes["requires_grad"])
            compare.equal("the attribute training", self.training, attributes["training"])
            compare.equal("the weight's dtype", weight.dtype, attributes["dtype"])
            self.embedding.judge_attributes(self.case, attributes)


def _nothing(case: Case) -> Lookup:
    """A lookup without indices."""
    return Lookup(Tensor("int64", (0,), b""), Tensor(case.weight.dtype, (0, case.config.embedding_dim), b""))
