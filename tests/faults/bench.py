"""Clauses run in this process, on one embedding and dtype."""

from __future__ import annotations

import importlib.util
import pkgutil
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

import torch
from hypothesis import HealthCheck, Phase, settings
from hypothesis.errors import HypothesisWarning

from conformance import suite
from conformance.adapters.torch_module import TorchModuleAdapter
from conformance.clause import Clause
from conformance.strategies import dtype_under_test
from conformance.subject import Subject


def run(clause: str, embedding: type, dtype: str, examples: int, known: Sequence[Mapping[str, Any]] = ()) -> None:
    """Run a clause's test on an embedding, with so many cases, but for the known ones.

    The cases are always the same, and a failing one is not shrunk.

    Raises:
        Deviation: the clause rejects it.
    """
    adapter = TorchModuleAdapter(embedding, functional=torch.nn.functional.embedding)
    subject = Subject(adapter, adapter.describe(), dtype, "cpu")
    subject.start(list(known))
    token = dtype_under_test.set(dtype)
    try:
        with _profile(examples), warnings.catch_warnings():
            warnings.simplefilter("ignore", HypothesisWarning)  # of a long repr, where a large case is rejected
            _tests(examples)[clause](embedding=subject)
    finally:
        dtype_under_test.reset(token)


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
def _tests(examples: int) -> Mapping[str, Callable[..., None]]:
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
