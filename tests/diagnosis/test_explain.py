"""A deviation is explained by the fault model that does the same, and by none that does not."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from embedding_conformance import Profile, check
from embedding_conformance.cases.case import Case
from embedding_conformance.diagnosis.explain import explain
from embedding_conformance.judging.tally import MOST, Observations, Observed
from embedding_reference import Exactly, Tensor
from embedding_reference.fault_models import FAULT_MODELS, GRADIENT, OUTPUT, WEIGHT
from examples import case

NAMES = {fault.__name__: fault for fault in FAULT_MODELS}
ARGUMENTS = ("padding_idx", "max_norm", "norm_type", "scale_grad_by_freq", "sparse")


class Without(nn.Embedding):
    """Looks up without one of the arguments."""

    argument = ""

    def forward(self, index: torch.Tensor) -> torch.Tensor:
        """Look up."""
        given: dict[str, Any] = {name: getattr(self, name) for name in ARGUMENTS if name != self.argument}
        return nn.functional.embedding(index, self.weight, **given)


class WithoutPadding(Without):
    """Ignores padding_idx."""

    argument = "padding_idx"


class WithoutFrequency(Without):
    """Ignores scale_grad_by_freq."""

    argument = "scale_grad_by_freq"


class WithoutMaxNorm(Without):
    """Ignores max_norm."""

    argument = "max_norm"


class WithoutNormType(Without):
    """Ignores norm_type."""

    argument = "norm_type"


class Shifted(nn.Embedding):
    """Reads the next row."""

    def forward(self, index: torch.Tensor) -> torch.Tensor:
        """Look up."""
        inside = (index >= 0) & (index < self.num_embeddings)
        return super().forward(torch.where(inside, (index + 1) % max(self.num_embeddings, 1), index))


class Bends(nn.Embedding):
    """Does what no fault model does."""

    def forward(self, index: torch.Tensor) -> torch.Tensor:
        """Look up."""
        return super().forward(index) * 0.7 + 0.1


@pytest.mark.parametrize(
    ("embedding", "clause", "name"),
    [
        (WithoutPadding, "padding_idx.no-gradient", "IgnoresPadding"),
        (WithoutFrequency, "scale_grad_by_freq.divides", "IgnoresFrequency"),
        (WithoutMaxNorm, "max_norm.renormalises", "IgnoresMaxNorm"),
        (WithoutNormType, "norm_type.order", "IgnoresNormType"),
        (Shifted, "lookup.bits", "ReadsTheNextRow"),
        (Bends, "lookup.bits", ""),
    ],
)
def test_a_deviation_is_explained(embedding: type[nn.Embedding], clause: str, name: str) -> None:
    profile = Profile("some", examples=60, enough=6)
    (cause,) = check(embedding, profile=profile, clauses=clause, dtypes="float32", isolation="none", seed=1).causes
    assert cause.plainest == clause
    assert cause.fault == (name or None)
    assert cause.does == (NAMES[name].sentence() if name else "output differs")


def observed(number: int, rows: list[int], *, deviates: bool = True) -> Observed:
    """What a lookup in a table that `number` tells from others gave: these rows."""
    asked = case(index=(0, 2), values=[number + i for i in range(6)])
    answer = asked.config.output(asked.weight, Tensor.of("int64", (2,), rows))
    assert isinstance(answer, Exactly)
    return Observed(asked, OUTPUT, answer.tensor, deviates)


SHIFTED = [observed(number, [1, 0]) for number in range(10)]


def everywhere(_: Case) -> bool:
    return True


def test_all_that_deviates_must_be_explained() -> None:
    found = explain(Observations(SHIFTED), OUTPUT, everywhere)
    assert found is not None
    assert found.fault.__name__ == "ReadsTheNextRow"
    assert explain(Observations([*SHIFTED, observed(19, [1, 1])]), OUTPUT, everywhere) is None


def test_what_does_not_deviate_must_not_speak_against_it() -> None:
    right = observed(19, [0, 2], deviates=False)
    assert explain(Observations(SHIFTED, [right]), OUTPUT, everywhere) is None


def test_what_the_cause_does_not_cover_speaks_against_nothing() -> None:
    right = observed(19, [0, 2], deviates=False)
    found = explain(Observations(SHIFTED, [right]), OUTPUT, lambda asked: asked != right.case)
    assert found is not None
    assert found.fault.__name__ == "ReadsTheNextRow"


def test_of_several_that_do_the_same_the_narrowest_is_told() -> None:
    zeros = [case(max_norm=0.0, index=(0,), values=[number + i for i in range(6)]) for number in range(1, 10)]
    found = explain(
        Observations([Observed(one, WEIGHT, one.weight, deviates=True) for one in zeros]), WEIGHT, everywhere
    )
    assert found is not None
    assert found.fault.__name__ == "TakesZeroForNoLimit"
    assert "IgnoresMaxNorm" in found.names


@pytest.mark.parametrize(("few", "sure"), [(SHIFTED[:7], False), (SHIFTED[:1] * 10, False), (SHIFTED[:8], True)])
def test_few_cases_explain_nothing_for_sure(few: list[Observed], sure: bool) -> None:
    found = explain(Observations(few), OUTPUT, everywhere)
    assert found is not None
    assert found.sure is sure


def test_what_is_another_answer_is_not_explained() -> None:
    assert explain(Observations(SHIFTED), GRADIENT, everywhere) is None


def test_nothing_is_explained_that_the_model_permits() -> None:
    """The clause then asks for more than an answer to the case."""
    permitted = [observed(number, [0, 2]) for number in range(10)]
    assert explain(Observations(permitted), OUTPUT, everywhere) is None


def test_enough_is_kept_and_nothing_large() -> None:
    kept = Observations()
    for number in range(2 * MOST):
        kept.keep(observed(number, [1, 0]))
    large = case(rows=2000, dim=2, values=[0] * 4000, index=(0,))
    kept.keep(Observed(large, OUTPUT, large.weight, deviates=False))
    assert (len(kept.deviating), len(kept.conforming)) == (MOST, 0)
