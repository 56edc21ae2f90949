"""What every clause's test receives."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from embedding_conformance.cases.strategies import UnderTest, under_test
from embedding_conformance.judging.subject import Subject
from embedding_conformance.running.session import Session

SESSION = pytest.StashKey[Session]()
SUBJECT = pytest.StashKey[Subject]()


@pytest.fixture
def embedding(request: pytest.FixtureRequest) -> Iterator[Subject]:
    """The implementation under test, on one dtype and device."""
    dtype, device = request.param
    subject = request.config.stash[SESSION].subject(request.function.clause, dtype, device)
    request.node.stash[SUBJECT] = subject
    token = under_test.set(
        UnderTest(subject.dtype, subject.lacks, subject.flushes, subject.description.compiles, subject.freezes)
    )
    yield subject
    under_test.reset(token)
