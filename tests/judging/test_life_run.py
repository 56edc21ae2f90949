"""A life is judged step by step, with what the implementation provides."""

from __future__ import annotations

import functools
import math
from typing import Any

import pytest
import torch

import plain
from embedding_conformance.adapters.torch.module import TorchModuleAdapter
from embedding_conformance.adapters.torch.paths.functional import TorchFunctionalAdapter
from embedding_conformance.boundary.refusals import Unsupported
from embedding_conformance.cases.case import Step
from embedding_conformance.judging.life_run import LifeRunner
from embedding_conformance.judging.subject import Subject
from examples import case

WEIGHT, LOOKUPS = case(values=[1.0] * 6).weight, case().lookups
STEPS = [
    Step("look up", lookups=LOOKUPS),
    Step("look up together", lookups=LOOKUPS * 2),
    Step("train", "Adam", LOOKUPS),
    Step("clear", "to zeros"),
    Step("edit", weight=WEIGHT),
    Step("load", weight=WEIGHT),
    Step("save"),
    Step("restore"),
    Step("reset"),
    Step("copy", "deepcopy"),
    Step("mode", "eval"),
    Step("freeze"),
    Step("thaw"),
    Step("cast", "float64", LOOKUPS),
]


class Another(torch.nn.Module):
    """An embedding that is not torch's, and computes what torch's does."""

    def __init__(self, *sizes: int, **arguments: Any) -> None:
        super().__init__()
        embedding = torch.nn.Embedding(*sizes, **arguments)
        self.weight, self.sparse = embedding.weight, embedding.sparse
        self.how = {"max_norm": embedding.max_norm, "norm_type": embedding.norm_type, "sparse": embedding.sparse}

    def forward(self, index: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.embedding(index, self.weight, **self.how)


def test_steps_that_are_not_provided_are_left_out() -> None:
    adapter = TorchFunctionalAdapter()
    runner = LifeRunner(Subject(adapter, adapter.describe(), "float32", "cpu"), case())
    for step in STEPS:
        runner.take(step)
    assert {call.verb for call in runner.embedding.driver.calls} == {
        "make",
        "gradient",
        "weight",
        "step",
        "clear",
        "edit",
        "freeze",
    }
    assert runner.case.weight == runner.instance.weight() == WEIGHT


def test_without_gradients_there_is_no_life() -> None:
    adapter = plain.Plain()
    runner = LifeRunner(Subject(adapter, adapter.describe(), "float32", "cpu"), case())
    with pytest.raises(Unsupported, match="does not differentiate"):
        runner.use(*LOOKUPS)


def test_an_optimizer_may_spoil_the_gradient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.optim, "SGD", functools.partial(torch.optim.SGD, foreach=True))  # as by default on CUDA
    runner = LifeRunner(
        Subject(TorchFunctionalAdapter(), TorchFunctionalAdapter().describe(), "float32", "cpu"), case()
    )
    for _ in range(2):
        assert runner.take(Step("train", "SGD with Nesterov momentum", LOOKUPS))
        assert runner.take(Step("look up", lookups=LOOKUPS))


def test_after_a_step_that_is_given_up_halfway_it_goes_on_from_the_weight_before() -> None:
    """The row is renormalised, and then torch cannot add the second sparse gradient, for which it is not to blame."""
    adapter = TorchModuleAdapter(Another)
    config = {"sparse": True, "max_norm": 0.5, "norm_type": math.inf}
    first = case(values=[1.0] * 6, dtype="float16", index=[0], **config)
    runner = LifeRunner(Subject(adapter, adapter.describe(), "float16", "cpu"), first)
    second = case(dtype="float16", index=[1], **config)
    assert runner.take(Step("look up", lookups=first.lookups))
    before = runner.case.weight
    assert not runner.take(Step("look up", lookups=second.lookups))
    assert runner.instance.weight() == before != first.weight
    assert runner.take(Step("look up", lookups=second.lookups))
