"""Drawing the cases of a domain, whatever kind of domain it is."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import hypothesis
from hypothesis import HealthCheck, Phase, Verbosity
from hypothesis.strategies import SearchStrategy

from embedding_conformance.cases.case import Case
from embedding_conformance.cases.domain import Domain, Lives, OneOutOfRange
from embedding_conformance.cases.life_strategies import life_cases
from embedding_conformance.cases.strategies import cases_of, out_of_range


def cases_in(domain: Domain) -> SearchStrategy[Case]:
    """The strategy for the cases of a domain."""
    if isinstance(domain, Lives):
        return life_cases()
    drawn = out_of_range() if isinstance(domain, OneOutOfRange) else cases_of(domain)
    return drawn.map(domain.made) if domain.made else drawn


def draw(run: Callable[[Case], None], domain: Domain, seed: str, count: int, *, climbs: bool = False) -> None:
    """Draw so many cases of a domain and run each, until one fails.

    Args:
        run: runs a case.
        domain: the cases to draw from.
        seed: the seed that draws the same cases again.
        count: how many are drawn.
        climbs: whether half of them are drawn to raise what `run` tells Hypothesis as its target.

    Raises:
        BaseException: whatever the first failing case that was found raises.
    """
    seeded = hypothesis.seed(seed)(hypothesis.given(cases_in(domain))(run))
    # What fails is made smaller by `diagnosis.reduce`, on plain data and within the clause's domain.
    configured = hypothesis.settings(
        deadline=None,
        derandomize=False,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
        verbosity=Verbosity.quiet,
        max_examples=count,
        database=None,
        phases=[Phase.generate, *([Phase.target] if climbs else [])],
    )(seeded)
    with warnings.catch_warnings():
        # Where the user makes errors of warnings, this one would be reported instead of the deviation.
        warnings.filterwarnings("ignore", "Generating overly large repr")
        configured()
