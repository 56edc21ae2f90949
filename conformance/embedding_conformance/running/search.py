"""The search for a case that deviates: Hypothesis draws cases, and keeps those that fail for the next run."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import hypothesis
from hypothesis import HealthCheck, Phase, Verbosity
from hypothesis.database import DirectoryBasedExampleDatabase, ExampleDatabase
from hypothesis.errors import FlakyFailure

from embedding_conformance.cases.case import Case
from embedding_conformance.cases.drawing import cases_in
from embedding_conformance.cases.edges import edges_of
from embedding_conformance.cases.strategies import under_test
from embedding_conformance.judging.clause import Clause
from embedding_conformance.judging.compare import Deviation
from embedding_conformance.judging.subject import Subject
from embedding_conformance.running.profiles import Profile


@dataclass(frozen=True)
class Search:
    """The settings of a search.

    Attributes:
        profile: how much to test.
        seed: the seed that repeats the search.
        database: where cases that fail are kept, to be tried first in the next run; None keeps none.
    """

    profile: Profile
    seed: str
    database: ExampleDatabase | None = None


def database(target: str) -> DirectoryBasedExampleDatabase:
    """The database of the cases of a target that failed.

    Each target has its own, because Hypothesis drops a case that passes. It is named here because Hypothesis's default
    is none at all in continuous integration.
    """
    folder = Path(os.environ.get("HYPOTHESIS_STORAGE_DIRECTORY", ".hypothesis")).absolute()
    return DirectoryBasedExampleDatabase(folder / "embedding-conformance" / re.sub(r"\W+", "-", target))


def search_cases(clause: Clause, subject: Subject, search: Search, part: int = 0) -> None:
    """Run the clause on the edge cases of its domain, then on drawn ones, on as many in all as the profile asks for.

    Args:
        clause: the clause.
        subject: the implementation under test.
        search: the settings.
        part: the number of searches before, for the same clause: each draws other cases.

    Raises:
        BaseException: whatever the first failing case that was found raises.
    """
    if subject.examination.closed_to(clause):
        return
    if clause.domain is None:
        subject.examine(clause, clause.body, None)
        return

    def run(case: Case) -> None:
        subject.examine(clause, clause.body, case)

    edges = edges_of(clause.domain, under_test.get())
    for case in edges:
        _twice_if_it_fails(run, case)
    # Hypothesis keeps failing cases under the name, and the clauses of a run must not all see the same cases.
    run.__name__ = re.sub(r"\W", "_", f"{clause.id} {subject.dtype} {subject.device}")
    seed = f"{search.seed} {clause.id} {subject.dtype}{part or ''}"
    seeded = hypothesis.seed(seed)(hypothesis.given(cases_in(clause.domain))(run))
    # What fails is made smaller by `diagnosis.reduce`, on plain data and within the clause's domain.
    phases = [Phase.explicit, Phase.reuse, Phase.generate, *([Phase.target] if search.profile.climbs else [])]
    configured = hypothesis.settings(
        deadline=None,
        derandomize=False,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
        verbosity=Verbosity.quiet,
        max_examples=max(search.profile.examples - len(edges), 1),
        # A later search passes what the first one failed on, and would have the database forget it.
        database=None if part else search.database,
        phases=phases,
    )(seeded)
    with warnings.catch_warnings():
        # Where the user makes errors of warnings, this one would be reported instead of the deviation.
        warnings.filterwarnings("ignore", "Generating overly large repr")
        configured()


def _twice_if_it_fails(run: Callable[[Case], None], case: Case) -> None:
    """Run a case, and once more if it deviates, as Hypothesis does.

    Raises:
        Deviation: it deviates both times.
        FlakyFailure: it deviates the first time only.
    """
    try:
        run(case)
    except Deviation as deviation:
        run(case)
        raise FlakyFailure("it did not fail again", [deviation]) from deviation
