"""The catalogue of all clauses, made by importing the suite."""

from __future__ import annotations

import importlib

from embedding_conformance import suite
from embedding_conformance.judging.clause import Clause


def clauses() -> tuple[Clause, ...]:
    """Every clause, in the order of `suite.MODULES` and then of the source.

    Raises:
        ValueError: two clauses have the same id.
    """
    found: dict[str, Clause] = {}
    for module in suite.MODULES:
        for value in vars(importlib.import_module(f"{suite.__name__}.{module}")).values():
            clause = getattr(value, "clause", None)
            if isinstance(clause, Clause):
                if clause.id in found:
                    raise ValueError(f"two clauses are called {clause.id}")
                found[clause.id] = clause
    return tuple(found.values())
