"""The verdicts of a run, clause by clause: what every page counts, shows or compares."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from embedding_reports.outcomes import PRECEDENCE, Outcome
from embedding_reports.records import Clause, Results, Verdict

Place = tuple[str | None, str | None]
"""A dtype and a device; None: verdicts do not depend on it."""


@dataclass(frozen=True)
class ClauseVerdicts:
    """One clause, and what a run found out about it.

    Attributes:
        clause: the clause.
        verdicts: one for each dtype and device that it was tested on, in the order of the columns.
    """

    clause: Clause
    verdicts: tuple[Verdict, ...] = ()

    @cached_property
    def outcome(self) -> Outcome:
        """The outcome of the clause: "conforms" only if it conforms wherever it was tested."""
        return decisive(self.outcomes)

    @cached_property
    def outcomes(self) -> tuple[Outcome, ...]:
        """The outcomes that its verdicts have, each once, in the order of the columns."""
        return tuple(dict.fromkeys(verdict.outcome for verdict in self.verdicts))

    @property
    def fails(self) -> bool:
        """Whether it fails the run anywhere."""
        return any(verdict.fails for verdict in self.verdicts)

    @property
    def by_place(self) -> dict[Place, Verdict]:
        """Its verdicts by dtype and device."""
        return {(verdict.dtype, verdict.device): verdict for verdict in self.verdicts}


def by_clause(run: Results) -> dict[str, ClauseVerdicts]:
    """The clauses of a run by id, in the order of the contract; those that were not tested have no verdicts."""
    verdicts: dict[str, list[Verdict]] = {clause.id: [] for clause in run.clauses}
    for verdict in run.verdicts:
        verdicts[verdict.clause].append(verdict)
    return {clause.id: ClauseVerdicts(clause, tuple(verdicts[clause.id])) for clause in run.clauses}


def decisive(outcomes: Iterable[Outcome]) -> Outcome:
    """The outcome that stands for all of these; "not run" where there are none."""
    return min(outcomes, key=PRECEDENCE.index, default=Outcome.NOT_RUN)
