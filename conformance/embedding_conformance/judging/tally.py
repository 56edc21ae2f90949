"""The tally of a clause: what is counted and timed while it runs."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from embedding_conformance.judging.crashed_cases import Crashes
from embedding_conformance.judging.partitions import Partitions


@dataclass
class Tally:
    """What was counted and timed while one clause ran on one dtype and device.

    Attributes:
        cases: the number of cases run.
        exercised: the number of cases that met the clause's precondition and were judged.
        covered: the number of cases left out because a known deviation covers them.
        lost: the number of processes lost to a refusal that left them unusable.
        crashes: the cases that ended their process, or hung it.
        deviated: whether a case deviated.
        unsupported: the number of cases with features that are not supported, all refused as they should be.
        reason: why they are unsupported, as the clause itself met it, or else as it is declared; None: none was.
        worst: the largest error as a fraction of its bound; None: everything was compared bit for bit.
        case_worst: the same for the latest case, 0 instead of None.
        lookups: the lookups of exercised cases, counted by their partitions; equal ones of one case count once.
        seconds: the time by part: "body" is the whole test body, and includes "reference" and "adapter".
    """

    cases: int = 0
    exercised: int = 0
    covered: int = 0
    lost: int = 0
    crashes: Crashes = field(default_factory=Crashes)
    deviated: bool = False
    unsupported: int = 0
    reason: str | None = None
    worst: float | None = None
    case_worst: float = 0.0
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
