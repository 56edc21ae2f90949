"""Each clause names the verbs without which it cannot be asked, and no others."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import pytest

from embedding_conformance import Profile
from embedding_conformance.adapters.torch.module import TorchModuleAdapter
from embedding_conformance.boundary.adapter import Instance
from embedding_conformance.boundary.verbs import REQUIRED, VERBS
from embedding_conformance.running.check import Run
from embedding_conformance.suite.catalogue import clauses
from embedding_reports.outcomes import Outcome


class Lacking:
    """An adapter of torch's embedding, or one of its instances, without some verbs."""

    def __init__(self, whole: Any, verbs: Collection[str]) -> None:
        self._whole, self._verbs = whole, verbs

    def __getattr__(self, name: str) -> Any:
        if name in self._verbs:
            raise AttributeError(name)
        found = getattr(self._whole, name)
        if name not in ("make", "copy"):
            return found

        def call(*arguments: Any, **named: Any) -> Instance:
            made: Any = Lacking(found(*arguments, **named), self._verbs)
            return made  # type: ignore[no-any-return]

        return call

    def make(self, *arguments: Any, **named: Any) -> Any:
        """An instance that lacks the same."""
        return Lacking(self._whole.make(*arguments, **named), self._verbs)

    def describe(self) -> Any:
        """As it is."""
        return self._whole.describe()


def outcomes(clause: str, *verbs: str) -> set[Outcome]:
    """What a clause comes to where verbs are missing."""
    few = Profile("few", examples=6, enough=1, diagnoses=False)
    adapter = Lacking(TorchModuleAdapter(), verbs)
    run = Run(adapter, profile=few, clauses=clause, dtypes="float32", isolation="none", seed=5)
    return {run.examine(*place).verdict.outcome for place in run.places}


@pytest.mark.parametrize("clause", [clause for clause in clauses() if clause.needs], ids=lambda clause: clause.id)
def test_without_a_verb_that_it_needs_a_clause_is_unsupported(clause: Any) -> None:
    for verb in clause.needs:
        assert outcomes(clause.id, verb) == {Outcome.UNSUPPORTED}, verb


@pytest.mark.parametrize("clause", clauses(), ids=lambda clause: clause.id)
def test_with_the_verbs_that_it_needs_a_clause_is_asked(clause: Any) -> None:
    others = {*VERBS} - {*REQUIRED, *clause.needs}
    assert Outcome.UNSUPPORTED not in outcomes(clause.id, *others)
