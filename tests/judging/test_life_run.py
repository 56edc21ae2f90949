"""A life is judged step by step, with what the implementation provides."""

from __future__ import annotations

import functools

import pytest
import torch

import plain
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
