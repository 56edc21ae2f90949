"""Plain text for a terminal: what changed between two runs, and one clause through the releases."""

from __future__ import annotations

import textwrap

from embedding_reports.model.changes.compare import Change, Comparison
from embedding_reports.model.changes.history import History
from embedding_reports.model.facts import labels, short_labels
from embedding_reports.model.summary import clauses
from embedding_reports.text.plain import difference, smallest_case


def diff(comparison: Comparison) -> str:
    """What changed between two runs: a summary, the signature, then the clauses with their smallest cases."""
    pair = comparison.old, comparison.new
    old, new = short_labels(pair)
    counts = f"{clauses(len(comparison.changes))} changed, {comparison.unchanged} did not"
    blocks = ["\n".join([f"{labels(pair)[0]} -> {new}: {counts}", *(f"note: {each}" for each in comparison.caveats)])]
    if comparison.signature:
        blocks.append("\n".join(["Signature", *(f"  {each}" for each in comparison.signature)]))
    blocks += [_change(change, old, new) for change in comparison.changes]
    return "\n\n".join(blocks) + "\n"


def bisect(history: History) -> str:
    """One clause through the releases: what each range of them found, then each change with its smallest case."""
    clause = history.clause
    runs = "1 run" if history.runs == 1 else f"{history.runs} runs"
    names = [span.first if span.first == span.last else f"{span.first} to {span.last}" for span in history.spans]
    width = max(map(len, names))
    lines = [
        f"{clause.id} [{clause.level}] in {runs} of {history.name}",
        *_wrapped(clause.text, "  "),
        "",
        *(f"  {name:{width}}  {span.state}" for name, span in zip(names, history.spans, strict=True)),
    ]
    if not history.breaks:
        lines += ["", "It did not change between any two of these releases."]
    for each in history.breaks:
        lines += ["", f"Between {each.old} and {each.new}:"]
        lines += [*_shifts(each.change, each.old, each.new), *_evidence(each.change, each.old, each.new)]
    return "\n".join(lines) + "\n"


def _change(change: Change, old: str, new: str) -> str:
    clause = change.clause
    presence = f" ({change.presence} clause)" if change.presence else ""
    lines = [f"{clause.id} [{clause.level}]{presence}", *_wrapped(clause.text, "  ")]
    return "\n".join([*lines, *_shifts(change, old, new), *_evidence(change, old, new)])


def _shifts(change: Change, old: str, new: str) -> list[str]:
    lines = []
    for shift in change.shifts:
        lines.append(f"  {change.words(shift)}")
        for label, reasons in ((old, shift.reasons_before), (new, shift.reasons_after)):
            lines += [line for reason in reasons for line in _wrapped(f"{label}: {reason}", "    ")]
    return lines


def _evidence(change: Change, old: str, new: str) -> list[str]:
    if change.evidence is None:
        return []
    deviation, label = change.evidence.deviation, old if change.side == "old" else new
    lines = [
        f"  {label} on {change.evidence.where}: {deviation.summary}",
        *(f"  {line}" for line in smallest_case(deviation)),
    ]
    if deviation.difference:
        lines.append(f"  first difference: {difference(deviation.difference)}")
    if deviation.script:
        lines += ["  to reproduce without this suite:", "", textwrap.indent(deviation.script.rstrip(), "    ")]
    return lines


def _wrapped(text: str, indent: str) -> list[str]:
    return textwrap.wrap(text, 110, initial_indent=indent, subsequent_indent=indent)
