"""The search for a case that deviates: Hypothesis draws cases, keeps those that fail, and shrinks the smallest."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hypothesis
from hypothesis import HealthCheck, Phase, Verbosity
from hypothesis.database import DirectoryBasedExampleDatabase, ExampleDatabase

from embedding_conformance.cases.case import Case
from embedding_conformance.cases.drawing import cases_in
from embedding_conformance.judging.clause import Clause
from embedding_conformance.judging.compare import Deviation
from embedding_conformance.judging.observed import Observations
from embedding_conformance.judging.subject import Subject
from embedding_conformance.running.profiles import Profile

OBSERVED = 60
"""How many cases a deviation is diagnosed from, beside those of the search."""


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


def search_cases(clause: Clause, subject: Subject, search: Search) -> None:
    """Run the clause on as many cases as the profile asks for.

    Raises:
        BaseException: whatever the smallest failing case that was found raises.
    """
    if subject.examination.closed_to(clause):
        return
    if clause.domain is None:
        subject.examine(clause, clause.body, None)
        return

    def run(case: Case) -> None:
        subject.examine(clause, clause.body, case)

    phases = [Phase.explicit, Phase.reuse, Phase.generate]
    phases += [Phase.shrink] if search.profile.diagnoses else []
    phases += [Phase.target] if search.profile.climbs else []
    _draw(
        run, clause, subject, search.seed, max_examples=search.profile.examples, database=search.database, phases=phases
    )


def observe_cases(clause: Clause, subject: Subject, search: Search) -> Observations:
    """Run the clause on other cases, whatever comes of them, so that a deviation can be diagnosed.

    The tally stays as it is.
    """

    def run(case: Case) -> None:
        with suppress(Deviation):
            subject.examine(clause, clause.body, case)

    with subject.examination.aside():
        seed = f"{search.seed} observed"
        _draw(run, clause, subject, seed, max_examples=OBSERVED, database=None, phases=[Phase.generate])
        return subject.tally.observations


def _draw(run: Callable[[Case], None], clause: Clause, subject: Subject, seed: str, **settings: Any) -> None:
    """Let Hypothesis draw cases of a clause and run a function on each."""
    # Hypothesis keeps failing cases under the name, and the clauses of a run must not all see the same cases.
    run.__name__ = re.sub(r"\W", "_", f"{clause.id} {subject.dtype} {subject.device}")
    assert clause.domain is not None
    seeded = hypothesis.seed(f"{seed} {clause.id} {subject.dtype}")(hypothesis.given(cases_in(clause.domain))(run))
    configured = hypothesis.settings(
        deadline=None,
        derandomize=False,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
        verbosity=Verbosity.quiet,
        **settings,
    )(seeded)
    with warnings.catch_warnings():
        # Where the user makes errors of warnings, this one would be reported instead of the deviation.
        warnings.filterwarnings("ignore", "Generating overly large repr")
        configured()
