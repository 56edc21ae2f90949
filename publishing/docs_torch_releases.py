"""`docs/torch-releases.md`, made of published results."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from embedding_reports.model.changes.cause_changes import CauseChange
from embedding_reports.model.changes.compare import Change, Comparison, compare
from embedding_reports.model.findings import in_short
from embedding_reports.model.order import neighbours, python
from embedding_reports.model.scores import count_causes
from embedding_reports.model.summary import absence, summarise
from embedding_reports.outcomes import LEVELS, VERDICTS, Outcome
from embedding_reports.records import Results
from embedding_reports.text.causes import breadth, where

INTRODUCTION = """\
# torch's embedding from release to release

What the suite found in each release of torch on the CPU, and what changed from one to the next. Generated from the
results in `reports/published/`, which `reports/published/torch.html` shows in full. `embedding-conformance bisect
CLAUSE` tells the story of one clause, `embedding-conformance diff OLD NEW` that of two of the files.

A known deviation is one that the bundled ledger declares, with a reason and a case; the run replayed that case first,
and it still failed.

On CUDA one release was measured: [the scoreboard](scoreboard.md#torchnnembedding-on-cuda-2110) has what came of it.
"""


SHOWN = tuple(outcome for outcome in VERDICTS if outcome is not Outcome.ERROR)
"""The outcomes that the table counts."""


def rendered(runs: Sequence[Results]) -> str:
    """The page.

    Args:
        runs: one for each release, older ones first.
    """
    return "\n".join([INTRODUCTION, *_table(runs), *_changes(runs), *_constant(runs)])


def _table(runs: Sequence[Results]) -> Iterator[str]:
    counted = [*map(str, SHOWN), "but for a cause", "causes", "exercised cases"]
    yield f"| torch | Python | {' | '.join(counted)} |"
    yield f"| --- | --- |{' ---: |' * len(counted)}"
    for run in runs:
        version, why = run.header.implementation.version, absence(run)
        if why is not None:
            yield f"| {version} | {python(run)} | did not run: {why} |{'  |' * (len(counted) - 1)}"
            continue
        summary = summarise(run)
        causes = count_causes(run, LEVELS)
        total = f"{causes.total} ({causes.remark})" if causes.remark else causes.total
        counts = " | ".join(map(str, [*(summary.count(outcome) for outcome in SHOWN), causes.but_for, total]))
        exercised = sum(verdict.exercised for verdict in run.verdicts)
        yield f"| {version} | {python(run)} | {counts} | {exercised:,} |"
    yield ""
    yield "Numbers of clauses, over all dtypes; a clause that deviates on one dtype deviates. Of those that do, some"
    yield "conform but for a cause: enough cases outside it were tested. Entries of the ledger with one reason are one"
    yield "cause."
    yield ""


def _changes(runs: Sequence[Results]) -> Iterator[str]:
    yield "## What changed"
    yield ""
    for comparison in (compare(old, new) for old, new in neighbours(runs)):
        old, new = _name(comparison.old), _name(comparison.new)
        if not comparison.changed:
            yield f"**{old} → {new}**: nothing."
            yield ""
            continue
        yield f"### {old} → {new}"
        yield ""
        yield from (f"- Signature of the {change}." for change in comparison.signature)
        for cause in comparison.causes:
            yield from _cause(cause, comparison)
        for change in comparison.unexplained:
            yield from _change(change, comparison)
        yield ""


def _cause(change: CauseChange, comparison: Comparison) -> Iterator[str]:
    """A cause that came, went or changed: what it does, where, what it breaks, and the script that shows it."""
    cause, run = change.shown.cause, comparison.new if change.after else comparison.old
    yield f"- {change.transition}: {cause.does} (`{cause.plainest}`, {change.shown.level})"
    yield from (f"    - {_name(comparison.old)}, {name}: {was}" for name, (was, _) in change.differences.items())
    yield from (f"    - {line}" for line in (*where(cause), *breadth(run, cause)))
    if cause.evidence.script:
        yield f"    - Smallest case, deviating in {_name(run)}:"
        yield from _script(cause.evidence.script)


def _change(change: Change, comparison: Comparison) -> Iterator[str]:
    """A clause that changed: its text, from which outcome to which, why, and the script that shows it."""
    yield f"- `{change.clause.id}` ({change.clause.level}): {change.clause.text}"
    for shift in change.shifts:
        yield f"    - {change.words(shift)}"
        for run, reasons in ((comparison.old, shift.reasons_before), (comparison.new, shift.reasons_after)):
            yield from (f"    - {_name(run)}: {reason}" for reason in reasons)
    if change.evidence and change.evidence.deviation.script:
        shown = comparison.old if change.side == "old" else comparison.new
        yield f"    - Smallest case, deviating in {_name(shown)} on {change.evidence.where}:"
        yield from _script(change.evidence.deviation.script)


def _script(script: str) -> Iterator[str]:
    yield ""
    yield "      ```python"
    yield from (f"      {line}".rstrip() for line in script.splitlines())
    yield "      ```"
    yield ""


def _constant(runs: Sequence[Results]) -> Iterator[str]:
    """The deviations that every release has that was run."""
    ran = [run for run in runs if absence(run) is None]
    if not ran:
        return
    yield "## What deviates in every release"
    yield ""
    declared = [_declared(run) for run in ran]
    levels = {clause.id: clause.level for clause in ran[-1].clauses}
    for (name, reason), dtypes in declared[-1].items():
        if all((name, reason) in each for each in declared):
            yield f"- `{name}` ({levels[name]}, {in_short(dtypes, ran[-1].header.dtypes)}): {reason}"
    yield ""


def _declared(run: Results) -> dict[tuple[str, str], list[str]]:
    """The dtypes on which witnesses of the ledger deviate, by clause and reason."""
    dtypes: dict[tuple[str, str], list[str]] = {}
    for verdict in run.verdicts:
        for known in verdict.known:
            if known.deviation:
                dtypes.setdefault((verdict.clause, known.reason), []).append(verdict.dtype or "every dtype")
    return dtypes


def _name(run: Results) -> str:
    version = run.header.implementation.version.partition("+")[0]
    return version if python(run).startswith("3.11") else f"{version} on Python {python(run)}"
