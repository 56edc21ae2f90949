"""What the reference permits for a case."""

from __future__ import annotations

from functools import cached_property

from embedding_conformance.cases.case import Case
from embedding_conformance.judging.tally import Tally
from embedding_reference import Permitted


class Prediction:
    """What the contract permits for a case, worked out when asked for; the time it takes goes to the tally."""

    def __init__(self, case: Case, tally: Tally) -> None:
        self._case, self._tally = case, tally

    @cached_property
    def outputs(self) -> tuple[Permitted, ...]:
        """One output a lookup, each as if it were the first."""
        with self._tally.measured("reference"):
            return tuple(self._case.config.output(self._case.weight, lookup.index) for lookup in self._case.lookups)

    @property
    def output(self) -> Permitted:
        """The output of the first lookup."""
        return self.outputs[0]

    @cached_property
    def weight(self) -> Permitted:
        """The weight after the first lookup."""
        return self.weight_after()

    def weight_after(self, *, wide: bool = False) -> Permitted:
        """The weight after the first lookup; `wide` as in `reference.Embedding.weight_after`."""
        with self._tally.measured("reference"):
            return self._case.config.weight_after(self._case.weight, self._case.index, wide=wide)

    @cached_property
    def gradient(self) -> Permitted:
        """The weight's gradient after all lookups."""
        return self.gradient_of()

    def gradient_of(self, *, wide: bool = False) -> Permitted:
        """The same; `wide` as in `reference.Embedding.gradient`."""
        pairs = [(lookup.index, lookup.upstream) for lookup in self._case.lookups]
        with self._tally.measured("reference"):
            return self._case.config.gradient(self._case.weight.dtype, pairs, wide=wide)
