"""The `embedding` that a clause's test receives: one implementation, on one dtype and device."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import Any

import hypothesis

from embedding_conformance.boundary import answers
from embedding_conformance.boundary.adapter import (
    Adapter,
    Backward,
    Call,
    Declared,
    Description,
    Died,
    Gradient,
    Lost,
    Observation,
    Refused,
    Unsupported,
)
from embedding_conformance.cases import palettes
from embedding_conformance.cases.case import Case, Config, Lookup
from embedding_conformance.cases.features import NOT_NORMAL, could_match, implied, lacking, matches
from embedding_conformance.judging import compare
from embedding_conformance.judging.clause import Clause
from embedding_conformance.judging.compare import Deviation
from embedding_conformance.judging.expectations import Prediction
from embedding_conformance.judging.partitions import of_calls
from embedding_conformance.judging.recorded import Recorded
from embedding_conformance.judging.tally import Tally
from embedding_reference import FORMATS, Interval, Permitted, Raises, Rows, Tensor, Within


class Subject:
    """An implementation under test on one dtype and device, with everything that its tests ask of it.

    Attributes:
        adapter: what drives it.
        refuge: what drives it from then on when the process of `adapter` is lost.
        losses: how many lost processes are enough, as each takes seconds to replace.
        dtype: the weight dtype.
        device: the device.
        declared: what is declared unsupported and concerns this dtype and device.
        lacks: which features, or arguments, are unsupported altogether (`cases.strategies.UnderTest`).
        flushes: whether sums below the normal numbers are unsupported (`cases.strategies.UnderTest`).
        freezes: whether weights that are not frozen are (the same).
        known: feature patterns of known deviations, whose cases are not run.
        settled: whether a known deviation covers a clause that draws no cases.
        tally: what was counted.
        calls: made for the latest case.
    """

    def __init__(
        self,
        adapter: Adapter,
        description: Description,
        dtype: str,
        device: str,
        *,
        refuge: Adapter | None = None,
        losses: float = math.inf,
    ) -> None:
        self.adapter, self.description = adapter, description
        self.refuge, self.losses = refuge or adapter, losses
        self.dtype, self.device = dtype, device
        # What cannot match here is left out once, so that most cases need not have their features worked out.
        self.declared = [d for d in description.unsupported if could_match(d.features, dtype, device)]
        self.lacks = frozenset(name for d in self.declared for name in lacking(d.features)) | {*description.untaken}
        here = {"dtype": dtype, "device": device}
        self.flushes = any(implied(d.features, {**here, "upstream_range": "underflow"}) for d in self.declared)
        self.freezes = any(implied(d.features, {**here, "freeze": False}) for d in self.declared)
        self.start(known=[])
        self.calls: list[Call] = []
        self._case_worst = 0.0

    def start(self, known: list[Mapping[str, Any]], *, settled: bool = False, witness: bool = False) -> None:
        """Begin counting, with what is known left out; that a witness loses its process need not be seen twice."""
        self.known, self.settled, self.tally = known, settled, Tally(deviated=witness)

    # -- running a clause ---------------------------------------------------------------------------------------------

    def examine(self, clause: Clause, body: Callable[..., None], case: Case | None) -> None:
        """Run a test's body on one case (or on none, for a clause that draws none).

        Raises:
            Deviation: the implementation deviates; carries the case and the calls.
        """
        if self._left_out(clause, case):
            return
        self.tally.cases += 1
        self._case_worst = 0.0
        self.calls.clear()
        before = self.tally.exercised, self.tally.unsupported
        # What the implementation warns of is not judged, and must not become an exception where warnings are errors.
        with self.tally.measured("body"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                self.tally.deaths.remind(case)
                if case is None and self.settled:
                    self.tally.covered += 1
                    return
                if case is not None and (self.covered(case) or self.unsupported(case)):
                    return
                self._run_body(body, *(() if case is None else (case,)))
            except Unsupported as unsupported:
                self.tally.unsupported += 1
                self.tally.reason = str(unsupported)
                return
            except (Refused, Died, SystemExit, Deviation) as came:
                self.tally.deviated = True
                if isinstance(came, Died):
                    self.tally.deaths.add(case, came)
                raise self._evidence(_deviation(came), case) from None
        self._count(clause, case, before)

    def _run_body(self, body: Callable[..., None], *case: Case) -> None:
        """Run a test's body, and once more, in a fresh process, where the process was lost.

        A device works behind the back of who calls it: what it lost the process over may be an earlier case. While a
        case is being shrunk the process is fresh as it is.
        """
        try:
            body(self, *case)
        except Lost:
            if self.tally.deviated:
                raise
            self.calls.clear()
            body(self, *case)

    def _left_out(self, clause: Clause, case: Case | None) -> bool:
        """Whether a case is not run: the clause is not in force, or enough was lost in it already."""
        tally = self.tally
        if reason := clause.not_in_force(self.description.packages.get("torch")):
            tally.unsupported, tally.reason = 1, reason
            return True
        if tally.deaths.enough:
            return not tally.deaths.knows(case)
        return tally.lost >= self.losses and not tally.deviated  # a case that deviates is yet to be shrunk

    def _count(self, clause: Clause, case: Case | None, before: tuple[int, int]) -> None:
        """Count a case that was judged, given what was exercised and unsupported before."""
        if case is None:  # a test that runs cases of its own counts them itself
            self.tally.exercised += before == (self.tally.exercised, self.tally.unsupported)
        elif clause.when is None or clause.when(case):
            self.tally.exercised += 1
            self.tally.lookups.update(of_calls(self.calls, self.dtype, self.device))
            if self._case_worst and hypothesis.currently_in_test_context():
                hypothesis.target(self._case_worst, label="largest error as a fraction of its bound")

    def covered(self, case: Case) -> bool:
        """Whether a known deviation covers the case."""
        covered = any(matches(pattern, case, self.device) for pattern in self.known)
        self.tally.covered += covered
        return covered

    def unsupported(self, case: Case) -> bool:
        """Whether the case uses what is declared unsupported; if so, it must be refused."""
        declared = self.declaration(case)
        if declared is None:
            return False
        refused_anyway = case.features()["index_out_of_range"] and "index_out_of_range" not in declared.features
        if not refused_anyway:  # else a refusal says nothing, and may cost a process
            try:
                self.run(case)
            except (Refused, Unsupported):
                pass
            else:
                raise _ignored(declared)
        self.tally.unsupported += 1
        # What the clause itself ran into says more than what one of its cases happened to have.
        self.tally.reason = self.tally.reason or declared.reason
        return True

    def needs_normal(self) -> None:
        """Make sure that a fresh weight is meant to be normal.

        Raises:
            Unsupported: by design it is not.
        """
        for declared in self.declared:
            if declared.features == NOT_NORMAL:
                raise Unsupported(declared.reason)

    def needs(self, case: Case) -> None:
        """Make sure that the case uses nothing that is declared unsupported, where a refusal would say nothing.

        Raises:
            Unsupported: it does.
        """
        if declared := self.declaration(case):
            raise Unsupported(declared.reason)

    def other_dtypes(self, case: Case) -> list[str]:
        """The dtypes, real or complex as the case's is, in which it is supported too.

        Raises:
            Unsupported: there is none.
        """
        kind = case.weight.format.kind
        others = [d for d in self.description.dtypes if d != case.weight.dtype and FORMATS[d].kind == kind]
        declared = [d.features for d in self.description.unsupported]  # what is left out here may be about those
        supported = [t for t in others if not any(matches(f, case.with_dtype(t), self.device) for f in declared)]
        if not supported:
            raise Unsupported("it has no other dtype of this kind")
        return supported

    def declaration(self, case: Case) -> Declared | None:
        """What the case uses of what is declared unsupported."""
        return next((d for d in self.declared if matches(d.features, case, self.device)), None)

    def _evidence(self, deviation: Deviation, case: Case | None) -> Deviation:
        deviation.case, deviation.calls = case, list(self.calls)
        return deviation

    # -- what tests call ----------------------------------------------------------------------------------------------

    def run(self, case: Case, *, backward: bool = True, together: bool = False, via: str = "assignment") -> Observation:
        """Make the embedding, look up, and send the gradients back unless it is frozen or `backward` is false."""
        instance = self.make(case, via=via)
        if backward and not case.config.freeze:
            came = instance.gradient(lookups=case.lookups, together=together)
            return Observation(came.outputs, came.gradient, instance.weight())
        outputs = tuple(instance.forward(lookup=lookup).output for lookup in case.lookups)
        return Observation(outputs, None, instance.weight())

    def make(self, case: Case, *, via: str = "assignment") -> Any:
        """An instance with the case's arguments and weight (`boundary.adapter.Adapter.make`)."""
        return self._made(config=case.config, weight=case.weight, layout=case.weight_layout, via=via)

    def fresh(self, config: Config, **more: Any) -> Any:
        """An instance as it initialises itself, of this subject's dtype; `more` goes to `Adapter.make`."""
        return self._made(config=config, weight=None, dtype=self.dtype, **more)

    def _made(self, **arguments: Any) -> Any:
        return self.call(self.adapter, Call("make", {"device": self.device, **arguments}))

    def call(self, on: Any, call: Call) -> Any:
        """Call a verb of the adapter or of an instance; timed, and kept for the standalone script of a deviation.

        Raises:
            Misanswered: what the adapter answered is not what the protocol has for the verb.
        """
        if not hasattr(on, call.verb):
            raise Unsupported(f"the adapter has no {call.verb}")
        self.calls.append(call)
        number = len(self.calls)
        try:
            with self.tally.measured("adapter"):
                result = getattr(on, call.verb)(**call.arguments)
        except Unsupported:
            self.calls.pop()  # it changed nothing, and would fail in a script
            raise
        except Lost as lost:
            self.tally.lost += 1
            self.adapter = self.refuge
            lost.__context__ = None  # else Hypothesis takes it for another bug when it comes from the refuge
            raise lost.with_traceback(None) from None
        answers.check(call, result)
        if call.verb == "attributes":
            return _Kept(result)
        return Recorded(result, self.call, number) if call.verb in ("make", "copy") else result

    def signature(self, of: str) -> list[tuple[str, str, str]]:
        """(name, kind, default) of each parameter of "constructor" or "from_pretrained"."""
        found: list[tuple[str, str, str]] = self.call(self.adapter, Call("signature", {"of": of}))
        return found

    def use(self, case: Case, instance: Any, *, pending: Sequence[Lookup] = ()) -> Tensor:
        """Look up, send the gradient back unless the weight is frozen, and judge output, weight and gradient.

        Args:
            case: the weight as it is now, and one lookup; or, without max_norm, several, differentiated together.
            instance: what is used.
            pending: the lookups whose gradients are there already.

        Returns:
            The weight afterwards.
        """
        lookups, gradient = case.lookups, None
        if case.config.freeze:
            forwards = [instance.forward(lookup=lookup) for lookup in lookups]
            compare.equal("requires_grad of the outputs", {False}, {came.requires_grad for came in forwards})
            outputs = [came.output for came in forwards]
        else:
            gradient = instance.gradient(lookups=lookups, together=len(lookups) > 1)
            outputs = gradient.outputs
        weight: Tensor = instance.weight()
        self.judge("the weight", self.predict(case).weight, weight)
        plain = replace(case.config, max_norm=None)
        for lookup, output in zip(lookups, outputs):
            self.judge("output", plain.output(weight, lookup.index), output)
        if gradient is not None:
            whole = replace(case, lookups=(*pending, *lookups))
            self.judge_gradient(whole, self.predict(whole).gradient, gradient)
        return weight

    def predict(self, case: Case) -> Prediction:
        """What the contract permits for the case."""
        return Prediction(case, self.tally)

    def judge(self, what: str, permitted: Permitted, observed: Tensor) -> None:
        """`compare.compare`, keeping the worst error."""
        self._keep(compare.compare(what, permitted, observed))

    def needs_shared_memory(self, case: Case, instance: Any) -> None:
        """Make sure that what is written into the weight shows in the tensor that it was made with.

        Raises:
            Unsupported: it does not, so that nothing can be told of where the weight lies.
        """
        instance.edit(weight=palettes.inverted(case.weight))
        if instance.given() == case.weight:
            raise Unsupported("the weight does not lie in the tensor that it was made with")
        instance.edit(weight=case.weight)

    def judge_gradient(self, case: Case, permitted: Permitted, observed: Observation | Backward) -> None:
        """Judge the weight's gradient in the layout that the case's `sparse` asks for."""
        assert isinstance(permitted, Within)
        self._keep(compare.compare_gradient("gradient", permitted, _gradient(observed), _layout(case)))

    def judge_gradient_form(self, case: Case, observed: Observation) -> None:
        """Judge all of the weight's gradient but its values: layout, shape, dtype and device."""
        gradient = _gradient(observed)
        compare.form("gradient", gradient, _layout(case), case.weight.shape, self.dtype)
        compare.equal("the gradient's device", self.device, gradient.device)

    def judge_attributes(self, case: Case, kept: Mapping[str, Any]) -> None:
        """Judge the attributes that the documented arguments are kept as, those that are not taken left out."""
        taken = {n: v for n, v in case.config.attributes().items() if n not in self.description.untaken}
        for name, value in taken.items():
            compare.equal(f"the attribute {name}", value, kept[name])

    def judge_gradient_rows(self, case: Case, observed: Observation, rows: AbstractSet[int], allowed: Interval) -> None:
        """Judge some rows of the weight's gradient by the same rule, whatever the others hold."""
        anything = Interval(None, None, frozenset({"any"}))
        width = case.config.embedding_dim * case.weight.format.components
        intervals = [allowed if row in rows else anything for row in range(case.weight.shape[0]) for _ in range(width)]
        self.judge_gradient(case, Within(case.weight.dtype, case.weight.shape, tuple(intervals)), observed)

    def judge_rows(self, what: str, permitted: Rows, observed: Tensor, rows: Sequence[int]) -> None:
        """Judge some rows of a table, each by its own rule."""
        for row in rows:
            self.judge(f"{what}, row {row}", permitted.rows[row], observed.entry(row))

    def refuses(self, what: str, permitted: Raises, call: Callable[[], object]) -> None:
        """Judge that a call is refused."""
        try:
            call()
        except Refused as refused:
            compare.refusal(what, permitted, refused)
        else:
            compare.refusal(what, permitted, None)

    def _keep(self, error: float | None) -> None:
        if error is not None:
            self.tally.worst = max(self.tally.worst or 0.0, error)
            self._case_worst = max(self._case_worst, error)


class _Kept(dict[str, Any]):
    """Attributes, of which an implementation need not have those that it does not document."""

    def __missing__(self, name: str) -> Any:
        raise Unsupported(f"it documents no attribute {name}")


def _gradient(observed: Observation | Backward) -> Gradient:
    if observed.gradient is None:
        raise Deviation("the weight has no gradient", expected="a gradient", observed="None")
    return observed.gradient


def _layout(case: Case) -> str:
    """How the gradient is stored, as `sparse` asks for it."""
    return "sparse" if case.config.sparse else "dense"


def _deviation(came: Refused | Died | SystemExit | Deviation) -> Deviation:
    """What ended a test's body, as a deviation."""
    if isinstance(came, Deviation):
        return came
    if isinstance(came, Refused):
        return Deviation("a call that the contract allows was refused", expected="no exception", observed=str(came))
    observed = f"left by sys.exit({came.code!r})" if isinstance(came, SystemExit) else str(came)
    return Deviation(
        "the implementation did not survive the call", expected="an answer or an exception", observed=observed
    )


def _ignored(declared: Declared) -> Deviation:
    names = ", ".join(f"{name}={value!r}" for name, value in declared.features.items())
    return Deviation(
        f"{names} is declared unsupported ({declared.reason}) but is not refused",
        expected="an exception",
        observed="no exception",
    )
