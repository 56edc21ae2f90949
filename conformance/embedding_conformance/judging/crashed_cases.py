"""Cases that ended the process they ran in, and for how long a smaller such case is sought."""

from __future__ import annotations

import math
import time

from embedding_conformance.boundary.refusals import Died
from embedding_conformance.cases.case import Case

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
