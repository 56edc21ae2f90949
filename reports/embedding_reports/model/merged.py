"""The shape of the page of several runs: clause by run, what changed between neighbours, and each finding once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from embedding_reports.model.compare import BAD, compare, said_of
from embedding_reports.model.facts import short_labels
from embedding_reports.model.gathered import Gathered, Naming, gather, unsupported
from embedding_reports.model.history import state
from embedding_reports.model.order import implementations, neighbours
from embedding_reports.model.scores import scores
from embedding_reports.model.summary import PRECEDENCE, outcome
from embedding_reports.model.view import Run, arrange

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from embedding_reports.model.compare import Comparison
    from embedding_reports.model.scores import Score
    from embedding_reports.results import Document


@dataclass(frozen=True)
class Mark:
    """What one run says about one clause; `count` is empty where all its places have the verdict."""

    verdict: str
    count: str
    words: str


@dataclass(frozen=True)
class Line:
    """One clause of the matrix: a mark for each run, and whether the runs differ."""

    clause: Document
    marks: Sequence[Mark]
    differs: bool

    @property
    def verdicts(self) -> list[str]:
        """The outcomes that it has in any run."""
        return list(dict.fromkeys(mark.verdict for mark in self.marks))


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
        naming: how some of them are told.
        sections: the rows of the matrix, by section of the contract.
        steps: what changed from each run to the next of the same implementation.
        findings: each finding once, the worst outcome first.
        unsupported: what is declared unsupported, under its reasons.
        same: the facts that are the same in all runs that took place.
        errors: clauses with errors in numbers, and the largest of each run as a fraction of its bound.
    """

    runs: Sequence[Run]
    names: Sequence[str]
    scores: Sequence[Mapping[str, Score]] | None
    naming: Naming
    sections: Mapping[str, Sequence[Line]]
    steps: Sequence[Step]
    findings: Sequence[Gathered]
    unsupported: Mapping[str, Mapping[str, Sequence[Gathered]]]
    same: Mapping[str, str]
    errors: Sequence[tuple[Document, Sequence[float | None]]]

    @property
    def differing(self) -> int:
        """How many clauses the runs differ in."""
        return sum(line.differs for lines in self.sections.values() for line in lines)


def merge(documents: Sequence[Document]) -> Merged:
    """Arrange two runs or more on one page."""
    runs = arrange(documents)
    ordered = [run.document for run in runs]
    names = short_labels(ordered)
    label = dict(zip(map(id, ordered), names, strict=True))
    clauses = {clause["id"]: clause for run in runs for clause in run.document["clauses"]}
    findings = gather([run.findings for run in runs], list(clauses))
    single = len(implementations(documents)) == 1
    naming = Naming(
        names,
        by_version=single,
        ran=sum(run.summary.absence is None for run in runs),
    )
    return Merged(
        runs=runs,
        names=names,
        scores=None if single else [scores(run.document, run.summary) for run in runs],
        naming=naming,
        sections=_matrix(runs, names, clauses),
        steps=[Step(label[id(old)], label[id(new)], compare(old, new)) for old, new in neighbours(ordered)],
        findings=sorted(findings, key=lambda finding: PRECEDENCE.index(finding.outcome)),
        unsupported=unsupported(findings, naming),
        same=_same([run.facts for run in runs if run.summary.absence is None]),
        errors=_errors(runs),
    )


def _matrix(runs: Sequence[Run], names: Sequence[str], clauses: Mapping[str, Document]) -> dict[str, list[Line]]:
    found: list[dict[str, list[Document]]] = []
    for run in runs:
        found.append({})
        for verdict in run.document["verdicts"]:
            found[-1].setdefault(verdict["clause"], []).append(verdict)
    sections: dict[str, list[Line]] = {}
    for name, clause in clauses.items():
        verdicts = [each.get(name, []) for each in found]
        marks = [_mark(run, label, each) for run, label, each in zip(runs, names, verdicts, strict=True)]
        sections.setdefault(clause["section"], []).append(Line(clause, marks, _differs(verdicts)))
    return sections


def _mark(run: Run, name: str, verdicts: Sequence[Document]) -> Mark:
    kind = outcome(verdicts)
    alike = sum(verdict["verdict"] == kind for verdict in verdicts)
    count = f"{alike} of {len(verdicts)}" if alike < len(verdicts) else ""
    words = "did not run" if run.summary.absence is not None else state(verdicts, run.devices)
    return Mark(kind, count, f"{name}: {words}")


def _differs(runs: Sequence[Sequence[Document]]) -> bool:
    """Whether any place has another verdict, or another known deviation, in one run than in another that tested it."""
    seen: dict[tuple[str | None, str | None], set[object]] = {}
    for verdicts in runs:
        for verdict in verdicts:
            looks = (verdict["verdict"], said_of(verdict) if verdict["verdict"] in BAD else ())
            seen.setdefault((verdict["dtype"], verdict["device"]), set()).add(looks)
    return any(len(looks) > 1 for looks in seen.values())


def _same(facts: Sequence[Mapping[str, str]]) -> dict[str, str]:
    first = facts[0] if facts else {}
    return {name: value for name, value in first.items() if all(each.get(name) == value for each in facts)}


def _errors(runs: Sequence[Run]) -> list[tuple[Document, list[float | None]]]:
    """The largest error of each clause and run, the largest of all first."""
    rows: dict[str, tuple[Document, list[float | None]]] = {}
    for number, run in enumerate(runs):
        for row in (*run.errors, *run.exact):
            nothing: list[float | None] = [None] * len(runs)
            rows.setdefault(row.clause["id"], (row.clause, nothing))[1][number] = row.worst
    largest = sorted(rows.values(), key=lambda row: -max(worst or 0 for worst in row[1]))
    return [row for row in largest if any(row[1])]
