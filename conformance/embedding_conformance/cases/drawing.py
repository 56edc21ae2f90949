"""Drawing the cases of a domain, whatever kind of domain it is."""

from __future__ import annotations

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
