"""Markdown for the summary of a job of continuous integration: one run, with what deviates and how to see it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from embedding_reports.model.facts import reproduce
from embedding_reports.model.findings import Finding, Sighting
from embedding_reports.model.view import RunView, arrange
from embedding_reports.outcomes import VERDICTS, Outcome
from embedding_reports.records import Cause, Results
from embedding_reports.text.plain import difference, smallest_case

LONGEST = 4000
"""Characters of a case or script that are shown: a table of thousands of rows is left to the files."""

ROOM = 900_000
"""Characters of evidence in all: GitHub drops a summary of more than 1 MiB."""

_ACTIVE = re.compile(r"[\\`*_\[\]<>#|~&@$]")


def summary(run: Results) -> str:
    """One validated run: its headline, its counts, what needs attention, and the evidence, folded away."""
    (view,) = arrange([run])
    blocks = [f"### Embedding conformance: {_text(view.label)}", " ".join(map(_text, view.sentences))]
    if run.verdicts:
        blocks.append(_counts(view))
    blocks += [_cause(cause) for cause in run.causes]
    if view.attention:
        blocks.append(_table(view.attention))
        blocks += _evidence(view.attention)
    if view.unsupported:
        blocks.append(_unsupported(view))
    blocks += [f"Note: {_text(note)}" for note in run.footer.notes if run.verdicts]
    if run.verdicts:
        blocks.append(f"The same cases again: {_code(reproduce(run))}")
    return "\n\n".join(blocks) + "\n"


def _counts(view: RunView) -> str:
    """How many clauses had each outcome; each verdict is named whatever its count, so that none is missed."""
    outcomes = [outcome for outcome in Outcome if outcome in VERDICTS or view.summary.count(outcome)]
    names = " | ".join(f"{outcome.glyph} {outcome}" for outcome in outcomes)
    counts = " | ".join(str(view.summary.count(outcome)) for outcome in outcomes)
    part = view.summary.partly_unsupported
    remark = f"\n\n{part} of the others {'is' if part == 1 else 'are'} unsupported in part." if part else ""
    return f"| {names} |\n|{' ---: |' * len(outcomes)}\n| {counts} |{remark}"


def _cause(cause: Cause) -> str:
    """What is wrong, where, and how many clauses it breaks."""
    broken = f"breaks {_code(cause.plainest)}" + (f" and {others} more" if (others := len(cause.clauses) - 1) else "")
    if cause.covered:
        where = f"where {_code(cause.pattern)}" if cause.where else "in every case that can show it"
        broken += f", {where} ({cause.deviating} of {cause.covered} such cases deviate)"
    return f"**{cause.number}. {_text(cause.does)}** {broken}"


def _table(findings: Sequence[Finding]) -> str:
    rows = [
        f"| {f.outcome.glyph} {f.outcome} | {_code(f.clause.id)} | {f.clause.level} | {_text(f.places)} "
        f"| {_text(f.gist)}{'' if f.fails else ' (does not fail the run)'} |"
        for f in findings
    ]
    return "\n".join(["| verdict | clause | level | where | what |", "| --- | --- | --- | --- | --- |", *rows])


def _evidence(findings: Sequence[Finding]) -> Iterator[str]:
    """The smallest case of each deviation, folded away, as far as there is room."""
    left, room = 0, ROOM
    for finding in findings:
        for group in finding.groups:
            if group.outcome is Outcome.DEVIATES:
                block = _folded(finding, group.sightings[0])
                room -= len(block)
                left += room < 0
                if room >= 0:
                    yield block
    if left:
        yield f"There is no room for the cases of {left} more; the report has them."


def _folded(finding: Finding, sighting: Sighting) -> str:
    deviation = sighting.deviation
    lines = smallest_case(deviation)
    if deviation.difference:
        lines.append(f"first difference: {difference(deviation.difference)}")
    lines = [line if len(line) <= LONGEST else f"{line[:LONGEST]} ... (in full in the results file)" for line in lines]
    what = f"{_code(finding.clause.id)} on {_text(sighting.where)}: {_text(deviation.summary)}"
    blocks = [
        f"<details><summary>{what}</summary>",
        _text(finding.clause.text),
        _fenced("\n".join(lines)),
    ]
    script = deviation.script
    if script and len(script) <= LONGEST:
        blocks += ["Without this suite:", _fenced(script.rstrip("\n"), "python")]
    elif script:
        blocks.append("A script that shows it without this suite is in the report.")
    return "\n\n".join([*blocks, "</details>"])


def _unsupported(view: RunView) -> str:
    """The reasons for which clauses were not tested, and which those are."""
    lines = []
    for reason, remarks in view.unsupported.items():
        named = [
            _code(finding.clause.id) + ("" if finding.outcome is Outcome.UNSUPPORTED else " in part")
            for finding, _ in remarks
        ]
        lines.append(f"- {_text(reason)}: {', '.join(named)}")
    return "\n\n".join(["<details><summary>Unsupported, or not asked</summary>", "\n".join(lines), "</details>"])


def _text(words: str) -> str:
    """Words that no renderer takes for anything but words, on one line: whatever could be markup is an entity."""
    return _ACTIVE.sub(lambda found: f"&#{ord(found[0])};", " ".join(words.split()))


def _code(words: str) -> str:
    return f"<code>{_text(words)}</code>"


def _fenced(text: str, language: str = "") -> str:
    """A block of code whose fence is longer than any that stands in it."""
    fence = "`" * max(3, *(len(run) + 1 for run in re.findall("`+", text)), 3)
    return f"{fence}{language}\n{text}\n{fence}"
