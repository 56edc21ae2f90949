"""The shape of the page: one run's results, arranged as the template shows them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from embedding_reports.model.by_clause import ClauseVerdicts, by_clause
from embedding_reports.model.facts import Phase, facts, labels, reproduce, timing
from embedding_reports.model.findings import Finding, Remark, find, unsupported, where
from embedding_reports.model.order import implementations, ordered
from embedding_reports.model.pair_coverage import Interplay, interplay
from embedding_reports.model.summary import Summary, sentences, summarise
from embedding_reports.outcomes import Outcome
from embedding_reports.records import Clause, Results, Verdict

ATTENTION = (Outcome.DEVIATES, Outcome.ERROR, Outcome.KNOWN_DEVIATION, Outcome.NOT_EXERCISED)
"""The outcomes that somebody should look into, the most urgent first."""


@dataclass(frozen=True)
class Cell:
    """One cell of the table; it spans the columns that its verdict does not depend on."""

    outcome: Outcome
    span: int
    count: str
    worst: float | None
    words: str


@dataclass(frozen=True)
class Row:
    """One clause of the table, with the outcomes that it has in any cell."""

    clause: Clause
    outcomes: Sequence[Outcome]
    cells: Sequence[Cell]
    finding: Finding | None

    @property
    def worst(self) -> float | None:
        """The largest error of all cells, as a fraction of its bound; None where all was compared bit for bit."""
        return max((cell.worst for cell in self.cells if cell.worst is not None), default=None)


@dataclass(frozen=True)
class RunView:
    """One run, ready for the template.

    Attributes:
        label: its name on the page.
        anchor: the beginning of the ids of its parts.
        summary: its counts.
        sentences: its answer.
        results: the run itself.
        facts: what was run, name to words.
        command: what runs the same cases again.
        devices: the devices of the columns.
        columns: dtype and device of each column of the table.
        sections: the rows of the table, by section of the contract.
        findings: what stands behind the outcomes, clause by clause.
        attention: those of them that somebody should look into, the most urgent first.
        unsupported: what is unsupported, under its reasons.
        interplay: the pairs of arguments that it covered, if it counted any.
        errors: the rows with errors in numbers, the largest first.
        exact: the rows that could have had such errors, and had none.
        phases: where the time went.
    """

    label: str
    anchor: str
    summary: Summary
    sentences: Sequence[str]
    results: Results
    facts: Mapping[str, str]
    command: str
    devices: Sequence[str]
    columns: Sequence[tuple[str, str]]
    sections: Mapping[str, Sequence[Row]]
    findings: Sequence[Finding]
    attention: Sequence[Finding]
    unsupported: Mapping[str, Sequence[tuple[Finding, Remark]]]
    interplay: Interplay | None
    errors: Sequence[Row]
    exact: Sequence[Row]
    phases: Sequence[Phase]


def arrange(runs: Sequence[Results]) -> list[RunView]:
    """Arrange runs for the page: of one implementation by version, of several those with the fewest problems first."""
    single = len(implementations(runs)) == 1
    if single:
        runs = ordered(runs)
    views = [
        _arrange(run, label, f"run-{number}")
        for number, (run, label) in enumerate(zip(runs, labels(runs), strict=True), 1)
    ]
    return views if single else sorted(views, key=_problems)


def _problems(view: RunView) -> tuple[int, ...]:
    summary = view.summary
    # A run that says little about its implementation must not lead the list for having found little wrong.
    untrusted = {"errors": 1, "untested": 2, "incomplete": 3, "absent": 4}.get(summary.standing, 0)
    return (untrusted, *map(summary.count, (*ATTENTION, Outcome.UNSUPPORTED)), -summary.count(Outcome.CONFORMS))


def _arrange(run: Results, label: str, anchor: str) -> RunView:
    columns = _columns(run)
    devices = list(dict.fromkeys(device for _, device in columns))
    sections: dict[str, list[Row]] = {}
    for found in by_clause(run).values():
        sections.setdefault(found.clause.section, []).append(_row(found, columns, devices))
    rows = list(itertools.chain.from_iterable(sections.values()))
    findings = [row.finding for row in rows if row.finding]
    numeric = sorted((row for row in rows if row.worst is not None), key=lambda row: -(row.worst or 0))
    return RunView(
        label=label,
        anchor=anchor,
        summary=summarise(run),
        sentences=sentences(run),
        results=run,
        facts=facts(run),
        command=reproduce(run),
        devices=devices,
        columns=columns,
        sections=sections,
        findings=findings,
        attention=_attention(findings),
        unsupported=unsupported(findings),
        interplay=interplay(run),
        errors=[row for row in numeric if row.worst],
        exact=[row for row in numeric if not row.worst],
        phases=timing(run),
    )


def _attention(findings: Sequence[Finding]) -> list[Finding]:
    chosen = [finding for finding in findings if finding.fails or finding.outcome in ATTENTION]
    return sorted(chosen, key=lambda f: ATTENTION.index(f.outcome) if f.outcome in ATTENTION else len(ATTENTION))


def _columns(run: Results) -> list[tuple[str, str]]:
    """Every (dtype, device), by device: those of the header, then any that only a verdict names."""
    devices = _named(run.header.devices, (verdict.device for verdict in run.verdicts))
    dtypes = _named(run.header.dtypes, (verdict.dtype for verdict in run.verdicts))
    return [(dtype, device) for device, dtype in itertools.product(devices, dtypes)]


def _named(header: Iterable[str], verdicts: Iterable[str | None]) -> list[str]:
    return list(dict.fromkeys([*header, *filter(None, verdicts)])) or ["any"]


def _row(found: ClauseVerdicts, columns: Sequence[tuple[str, str]], devices: Sequence[str]) -> Row:
    verdicts, placed = found.by_place, []
    for dtype, device in columns:
        keys = ((dtype, device), (None, device), (dtype, None), (None, None))
        placed.append(next((verdicts[key] for key in keys if key in verdicts), None))
    cells = [_cell(verdict, sum(1 for _ in same), devices) for verdict, same in _runs_of_same(placed)]
    return Row(found.clause, found.outcomes or (Outcome.NOT_RUN,), cells, find(found, devices))


def _runs_of_same(placed: Sequence[Verdict | None]) -> list[tuple[Verdict | None, list[Verdict | None]]]:
    """Neighbouring columns that show one and the same verdict."""
    groups = [list(group) for _, group in itertools.groupby(placed, key=id)]
    return [(group[0], group) for group in groups]


def _cell(verdict: Verdict | None, span: int, devices: Sequence[str]) -> Cell:
    if verdict is None:
        return Cell(Outcome.NOT_RUN, span, "", None, "not run: no verdict was recorded")
    outcome, cases, exercised = verdict.outcome, verdict.cases, verdict.exercised
    words = f"{where(verdict.dtype, verdict.device, devices)}: {outcome}"
    if cases or outcome not in {Outcome.UNSUPPORTED, Outcome.ERROR}:
        words += f"; {exercised} of {cases} cases exercised it"
    if verdict.worst is not None:
        words += f"; largest error {fraction(verdict.worst)} of its bound"
    count = f"{exercised}/{verdict.enough}" if outcome is Outcome.NOT_EXERCISED else str(exercised)
    if outcome in {Outcome.UNSUPPORTED, Outcome.ERROR} and not exercised:
        count = ""
    return Cell(outcome, span, count, verdict.worst, words)


def fraction(worst: float) -> str:
    """An error as a fraction of its bound, never rounded across the edge at 1."""
    if worst in {0, 1}:
        return str(int(worst))
    if worst < 0.01:
        return "<0.01"
    if worst < 1:
        return f"{math.floor(worst * 100) / 100:.2f}"
    if worst < 1.01:
        return ">1.00"
    return f"{worst:.2f}" if worst < 100 else f"{worst:.1e}"
