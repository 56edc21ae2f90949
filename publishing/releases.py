"""`docs/torch-releases.md`, made of published results."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from embedding_reports.model.compare import Change, Comparison, compare
from embedding_reports.model.findings import in_short
from embedding_reports.model.order import neighbours, python
from embedding_reports.model.summary import absence, summarise
from embedding_reports.results import Document

INTRODUCTION = """\
# torch's embedding from release to release

What the suite found in each release of torch on the CPU, and what changed from one to the next. Generated from the
results in `reports/published/`, which `reports/published/torch.html` shows in full. `embedding-conformance bisect
CLAUSE` tells the story of one clause, `embedding-conformance diff OLD NEW` that of two of the files.

A known deviation is one that the bundled ledger declares, with a reason and a case; the run replayed that case first,
and it still failed.

On CUDA one release was measured: [the scoreboard](scoreboard.md#torchnnembedding-on-cuda-2110) has what came of it.
"""


def rendered(documents: Sequence[Document]) -> str:
    """The page.

    Args:
        documents: one results document for each release, older ones first.
    """
    return "\n".join([INTRODUCTION, *_table(documents), *_changes(documents), *_constant(documents)])


def _table(documents: Sequence[Document]) -> Iterator[str]:
    yield "| torch | Python | conforms | deviates | known deviation | unsupported | not exercised | exercised cases |"
    yield "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |"
    for document in documents:
        version, why = document["header"]["implementation"]["version"], absence(document)
        if why is not None:
            yield f"| {version} | {python(document)} | did not run: {why} |  |  |  |  |  |"
            continue
        summary = summarise(document)
        kinds = ("conforms", "deviates", "known deviation", "unsupported", "not exercised")
        counts = " | ".join(str(summary.count(kind)) for kind in kinds)
        exercised = sum(verdict["exercised"] for verdict in document["verdicts"])
        yield f"| {version} | {python(document)} | {counts} | {exercised:,} |"
    yield ""
    yield "Numbers of clauses, over all dtypes; a clause that deviates on one dtype deviates."
    yield ""


def _changes(documents: Sequence[Document]) -> Iterator[str]:
    yield "## What changed"
    yield ""
    for comparison in (compare(old, new) for old, new in neighbours(documents)):
        old, new = _name(comparison.old), _name(comparison.new)
        if not comparison.changes and not comparison.signature:
            yield f"**{old} → {new}**: nothing."
            yield ""
            continue
        yield f"### {old} → {new}"
        yield ""
        yield from (f"- Signature of the {change}." for change in comparison.signature)
        for change in comparison.changes:
            yield from _change(change, comparison)
        yield ""


def _change(change: Change, comparison: Comparison) -> Iterator[str]:
    """A clause that changed: what it says, from which verdict to which, why, and the script that shows it."""
    yield f"- `{change.clause['id']}` ({change.clause['level']}): {change.clause['text']}"
    for shift in change.shifts:
        yield f"    - {change.said(shift)}"
        for document, said in ((comparison.old, shift.said_before), (comparison.new, shift.said_after)):
            yield from (f"    - {_name(document)}: {reason}" for reason in said)
    if change.evidence and change.evidence.deviation["script"]:
        shown = comparison.old if change.side == "old" else comparison.new
        yield f"    - Smallest case, deviating in {_name(shown)} on {change.evidence.where}:"
        yield ""
        yield "      ```python"
        yield from (f"      {line}".rstrip() for line in change.evidence.deviation["script"].splitlines())
        yield "      ```"
        yield ""


def _constant(documents: Sequence[Document]) -> Iterator[str]:
    """The deviations that every release has that was run."""
    ran = [document for document in documents if absence(document) is None]
    if not ran:
        return
    yield "## What deviates in every release"
    yield ""
    found = [{(v["clause"], known["reason"]): None for v in d["verdicts"] for known in _replayed(v)} for d in ran]
    levels = {clause["id"]: clause["level"] for clause in ran[-1]["clauses"]}
    places: dict[tuple[str, str], list[str]] = {}
    for verdict in ran[-1]["verdicts"]:
        for known in _replayed(verdict):
            places.setdefault((verdict["clause"], known["reason"]), []).append(verdict["dtype"] or "every dtype")
    dtypes = ran[-1]["header"]["dtypes"]
    for key in found[-1]:
        if all(key in each for each in found):
            clause, reason = key
            yield f"- `{clause}` ({levels[clause]}, {in_short(places[key], dtypes)}): {reason}"
    yield ""


def _replayed(verdict: Document) -> list[Document]:
    return [known for known in verdict["known"] if known["deviation"]]


def _name(document: Document) -> str:
    version: str = document["header"]["implementation"]["version"].partition("+")[0]
    return version if python(document).startswith("3.11") else f"{version} on Python {python(document)}"
