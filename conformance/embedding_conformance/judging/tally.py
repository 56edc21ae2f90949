"""The tally of a clause: what is counted, timed and kept while it runs."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from embedding_conformance.boundary.observations import Gradient
from embedding_conformance.boundary.refusals import Died
from embedding_conformance.cases.case import Case
from embedding_conformance.judging.partitions import Partitions
from embedding_reference import Tensor
from embedding_reference.model import Form

MOST = 120
"""How many of each kind are kept; enough to tell fault models apart."""

LARGEST = 2000
"""Elements of a tensor beyond which a case is not kept: the oracle is slow on it."""

Answer = Tensor | Gradient | Form | Mapping[str, object]


@dataclass(frozen=True)
class Observed:
    """An answer that was judged.

    Attributes:
        case: what was asked.
        what: "output" (of the first lookup), "weight" (after it), "gradient" (after all lookups), "form" (the layout,
            shape and dtype of that), "second order" (the derivative of the gradient of the first lookup) or
            "attributes".
        answer: the tensor, the gradient, its form, or the attributes by name.
        deviates: whether the contract does not permit it.
    """

    case: Case
    what: str
    answer: Answer
    deviates: bool


@dataclass
class Observations:
    """The answers that were kept.

    Attributes:
        deviating: those that the contract does not permit.
        conforming: those that it permits.
    """

    deviating: list[Observed] = field(default_factory=list)
    conforming: list[Observed] = field(default_factory=list)

    def keep(self, observed: Observed) -> None:
        """Keep an answer, unless there are enough, or the case is large."""
        kept = self.deviating if observed.deviates else self.conforming
        case = observed.case
        size = max(case.weight.numel, *(lookup.upstream.numel for lookup in case.lookups), 0)
        if len(kept) < MOST and size <= LARGEST:
            kept.append(observed)


SECONDS_TO_SHRINK = 30.0
"""Seconds of shrinking after the first such case: Hypothesis tries hundreds, each at the cost of a new process or of a
time-out of a minute."""


class Crashes:
    """The cases of one clause in which the process ended or hung."""

    def __init__(self) -> None:
        self._endings: dict[Case | None, Died] = {}
        self._since = math.inf

    def __len__(self) -> int:
        """The number of such cases."""
        return len(self._endings)

    def add(self, case: Case | None, died: Died) -> None:
        """Keep a case, and the exception that says how its process ended."""
        self._since = min(self._since, time.monotonic())
        self._endings[case] = died

    @property
    def enough(self) -> bool:
        """Whether the time is over, and no new case is to be run."""
        return time.monotonic() - self._since > SECONDS_TO_SHRINK

    def knows(self, case: Case | None) -> bool:
        """Whether a case is among them."""
        return case in self._endings

    def repeat(self, case: Case | None) -> None:
        """Once the time is over, raise the exception that a case ended with, so that Hypothesis finds it reproduced.

        Raises:
            Died: the time is over, and the case is among them.
        """
        if self.enough and case in self._endings:
            raise self._endings[case]


@dataclass
class Tally:
    """What was counted and timed while one clause ran on one dtype and device.

    Attributes:
        cases: the number of cases run.
        exercised: the number of cases that were judged and on which the clause could have failed.
        declared: how often something deviated just as a known deviation says.
        lost: the number of processes lost to a refusal that left them unusable.
        crashes: the cases that ended their process, or hung it.
        deviated: whether a case deviated.
        unsupported: the number of cases with features that are not supported, all refused as they should be.
        reason: why they are unsupported, as the clause itself met it, or else as it is declared; None: none was.
        worst: the largest error as a fraction of its bound; None: everything was compared bit for bit.
        case_worst: the same for the latest case, 0 instead of None.
        conforming: the cases that were exercised and did not deviate.
        observations: answers that were judged, for the diagnosis; None keeps none.
        lookups: the lookups of exercised cases, counted by their partitions; equal ones of one case count once.
        seconds: the time by part: "body" is the whole test body, and includes "reference" and "adapter".
    """

    cases: int = 0
    exercised: int = 0
    declared: int = 0
    lost: int = 0
    crashes: Crashes = field(default_factory=Crashes)
    deviated: bool = False
    unsupported: int = 0
    reason: str | None = None
    worst: float | None = None
    case_worst: float = 0.0
    conforming: list[Case] = field(default_factory=list)
    observations: Observations | None = None
    lookups: Counter[Partitions] = field(default_factory=Counter)
    seconds: dict[str, float] = field(default_factory=lambda: {"body": 0.0, "reference": 0.0, "adapter": 0.0})

    @contextmanager
    def measured(self, part: str) -> Iterator[None]:
        """Add the time spent in the block to a part."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[part] += time.perf_counter() - start
