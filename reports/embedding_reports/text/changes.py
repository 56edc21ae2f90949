"""Plain text for a terminal: what changed between two runs, and one clause or cause through the releases."""

from __future__ import annotations

import textwrap
from collections.abc import Collection, Sequence

from embedding_reports.model.causes import RunCause
from embedding_reports.model.changes.cause_changes import CauseChange
from embedding_reports.model.changes.cause_history import CauseHistory
from embedding_reports.model.changes.compare import Change, Comparison
from embedding_reports.model.changes.history import History, Span
from embedding_reports.model.facts import labels, short_labels
from embedding_reports.model.summary import clauses
from embedding_reports.records import Evidence, Results
from embedding_reports.text.causes import breadth, where
from embedding_reports.text.plain import difference, smallest_case


def diff(comparison: Comparison) -> str:
    """What changed between two runs: a summary, the signature, the causes, then the other clauses that changed."""
    pair = comparison.old, comparison.new
    old, new = short_labels(pair)
    blocks = ["\n".join([f"{labels(pair)[0]} -> {new}: {counts(comparison)}", *_notes(comparison)])]
    if comparison.signature:
        blocks.append("\n".join(["Signature", *(f"  {each}" for each in comparison.signature)]))
    blocks += ["\n".join(_cause(change, pair)) for change in comparison.causes]
    if comparison.causes and comparison.unexplained:
        blocks.append("Changed for none of these causes")
    blocks += [_change(change, old, new) for change in comparison.unexplained]
    return "\n\n".join(blocks) + "\n"


def counts(comparison: Comparison) -> str:
    """How many causes and clauses changed between two runs, in words."""
    same = f"{comparison.unchanged} did not"
    if not comparison.causes:
        return f"{clauses(len(comparison.changes))} changed, {same}"
    transitions = [_VERBS.get(change.transition, change.transition) for change in comparison.causes]
    causes = "1 cause" if len(transitions) == 1 else f"{len(transitions)} causes"
    kinds = [f"{transitions.count(each)} {each}" for each in dict.fromkeys(transitions)]
    told = f"{causes} {transitions[0]}" if len(kinds) == 1 else f"{causes} ({', '.join(kinds)})"
    why = "it" if len(transitions) == 1 else "them"
    return (
        f"{told}; {clauses(comparison.explained)} changed with {why}, {len(comparison.unexplained)} otherwise, {same}"
    )


_VERBS = {"declared": "declared now", "declared no more": "no longer declared"}


def bisect(history: History) -> str:
    """One clause through the releases: what each range of them found, then each change with its smallest case."""
    clause = history.clause
    lines = [
        f"{clause.id} [{clause.level}] in {_runs(history.runs)} of {history.name}",
        *_wrapped(clause.text, "  "),
        "",
        *_spans(history.spans),
    ]
    if not history.breaks:
        lines += ["", "It did not change between any two of these releases."]
    for each in history.breaks:
        lines += ["", f"Between {each.old} and {each.new}:"]
        lines += _shifts(each.change, each.old, each.new, told=[one.shown.reason for one in each.causes])
        lines += [
            line and f"  {line}" for one in each.causes for line in _cause(one, each.runs, shows=not one.shown.declared)
        ]
        if not each.causes or any(one.shown.declared for one in each.causes):
            lines += _evidence(each.change, each.old, each.new)
    return "\n".join(lines) + "\n"


def bisect_cause(history: CauseHistory) -> str:
    """One cause through the releases: which show it, between which it came or went, and the first that shows it."""
    number = history.cause.cause.number
    lines = [
        f"cause {number} of {history.newest} in {_runs(history.runs)} of {history.name}",
        *_wrapped(_title(history.cause), "  "),
        "",
        *_spans(history.spans),
        "",
        *(f"Between {old} and {new} it {turn}." for old, new, turn in history.turns),
    ]
    if not history.turns:
        lines.append("It neither came nor went between any two of these releases.")
    lines += ["", f"{history.first}, the first that shows it:", *_details(history.shown, history.run, shows=True)]
    return "\n".join(lines) + "\n"


def _notes(comparison: Comparison) -> list[str]:
    return [f"note: {each}" for each in comparison.caveats]


def _runs(number: int) -> str:
    return "1 run" if number == 1 else f"{number} runs"


def _spans(spans: Sequence[Span]) -> list[str]:
    names = [span.first if span.first == span.last else f"{span.first} to {span.last}" for span in spans]
    width = max(map(len, names))
    return [f"  {name:{width}}  {span.state}" for name, span in zip(names, spans, strict=True)]


def _cause(change: CauseChange, pair: tuple[Results, Results], *, shows: bool = True) -> list[str]:
    """A cause that came, went or changed: what it does, where, what of that is another, and its smallest case."""
    declared = " (declared)" if change.shown.declared and change.transition in {"came", "went"} else ""
    lines = _wrapped(f"{change.transition}{declared}: {_title(change.shown)}", "", "    ")
    lines += [f"  {name} was: {was}" for name, (was, _) in change.differences.items()]
    lines += [f"  it breaks now, too: {', '.join(change.joined)}"] * bool(change.joined)
    lines += [f"  it no longer breaks: {', '.join(change.left)}"] * bool(change.left)
    return lines + _details(change.shown, pair[1] if change.after else pair[0], shows=shows)


def _title(one: RunCause) -> str:
    return f"{one.cause.plainest} [{one.level}]: {one.cause.does}"


def _details(one: RunCause, run: Results, *, shows: bool) -> list[str]:
    """Where a cause of a run shows, what it breaks, and its smallest case if it is to be shown."""
    lines = [f"  {line}" for line in (*where(one.cause), *breadth(run, one.cause))]
    return lines + (_shown(one.cause.evidence) if shows else [])


def _change(change: Change, old: str, new: str) -> str:
    clause = change.clause
    presence = f" ({change.presence} clause)" if change.presence else ""
    lines = [f"{clause.id} [{clause.level}]{presence}", *_wrapped(clause.text, "  ")]
    return "\n".join([*lines, *_shifts(change, old, new), *_evidence(change, old, new)])


def _shifts(change: Change, old: str, new: str, told: Collection[str | None] = ()) -> list[str]:
    """What happened to a clause, and the reasons for it that are not told otherwise."""
    lines = []
    for shift in change.shifts:
        lines.append(f"  {change.words(shift)}")
        for label, reasons in ((old, shift.reasons_before), (new, shift.reasons_after)):
            left = [reason for reason in reasons if reason not in told]
            lines += [line for reason in left for line in _wrapped(f"{label}: {reason}", "    ")]
    return lines


def _evidence(change: Change, old: str, new: str) -> list[str]:
    if change.evidence is None:
        return []
    deviation, label = change.evidence.deviation, old if change.side == "old" else new
    return [f"  {label} on {change.evidence.where}: {deviation.summary}", *_shown(deviation)]


def _shown(deviation: Evidence) -> list[str]:
    """The smallest case, the first difference, and the script that shows it."""
    lines = [f"  {line}" for line in smallest_case(deviation)]
    if deviation.difference:
        lines.append(f"  first difference: {difference(deviation.difference)}")
    if deviation.script:
        script = deviation.script.rstrip().splitlines()
        lines += ["  to reproduce without this suite:", "", *(f"    {line}" if line else "" for line in script)]
    return lines


def _wrapped(text: str, indent: str, further: str | None = None) -> list[str]:
    return textwrap.wrap(text, 110, initial_indent=indent, subsequent_indent=indent if further is None else further)
