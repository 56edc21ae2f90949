"""The shape of the page of several runs: clause by run, what changed between neighbours, and each finding once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from embedding_reports.model.by_clause import ClauseVerdicts, Place, by_clause
from embedding_reports.model.changes.compare import Comparison, compare, reasons_of
from embedding_reports.model.changes.history import state
from embedding_reports.model.facts import short_labels
from embedding_reports.model.gathered import Gathered, Naming, gather, unsupported
from embedding_reports.model.order import implementations, neighbours
from embedding_reports.model.scores import JUDGED, CauseCount, Score, count_causes, scores
from embedding_reports.model.view import RunView, arrange
from embedding_reports.outcomes import DEVIATING, LEVELS, PRECEDENCE, Outcome
from embedding_reports.records import Clause, Results


@dataclass(frozen=True)
class Mark:
    """The outcome of one clause in one run; `count` is empty where all its places have the outcome."""

    outcome: Outcome
    count: str
    words: str


@dataclass(frozen=True)
class Line:
    """One clause of the matrix: a mark for each run, and whether the runs differ."""

    clause: Clause
    marks: Sequence[Mark]
    differs: bool

    @property
    def outcomes(self) -> list[Outcome]:
        """The outcomes that it has in any run."""
        return list(dict.fromkeys(mark.outcome for mark in self.marks))


@dataclass(frozen=True)
class Step:
    """From one release to the next."""

    old: str
    new: str
    comparison: Comparison

    @property
    def quiet(self) -> bool:
        """Whether nothing changed, and nothing kept that from being seen."""
        return not (self.comparison.changed or self.comparison.caveats)


@dataclass(frozen=True)
class Merged:
    """Several runs, ready for the template.

    Attributes:
        runs: the runs, in the order of the columns.
        names: a short label for each.
        scores: of several implementations, the score of each on each section; None of one.
        causes: how many causes each run has: of several implementations of MUST and SHOULD clauses, of one of all.
        naming: how some of them are named.
        sections: the rows of the matrix, by section of the contract.
        steps: what changed from each run to the next of the same implementation.
        findings: each finding once, the outcome that counts most first.
        unsupported: what is unsupported, under its reasons.
        same: the facts that are the same in all runs that took place.
        errors: clauses with errors in numbers, and the largest of each run as a fraction of its bound.
    """

    runs: Sequence[RunView]
    names: Sequence[str]
    scores: Sequence[Mapping[str, Score]] | None
    causes: Sequence[CauseCount]
    naming: Naming
    sections: Mapping[str, Sequence[Line]]
    steps: Sequence[Step]
    findings: Sequence[Gathered]
    unsupported: Mapping[str, Mapping[str, Sequence[Gathered]]]
    same: Mapping[str, str]
    errors: Sequence[tuple[Clause, Sequence[float | None]]]

    @property
    def differing(self) -> int:
        """How many clauses the runs differ in."""
        return sum(line.differs for lines in self.sections.values() for line in lines)


def merge(runs: Sequence[Results]) -> Merged:
    """Arrange two runs or more on one page."""
    views = arrange(runs)
    ordered = [view.results for view in views]
    names = short_labels(ordered)
    label = dict(zip(map(id, ordered), names, strict=True))
    clauses = {clause.id: clause for run in ordered for clause in run.clauses}
    findings = gather([view.findings for view in views], list(clauses))
    single = len(implementations(runs)) == 1
    ran = [view for view in views if view.summary.absence is None]
    naming = Naming(names, by_version=single, ran=len(ran))
    return Merged(
        runs=views,
        names=names,
        scores=None if single else [scores(view.results) for view in views],
        causes=[count_causes(view.results, LEVELS if single else JUDGED) for view in views],
        naming=naming,
        sections=_matrix(views, names, clauses),
        steps=[Step(label[id(old)], label[id(new)], compare(old, new)) for old, new in neighbours(ordered)],
        findings=sorted(findings, key=lambda finding: PRECEDENCE.index(finding.outcome)),
        unsupported=unsupported(findings, naming),
        same=_same([view.facts for view in ran]),
        errors=_errors(views),
    )


def _matrix(views: Sequence[RunView], names: Sequence[str], clauses: Mapping[str, Clause]) -> dict[str, list[Line]]:
    by_run = [by_clause(view.results) for view in views]
    sections: dict[str, list[Line]] = {}
    for name, clause in clauses.items():
        found = [each.get(name, ClauseVerdicts(clause)) for each in by_run]
        marks = [_mark(view, label, each) for view, label, each in zip(views, names, found, strict=True)]
        sections.setdefault(clause.section, []).append(Line(clause, marks, _differs(found)))
    return sections


def _mark(view: RunView, name: str, found: ClauseVerdicts) -> Mark:
    alike, every = sum(verdict.outcome is found.outcome for verdict in found.verdicts), len(found.verdicts)
    count = f"{alike} of {every}" if alike < every else ""
    words = "did not run" if view.summary.absence is not None else state(found, view.devices)
    return Mark(found.outcome, count, f"{name}: {words}")


def _differs(runs: Sequence[ClauseVerdicts]) -> bool:
    """Whether any place has another verdict, or another known deviation, in one run than in another that tested it."""
    seen: dict[Place, set[object]] = {}
    for run in runs:
        for place, verdict in run.by_place.items():
            reasons = reasons_of(verdict) if verdict.outcome in DEVIATING else ()
            seen.setdefault(place, set()).add((verdict.outcome, reasons))
    return any(len(different) > 1 for different in seen.values())


def _same(facts: Sequence[Mapping[str, str]]) -> dict[str, str]:
    first = facts[0] if facts else {}
    return {name: value for name, value in first.items() if all(each.get(name) == value for each in facts)}


def _errors(views: Sequence[RunView]) -> list[tuple[Clause, list[float | None]]]:
    """The largest error of each clause and run, the largest of all first."""
    rows: dict[str, tuple[Clause, list[float | None]]] = {}
    for number, view in enumerate(views):
        for row in (*view.errors, *view.exact):
            nothing: list[float | None] = [None] * len(views)
            rows.setdefault(row.clause.id, (row.clause, nothing))[1][number] = row.worst
    largest = sorted(rows.values(), key=lambda row: -max(worst or 0 for worst in row[1]))
    return [row for row in largest if any(row[1])]
