"""Clauses run in this process, on one embedding and dtype."""

from __future__ import annotations

import importlib.util
import pkgutil
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any

import torch
from hypothesis import HealthCheck, Phase, settings
from hypothesis.errors import FlakyFailure, HypothesisWarning

from embedding_conformance import suite
from embedding_conformance.adapters.torch.module import TorchModuleAdapter
from embedding_conformance.cases.case import Case
from embedding_conformance.cases.strategies import UnderTest, under_test
from embedding_conformance.judging.clause import Clause
from embedding_conformance.judging.compare import Deviation
from embedding_conformance.judging.subject import Subject

NO_FLOAT16_SUM = {"dtype": "float16", "sparse": True}
"""Autograd of torch cannot add two sparse float16 gradients on the CPU, whoever made them."""

ADDS_GRADIENTS = {"gradient.accumulates", "gradient.one-graph", "sparse.accumulates", "sequences.life"}


class Watched(Subject):
    """A subject that knows after how many cases the first one was rejected: Hypothesis runs that one again."""

    examples: int
    failed_after: int | None = None

    def __init__(self, embedding: type, dtype: str, examples: int) -> None:
        """An embedding class on one dtype."""
        adapter = TorchModuleAdapter(embedding, functional=torch.nn.functional.embedding)
        super().__init__(adapter, adapter.describe(), dtype, "cpu")
        self.examples = examples

    def _evidence(self, deviation: Deviation, case: Case | None) -> Deviation:
        self.failed_after = self.failed_after or self.tally.cases
        return super()._evidence(deviation, case)


def run(clause: str, embedding: type, dtype: str, examples: int) -> None:
    """Run a clause's test on an embedding, with so many cases (`run_on`)."""
    run_on(Watched(embedding, dtype, examples), clause)


def run_on(subject: Watched, clause: str) -> None:
    """Run a clause's test.

    The cases are always the same, and a failing one is not shrunk.

    Raises:
        Deviation: the clause rejects the embedding.
    """
    subject.start([NO_FLOAT16_SUM] if clause in ADDS_GRADIENTS else [])
    token = under_test.set(UnderTest(subject.dtype))
    try:
        with _profile(subject.examples), warnings.catch_warnings():
            warnings.simplefilter("ignore", HypothesisWarning)  # of a long repr, where a large case is rejected
            tests(subject.examples)[clause](embedding=subject)
    except FlakyFailure as flaky:  # what comes and goes is no better for it
        raise next(error for error in flaky.exceptions if isinstance(error, Deviation)) from flaky
    finally:
        under_test.reset(token)


@contextmanager
def _profile(examples: int) -> Iterator[None]:
    before, name = settings.get_current_profile_name(), f"{examples} cases"
    settings.register_profile(
        name,
        max_examples=examples,
        phases=(Phase.explicit, Phase.generate),
        derandomize=True,
        database=None,
        deadline=None,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    settings.load_profile(name)
    try:
        yield
    finally:
        settings.load_profile(before)


@cache
def tests(examples: int) -> Mapping[str, Callable[..., None]]:
    """The test of each clause, by its id.

    Hypothesis settles a test's settings when it is decorated, so the suite's modules are loaded anew for each number.
    """
    with _profile(examples):
        members = [member for name in _names() for member in vars(_loaded(name)).values()]
    return {test.clause.id: test for test in members if isinstance(getattr(test, "clause", None), Clause)}


def _names() -> list[str]:
    return sorted(found.name for found in pkgutil.iter_modules(suite.__path__) if found.name.startswith("test_"))


def _loaded(name: str) -> Any:
    found = importlib.util.find_spec(f"{suite.__name__}.{name}")
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module
