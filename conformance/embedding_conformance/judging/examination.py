"""The examination of one clause on one dtype and device: which cases are run, how they end, and which of them count."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import hypothesis

from embedding_conformance.boundary.attempts import Ending, Failure, attempt
from embedding_conformance.boundary.description import Declared
from embedding_conformance.boundary.refusals import Died, Lost, MissingVerb, Unsupported
from embedding_conformance.cases.case import Case
from embedding_conformance.judging.clause import Clause
from embedding_conformance.judging.compare import ENDS, RAISES, Deviation
from embedding_conformance.judging.declarations import Declarations
from embedding_conformance.judging.driver import Driver
from embedding_conformance.judging.known import KnownDeviation
from embedding_conformance.judging.partitions import partitions_of_calls
from embedding_conformance.judging.tally import Observed, Tally

Body = Callable[..., None]
"""The body of a clause's test: it takes the subject and, where cases are drawn, a case."""


class Explained(Protocol):
    """A cause that was found, which explains what comes of some cases."""

    def covers(self, case: Case) -> bool:
        """Whether the cause shows in a case."""

    def take(self, case: Case, deviation: Deviation | None) -> bool:
        """Take what came of a case that it covers (None: it conforms); whether that is of this cause."""


class Examination:
    """Runs the body of a clause's test on its cases, and keeps the tally.

    Attributes:
        known: the known deviations. A case that one covers must be as the contract has it, or as the deviation does.
        explained: the causes that were found already. What they explain is run, and neither counts nor is raised again.
        tally: the tally of the clause.
        case: the case that is run, or was run last.
        reached: what the case has become in its course, as a plain case; None where it does not change.
    """

    def __init__(self, driver: Driver, declarations: Declarations, losses: float = math.inf) -> None:
        """A new examination; it ends after `losses` lost processes, since each takes seconds to replace."""
        self.driver, self.declarations, self.losses = driver, declarations, losses
        self.case: Case | None = None
        self.reached: Case | None = None
        self._cause: tuple[Explained, Case] | None = None  # and what it covers: the case, or what that has become
        self.explained: Sequence[Explained] = ()
        self.start(known=[])

    def start(self, known: Sequence[KnownDeviation], *, witness: bool = False) -> None:
        """Start a new tally.

        Args:
            known: the known deviations.
            witness: whether a witness is replayed: if it loses its process, it is not run once more.
        """
        self.known, self.tally = known, Tally(deviated=witness)
        self._covering: list[KnownDeviation] = []
        self.driver.tally = self.tally

    @contextmanager
    def aside(self, tally: Tally) -> Iterator[None]:
        """Count what is run within in another tally, with no cause explained, and go on as it was."""
        before = self.tally, self.case, self.reached, self.explained, self.known, self._cause
        self.tally = self.driver.tally = tally
        self.explained = ()
        self.known = [known.aside() for known in self.known]
        try:
            yield
        finally:
            self.tally, self.case, self.reached, self.explained, self.known, self._cause = before
            self.driver.tally = self.tally

    def run(self, subject: Any, clause: Clause, body: Body, case: Case | None) -> None:
        """Run a test's body on one case (or on none, for a clause that draws none).

        Args:
            subject: the subject that the body takes.
            clause: the clause.
            body: the body of the clause's test.
            case: the case that the body takes, or None.

        Raises:
            Deviation: the implementation deviates; it has the case and the calls.
            Exception: the suite or the adapter broke.
        """
        self._covering = [one for one in self.known if one.covers(case)]
        if self._left_out(clause, case):
            return
        tally = self.tally
        exercised, unjudged = tally.exercised, (tally.unsupported, tally.declared)
        self.reached, self._cause = None, None
        self._look_for_cause(case)
        try:
            self._run(subject, clause, body, case)
        except Deviation as deviation:
            if self._cause is None or not self._cause[0].take(self._cause[1], deviation):
                raise
            tally.deviated = False
        else:
            if self._cause and self._cause[1] is case and unjudged == (tally.unsupported, tally.declared):
                self._cause[0].take(case, None)
        if self._cause is not None:
            tally.exercised = exercised

    def reach(self, case: Case) -> None:
        """Judge the rest of the case that is run as what it has become, by known deviations and causes."""
        self.reached = case
        self._look_for_cause(case)
        for known in self.known:
            if known not in self._covering and known.covers(case):
                self._covering.append(known)
                known.begin()

    def _look_for_cause(self, case: Case | None) -> None:
        if case is not None and self._cause is None:
            self._cause = next(((one, case) for one in self.explained if one.covers(case)), None)

    def declares(self, deviation: Deviation, observed: Observed | None = None) -> bool:
        """Whether a deviation in the case that is run is one that is known, which is then noted and not raised.

        Args:
            deviation: the deviation.
            observed: the answer that deviates, where fault models are about it.
        """
        known = next((one for one in self._covering if one.explains(deviation, observed)), None)
        if known is None:
            return False
        deviation.case, deviation.calls = self.case, list(self.driver.calls)
        known.take(deviation)
        self.tally.declared += 1
        return True

    def _run(self, subject: Any, clause: Clause, body: Body, case: Case | None) -> None:
        tally = self.tally
        tally.cases += 1
        tally.case_worst = 0.0
        self.case = case
        self.driver.calls.clear()
        before, declared = (tally.exercised, tally.unsupported), tally.declared
        for known in self._covering:
            known.begin()
        # Warnings of the implementation are not judged, and must not become exceptions where warnings are errors.
        with tally.measured("body"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            outcome = attempt(lambda: self._judged(subject, body, case))
        if isinstance(outcome, Failure):
            self._conclude(outcome, clause, case)
        elif outcome and tally.declared == declared:
            self._count(subject, clause, case, before)

    def _judged(self, subject: object, body: Body, case: Case | None) -> bool:
        """Whether a case was judged by the body; it is not where it is known, or unsupported and refused as it must."""
        self.tally.crashes.repeat(case)
        if case is not None and self._refused_as_declared(subject, case):
            return False
        arguments = () if case is None else (case,)
        try:
            body(subject, *arguments)
        except Lost:
            # A device works asynchronously: an earlier case may have been what lost the process. So the body is run
            # once more, in a fresh process. While a case is being shrunk, the process is fresh anyway.
            if self.tally.deviated:
                raise
            self.driver.calls.clear()
            body(subject, *arguments)
        return True

    def _conclude(self, failure: Failure, clause: Clause, case: Case | None) -> None:
        """Count an unsupported case; raise any other failure of a case, as a deviation where it is one."""
        error, tally = failure.error, self.tally
        if isinstance(error, Unsupported):
            if not self.closed_to(clause):  # this case may have shown that a verb is missing
                tally.unsupported += 1
                tally.reason = error.account
            return
        if failure.ending is Ending.REFUSED and (reason := self._size_refused(case)):
            tally.unsupported += 1
            tally.reason = Unsupported(reason, asked=True).account
            return
        if failure.ending not in (Ending.REFUSED, Ending.DIED) and not isinstance(error, Deviation):
            raise error
        deviation = error if isinstance(error, Deviation) else _as_deviation(failure)
        if self.declares(deviation):
            return
        tally.deviated = True
        if isinstance(error, Died):
            tally.crashes.add(case, error)
        deviation.case, deviation.reached, deviation.calls = case, self.reached, list(self.driver.calls)
        raise deviation from None

    def _size_refused(self, case: Case | None) -> str:
        """Why tables of the sizes of a case are refused altogether, or ""."""
        if case is None or case.weight.numel:
            return ""
        return self.driver.refuses_size(*case.weight.shape)

    def closed_to(self, clause: Clause) -> bool:
        """Whether the clause cannot be tested at all, which is counted as unsupported: no case need be drawn."""
        reason = clause.not_in_force(self.declarations.description.packages.get("torch"))
        missing = [verb for verb in clause.needs if verb in self.driver.missing]
        if not reason and not missing:
            return False
        # As if it had been known before the first case: the tally must not depend on the order of clauses.
        self.tally.cases, self.tally.unsupported = 0, 1
        self.tally.reason = reason or MissingVerb(missing[0]).account
        return True

    def _left_out(self, clause: Clause, case: Case | None) -> bool:
        """Whether a case is not run: the clause cannot be tested, or it has already lost enough processes."""
        tally = self.tally
        if self.closed_to(clause):
            return True
        if dear := next((known for known in self._covering if known.is_dear), None):
            dear.left_out += 1
            return True
        if tally.crashes.enough:
            return not tally.crashes.knows(case)
        return tally.lost >= self.losses and not tally.deviated  # a case that deviates is yet to be shrunk

    def _count(self, subject: Any, clause: Clause, case: Case | None, before: tuple[int, int]) -> None:
        """Count a case that was judged, given the counts of exercised and unsupported cases before it."""
        tally, driver = self.tally, self.driver
        if case is None:  # a body that runs cases of its own counts them itself
            tally.exercised += before == (tally.exercised, tally.unsupported)
            return
        with tally.measured("body"):
            can_fail = clause.can_fail(case, subject.permits)
        if can_fail:
            tally.exercised += 1
            tally.conforming.append(case)
            tally.lookups.update(partitions_of_calls(driver.calls, driver.dtype, driver.device))
            if tally.case_worst and hypothesis.currently_in_test_context():
                hypothesis.target(tally.case_worst, label="largest error as a fraction of its bound")

    def _refused_as_declared(self, subject: Any, case: Case) -> bool:
        """Whether the case has features that are declared unsupported; if so, it must be refused.

        Raises:
            Deviation: it is not refused.
        """
        declared = self.declarations.of(case)
        if declared is None:
            return False
        reason = declared.reason
        refused_anyway = case.features()["index_out_of_range"] and "index_out_of_range" not in declared.features
        if not refused_anyway:  # else a refusal says nothing, and may cost a process
            outcome = attempt(lambda: subject.run(case))
            if not isinstance(outcome, Failure):
                raise _ignored(declared)
            if outcome.ending not in (Ending.REFUSED, Ending.UNSUPPORTED):
                raise outcome.error
            if isinstance(outcome.error, Unsupported):
                reason = Unsupported(declared.reason, asked=outcome.error.asked).account
        self.tally.unsupported += 1
        # A reason that the clause itself met says more than one that a single case happened to have.
        self.tally.reason = self.tally.reason or reason
        return True


def _as_deviation(failure: Failure) -> Deviation:
    """The deviation for a refusal where none is due, or for the end of the process."""
    if failure.ending is Ending.REFUSED:
        return Deviation(
            "a call that the contract allows was refused",
            expected="no exception",
            observed=failure.text,
            symptom=f"{RAISES} {failure.text.partition(':')[0]}",
        )
    return Deviation(
        "the implementation did not survive the call",
        expected="an answer or an exception",
        observed=failure.text,
        symptom=ENDS,
    )


def _ignored(declared: Declared) -> Deviation:
    """The deviation for a declaration that the implementation does not keep to."""
    names = ", ".join(f"{name}={value!r}" for name, value in declared.features.items())
    return Deviation(
        f"{names} is declared unsupported ({declared.reason}) but is not refused",
        expected="an exception",
        observed="no exception",
    )
