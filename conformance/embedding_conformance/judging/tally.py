"""What is counted and timed while a clause runs."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from embedding_conformance.judging.crashes import Deaths
from embedding_conformance.judging.partitions import Kinds


@dataclass
class Tally:
    """What was counted and timed while one clause ran on one dtype and device.

    Attributes:
        cases: cases run.
        exercised: those that met the clause's precondition and were judged.
        covered: those left out because a known deviation covers them.
        lost: those whose refusal cost the process they ran in.
        deaths: those that cost it without a word.
        deviated: whether one deviated.
        unsupported: those whose features are not supported, all refused as they should be.
        reason: why, as the clause itself ran into it, or else as is declared of their features.
        worst: largest error as a fraction of its bound.
        lookups: those made in exercised cases, by the kinds of their arguments; alike ones of a case count once.
        seconds: by part: "body" is the whole test body, within it "reference" and "adapter".
    """

    cases: int = 0
    exercised: int = 0
    covered: int = 0
    lost: int = 0
    deaths: Deaths = field(default_factory=Deaths)
    deviated: bool = False
    unsupported: int = 0
    reason: str | None = None
    worst: float | None = None
    lookups: Counter[Kinds] = field(default_factory=Counter)
    seconds: dict[str, float] = field(default_factory=lambda: {"body": 0.0, "reference": 0.0, "adapter": 0.0})

    @contextmanager
    def measured(self, part: str) -> Iterator[None]:
        """Add the time spent in the block to a part."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[part] += time.perf_counter() - start
