"""The shape of the page: one run's results, arranged as the template shows them."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from embedding_reports.model.facts import facts, labels, reproduce, timing
from embedding_reports.model.findings import Finding, Remark, declared_unsupported, find, where
from embedding_reports.model.order import implementations, ordered
from embedding_reports.model.pair_coverage import interplay
from embedding_reports.model.summary import NOT_RUN, Summary, outcome, sentences, summarise

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from embedding_reports.model.facts import Phase
    from embedding_reports.model.pair_coverage import Interplay
    from embedding_reports.results import Document


@dataclass(frozen=True)
class Cell:
    """One cell of the table; it spans the columns that its verdict does not depend on."""

    verdict: str
    span: int
    count: str
    worst: float | None
    words: str


@dataclass(frozen=True)
class Row:
    """One clause of the table."""

    clause: Document
    verdicts: Sequence[str]
    cells: Sequence[Cell]
    finding: Finding | None

    @property
    def worst(self) -> float | None:
        """The largest error of all cells, as a fraction of its bound; None where all was compared bit for bit."""
        return max((cell.worst for cell in self.cells if cell.worst is not None), default=None)


@dataclass(frozen=True)
class Run:
    """One run, ready for the template."""

    label: str
    anchor: str
    summary: Summary
    sentences: Sequence[str]
    document: Document
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


def arrange(documents: Sequence[Document]) -> list[Run]:
    """Arrange runs for the page: of one implementation by version, of several those with the fewest problems first."""
    single = len(implementations(documents)) == 1
    if single:
        documents = ordered(documents)
    runs = [
        _arrange(document, label, f"run-{number}")
        for number, (document, label) in enumerate(zip(documents, labels(documents), strict=True), 1)
    ]
    return runs if single else sorted(runs, key=_problems)


def _problems(run: Run) -> tuple[int, ...]:
    summary = run.summary
    # A run that says little about its implementation must not lead the list for having found little wrong.
    untrusted = {"errors": 1, "untested": 2, "incomplete": 3, "absent": 4}.get(summary.standing, 0)
    kinds = ("deviates", "error", "known deviation", "not exercised", "unsupported")
    return (untrusted, *map(summary.count, kinds), -summary.count("conforms"))


def _arrange(document: Document, label: str, anchor: str) -> Run:
    columns = _columns(document)
    devices = list(dict.fromkeys(device for _, device in columns))
    verdicts: dict[str, list[Document]] = {clause["id"]: [] for clause in document["clauses"]}
    for verdict in document["verdicts"]:
        verdicts[verdict["clause"]].append(verdict)
    sections: dict[str, list[Row]] = {}
    for clause in document["clauses"]:
        row = _row(clause, verdicts[clause["id"]], columns, devices)
        sections.setdefault(clause["section"], []).append(row)
    rows = list(itertools.chain.from_iterable(sections.values()))
    findings = [row.finding for row in rows if row.finding]
    numeric = sorted((row for row in rows if row.worst is not None), key=lambda row: -(row.worst or 0))
    return Run(
        label=label,
        anchor=anchor,
        summary=summarise(document),
        sentences=sentences(document),
        document=document,
        facts=facts(document),
        command=reproduce(document),
        devices=devices,
        columns=columns,
        sections=sections,
        findings=findings,
        attention=_attention(findings),
        unsupported=declared_unsupported(findings),
        interplay=interplay(document),
        errors=[row for row in numeric if row.worst],
        exact=[row for row in numeric if not row.worst],
        phases=timing(document),
    )


def _attention(findings: Sequence[Finding]) -> list[Finding]:
    order = ("deviates", "error", "known deviation", "not exercised")
    chosen = [finding for finding in findings if finding.fails or finding.outcome in order]
    return sorted(chosen, key=lambda f: order.index(f.outcome) if f.outcome in order else len(order))


def _columns(document: Document) -> list[tuple[str, str]]:
    """Every (dtype, device), by device: those of the header, then any that only a verdict names."""
    axes = []
    for axis in ("device", "dtype"):
        named = [verdict[axis] for verdict in document["verdicts"] if verdict[axis]]
        axes.append(list(dict.fromkeys([*document["header"][f"{axis}s"], *named])) or ["any"])
    return [(dtype, device) for device, dtype in itertools.product(*axes)]


def _row(
    clause: Document, verdicts: Sequence[Document], columns: Sequence[tuple[str, str]], devices: Sequence[str]
) -> Row:
    found = {(verdict["dtype"], verdict["device"]): verdict for verdict in verdicts}
    placed = []
    for dtype, device in columns:
        keys = ((dtype, device), (None, device), (dtype, None), (None, None))
        placed.append(next((found[key] for key in keys if key in found), None))
    cells = [_cell(verdict, sum(1 for _ in same), devices) for verdict, same in _runs_of_same(placed)]
    kinds = dict.fromkeys(verdict["verdict"] for verdict in verdicts)
    finding = find(clause, verdicts, devices) if outcome(verdicts) != NOT_RUN else None
    return Row(clause, list(kinds) or [NOT_RUN], cells, finding)


def _runs_of_same(placed: Sequence[Document | None]) -> list[tuple[Document | None, list[Document | None]]]:
    """Neighbouring columns that show one and the same verdict."""
    groups = [list(group) for _, group in itertools.groupby(placed, key=id)]
    return [(group[0], group) for group in groups]


def _cell(verdict: Document | None, span: int, devices: Sequence[str]) -> Cell:
    if verdict is None:
        return Cell(NOT_RUN, span, "", None, "not run: no verdict was recorded")
    kind, cases, exercised = verdict["verdict"], verdict["cases"], verdict["exercised"]
    words = f"{where(verdict['dtype'], verdict['device'], devices)}: {kind}"
    if cases or kind not in {"unsupported", "error"}:
        words += f"; {exercised} of {cases} cases exercised it"
    if verdict["worst"] is not None:
        words += f"; largest error {fraction(verdict['worst'])} of its bound"
    count = f"{exercised}/{verdict['enough']}" if kind == "not exercised" else str(exercised)
    if kind in {"unsupported", "error"} and not exercised:
        count = ""
    return Cell(kind, span, count, verdict["worst"], words)


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
