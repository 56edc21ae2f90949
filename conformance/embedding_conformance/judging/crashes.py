"""Cases that cost the process they ran in, and how long a smaller one is looked for."""

from __future__ import annotations

import math
import time

from embedding_conformance.boundary.adapter import Died
from embedding_conformance.cases.case import Case

SECONDS_TO_SHRINK = 30.0
"""From the first such case on. Hypothesis tries hundreds, and each costs a new process, or the minute of a time-out."""


class Deaths:
    """What such cases of one clause came to."""

    def __init__(self) -> None:
        self._came: dict[Case | None, Died] = {}
        self._since = math.inf

    def __len__(self) -> int:
        """How many there are."""
        return len(self._came)

    def add(self, case: Case | None, died: Died) -> None:
        """Remember a case."""
        self._since = min(self._since, time.monotonic())
        self._came[case] = died

    @property
    def enough(self) -> bool:
        """Whether no more cases are to be run."""
        return time.monotonic() - self._since > SECONDS_TO_SHRINK

    def knows(self, case: Case | None) -> bool:
        """Whether a case is among them."""
        return case in self._came

    def remind(self, case: Case | None) -> None:
        """Where no more cases are to be run, stand in for one that was.

        Raises:
            Died: as it did then, so that Hypothesis knows it again.
        """
        if self.enough and case in self._came:
            raise self._came[case]
