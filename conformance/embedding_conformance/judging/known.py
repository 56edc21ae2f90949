"""Known deviations as an examination judges by them: a case must be as the contract has it, or as its entry does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from embedding_conformance.cases.case import Case
from embedding_conformance.cases.features import matches, meets
from embedding_conformance.cases.whole import features_of
from embedding_conformance.judging.compare import ENDS, RAISES, Deviation
from embedding_conformance.judging.expectations import permits
from embedding_conformance.judging.tally import Observed
from embedding_reference import Embedding
from embedding_reference.fault_models import FAULT_MODELS, UNDOCUMENTED, FaultModel

MODELS: Mapping[str, type[FaultModel]] = {model.__name__: model for model in (*FAULT_MODELS, *UNDOCUMENTED)}
"""The fault models by name."""

DIFFERS, OWN_PRECISION = "differs", "is as exact as its dtype"
"""What an entry may say beside the name of a fault model and the words for what deviates (`Deviation.symptom`, of which
"raises" alone stands for any exception): any numbers differ, of which no more is known; numbers are what arithmetic in
the weight's own dtype gives, where the clause asks for more."""

MOST_ENDINGS = 3
"""How many cases that end the process are run for one known deviation: each costs seconds."""


class KnownDeviation:
    """An entry of a ledger, as far as it is about one clause, and what came of the cases that it covers.

    Attributes:
        where: the features of the cases that it covers.
        does: what the implementation does there, in one of several ways.
        device: the device that is tested.
        covered: the number of cases that it covers and that were run.
        shown: how many of them deviate as it says.
        left_out: the number of cases that it covers and that were not run, as each would end a process.
        deviation: the first deviation that was as it says, with its case and calls; None: there was none.
    """

    def __init__(self, where: Mapping[str, Any], does: Sequence[str], device: str, *, caseless: bool = False) -> None:
        """One of which nothing was seen yet; `caseless`: it is about a clause that draws no cases."""
        self.where, self.does, self.device, self._caseless = where, does, device, caseless
        self.covered = self.shown = self.left_out = 0
        self._is_shown = False
        self.deviation: Deviation | None = None
        self._models = [MODELS[one] for one in does if one in MODELS]

    def covers(self, case: Case | None) -> bool:
        """Whether it is about a case; None: about a clause without cases."""
        if case is None:
            return self._caseless
        if matches(self.where, case, self.device):
            return True
        # What is wrong may come of two lookups, or of a step of a life.
        return meets({**features_of(case), "device": self.device}, self.where)

    def aside(self) -> KnownDeviation:
        """The same, of which nothing was seen yet."""
        return KnownDeviation(self.where, self.does, self.device, caseless=self._caseless)

    def begin(self) -> None:
        """Go on to another case that it covers."""
        self.covered += 1
        self._is_shown = False

    def take(self, deviation: Deviation) -> None:
        """Take a deviation in that case that it explains."""
        self.deviation = self.deviation or deviation
        self.shown += not self._is_shown
        self._is_shown = True

    @property
    def is_dear(self) -> bool:
        """Whether no more of its cases should be run, because each ends the process."""
        return self.shown >= MOST_ENDINGS and ENDS in self.does

    def explains(self, deviation: Deviation, observed: Observed | None = None) -> bool:
        """Whether a deviation in a case that it covers is the one that it declares.

        Args:
            deviation: the deviation.
            observed: the answer that deviates, where fault models are about it.
        """
        if observed is not None and any(permits(model, observed) for model in self._models_of(observed)):
            return True
        return any(is_as_said(deviation, one) for one in self.does if one not in MODELS)

    def _models_of(self, observed: Observed) -> Iterator[Embedding]:
        """The models of which one must permit an answer: the reference model where its own precision is known."""
        config = observed.case.config
        if OWN_PRECISION in self.does:
            yield config
        yield from (model.of(config) for model in self._models if observed.what in model.about)


def is_as_said(deviation: Deviation, does: str) -> bool:
    """Whether a deviation is of a kind that is named, if not by a fault model."""
    if does == DIFFERS:
        return deviation.difference is not None
    return deviation.symptom == does or (does == RAISES and deviation.symptom.startswith(f"{RAISES} "))
