"""Clauses that are examined together come to what each would come to by itself, with fewer calls."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import ClassVar

import pytest
import torch
from torch import nn

from embedding_conformance import Checked, check
from embedding_reports.outcomes import Outcome

PLAIN = ("gradient.sum", "gradient.form", "gradient.untouched-rows", "gradient.upstream-layout", "padding_idx.none")


class Counted(nn.Embedding):
    """Counts its calls."""

    calls: ClassVar = Counter[str]()

    def forward(self, index: torch.Tensor) -> torch.Tensor:
        """Look up."""
        self.calls["forward"] += 1
        return super().forward(index)


class Forgets(nn.Embedding):
    """Doubles the output of what was not looked up before."""

    seen: ClassVar = set[tuple[object, ...]]()

    def forward(self, index: torch.Tensor) -> torch.Tensor:
        """Look up."""
        key = (tuple(self.weight.shape), tuple(index.shape), self.padding_idx, self.max_norm, float(self.weight.sum()))
        new = key not in self.seen and index.dim() == 2
        self.seen.add(key)
        return super().forward(index) * (2 if new else 1)


def found(embedding: type[nn.Embedding], clauses: Sequence[str]) -> Checked:
    return check(embedding, clauses=clauses, dtypes="float32", isolation="none", seed=1)


def test_a_clause_is_asked_about_the_same_cases_alone() -> None:
    together = {v.clause: (v.cases, v.exercised, v.worst) for v in found(nn.Embedding, PLAIN).verdicts}
    for clause in PLAIN:
        (alone,) = found(nn.Embedding, [clause]).verdicts
        assert together[clause] == (alone.cases, alone.exercised, alone.worst)


def test_what_is_asked_by_several_is_run_once() -> None:
    calls = []
    for clauses in ([PLAIN[0]], PLAIN):
        Counted.calls.clear()
        checked = found(Counted, clauses)
        assert checked.ok
        calls.append(Counted.calls["forward"])
    judged = sum(verdict.cases for verdict in checked.verdicts)
    assert calls[0] > 300, "a clause that judges the whole answer is asked about every case"
    assert calls[1] < 1.1 * calls[0] < 0.9 * judged


@pytest.mark.parametrize("clauses", [["lookup.bits"], ["lookup.bits", "lookup.one-hot", "lookup.shape"]])
def test_what_comes_and_goes_is_not_taken_from_what_was_kept(clauses: Sequence[str]) -> None:
    Forgets.seen.clear()
    verdict = next(v for v in found(Forgets, clauses).verdicts if v.clause == "lookup.bits")
    assert verdict.outcome is Outcome.DEVIATES
    assert verdict.reason == "did not fail again when run once more"
