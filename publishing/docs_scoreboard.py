"""`docs/scoreboard.md`, made of published results."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from embedding_reports.model.by_clause import by_clause
from embedding_reports.model.findings import in_short
from embedding_reports.model.scores import JUDGED, count_causes, scores
from embedding_reports.model.summary import NO_REASON, absence, summarise
from embedding_reports.outcomes import Outcome
from embedding_reports.records import Results

INTRODUCTION = """\
# Scoreboard

Each implementation judged on what it claims: how many of the MUST and SHOULD clauses of [the contract](contract.md)
that it was tested on conform, in all and section by section. A clause that fails in a corner, as Flax's do for tables
of a single row and CUDA's for rows without elements, does not conform. So the second column tells how many more conform
*but for a cause*: they deviate in the cases of a cause, and enough cases outside it were tested, which conform. What is
in neither column deviates wherever it was tested, or was tested in too few other cases. *Causes* are the things that
are wrong, each with one reason, however many clauses it breaks; what no ledger declares is *new*. What an
implementation does not claim is a dash: it is unsupported, and a call that uses it is refused, or not asked; reasons
stand below. None of this was promised by the authors of those implementations. The contract is that of
`torch.nn.Embedding`, and the question is how far somebody who ports a model can rely on it elsewhere.

Each deviation was reproduced outside the suite, in that implementation alone, by the script that is linked; it exits
with 0 while the implementation deviates as described. One has been seen by the suite alone: `index-without-columns`
has not run on CUDA yet. Generated from the results in `reports/published/`, which `reports/published/scoreboard.html`
shows in full, with the smallest case of each deviation.
"""

HEADINGS = {"from_pretrained": "from_ pretrained", "scale_grad_by_freq": "scale_ grad_ by_freq"}


def rendered(runs: Sequence[Results], scripts: Mapping[str, Sequence[Script]]) -> str:
    """The page.

    Args:
        runs: one for each implementation.
        scripts: the reproductions of each, by the name of its target.
    """
    ranked = sorted(runs, key=lambda run: run.header.implementation.name.lower())
    return "\n".join(
        [
            INTRODUCTION,
            *_table(ranked),
            *(line for run in ranked for line in _implementation(run, scripts)),
        ]
    )


class Script:
    """A standalone script that reproduces a deviation.

    Attributes:
        path: where it is.
        text: what is wrong, in one sentence.
        clauses: the clauses that it shows.
    """

    def __init__(self, path: Path) -> None:
        """Read the docstring.

        Raises:
            ValueError: its docstring has not the form of one sentence, and a line that begins with "Clauses:".
        """
        found = re.match(r'"""(.+?)\n+Clauses: (.+?)(?:\n\n|\n""")', path.read_text(encoding="utf-8"), re.DOTALL)
        if not found:
            raise ValueError(f'{path}: the docstring must be a sentence, then a paragraph "Clauses: a.b, c.d"')
        self.path, self.text = path, " ".join(found[1].split())
        self.clauses = re.findall(r"[\w.-]+\w", found[2])


def target_of(run: Results) -> str:
    """The name of the adapter, and of the device if it ran on another than the CPU: the folder of scripts has it."""
    target = run.header.implementation.target
    name = target.rpartition(" ")[2] if target.startswith("command:") else target
    return "-".join([name, *_elsewhere(run)])


def _elsewhere(run: Results) -> list[str]:
    """The devices that it ran on, but the CPU."""
    return [device for device in run.header.devices if device != "cpu"]


def reproductions(run: Results, scripts: Mapping[str, Sequence[Script]]) -> list[Script]:
    """The scripts about an implementation: its own, and torch's where torch's ledger applies."""
    target = target_of(run)
    inherits = any(known.inherited for verdict in run.verdicts for known in verdict.known)
    return [*scripts.get(target, ()), *(scripts.get("torch", ()) if inherits or target == "torch-functional" else ())]


def deviating(run: Results) -> dict[tuple[str, str], list[str]]:
    """The dtypes on which each MUST or SHOULD clause deviates, by clause and reason (or summary)."""
    dtypes: dict[tuple[str, str], list[str]] = {}
    for name, found in by_clause(run).items():
        for verdict in found.verdicts if found.clause.level in JUDGED else ():
            reasons = [known.reason for known in verdict.known if known.deviation]
            reasons += [verdict.deviation.summary] if verdict.deviation else []
            for reason in reasons:
                dtypes.setdefault((name, reason), []).append(verdict.dtype or "every dtype")
    return dtypes


def _table(runs: Sequence[Results]) -> Iterator[str]:
    sections = list(dict.fromkeys(clause.section for run in runs for clause in run.clauses))
    headings = ["conform", "but for a cause", "causes", *(HEADINGS.get(name, name) for name in sections)]
    yield f"| implementation | {' | '.join(headings)} |"
    yield f"| --- |{' ---: |' * len(headings)}"
    for run in runs:
        name, why = _name(run), absence(run)
        if why is not None:
            yield f"| {name} | did not run: {why} |{' |' * (len(headings) - 1)}"
            continue
        found = scores(run)
        shown = [found.get(section) for section in ("", *sections)]
        conform, *cells = [f"{one.conforms}/{one.tested}" if one and one.tested else "–" for one in shown]  # noqa: RUF001
        count = count_causes(run)
        causes = f"{count.total} ({count.remark})" if count.remark else str(count.total)
        yield f"| [{name}](#{_anchor(name)}) | {' | '.join([conform, str(count.but_for), causes, *cells])} |"
    yield ""


def _implementation(run: Results, scripts: Mapping[str, Sequence[Script]]) -> Iterator[str]:
    name, header = _name(run), run.header
    yield f"## {name}"
    yield ""
    summary = summarise(run)
    versions = ", ".join(f"{package} {version}" for package, version in header.packages.items())
    yield f"`--embedding {header.implementation.target}`, {header.profile} profile, seed {header.seed}."
    yield f"Dtypes: {', '.join(header.dtypes)}. Beside {versions}."
    yield ""
    if not summary.complete:
        yield "**Incomplete:** the run was interrupted; clauses that it had not come to are not counted."
        yield ""
    if summary.unchecked:
        yield f"**Index bounds:** {summary.unchecked}."
        yield ""
    levels = {clause.id: clause.level for clause in run.clauses}
    reasons: dict[str, dict[str, str]] = {}
    for (clause, reason), dtypes in deviating(run).items():
        about = f"`{clause}` ({levels[clause]}; {in_short(dtypes, header.dtypes)})"
        reasons.setdefault(reason, {})[clause] = about
    for reason, clauses in reasons.items():
        shown = _showing(set(clauses), reproductions(run, scripts))
        folder = "../reports/published/scripts"
        links = "".join(f" [{s.path.stem}]({folder}/{s.path.parent.name}/{s.path.name})" for s in shown)
        yield f"- {reason}{links}: {', '.join(clauses.values())}"
    yield ""
    unclaimed = _unclaimed(run)
    if unclaimed:
        yield "Not claimed:"
        yield ""
        yield from (
            f"- {reason} ({', '.join(f'`{clause}`' for clause in found)})" for reason, found in unclaimed.items()
        )
        yield ""


def _showing(clauses: set[str], scripts: Sequence[Script]) -> list[Script]:
    """As few scripts as show the clauses, and as little else as can be."""
    shown: list[Script] = []
    while left := clauses.difference(*(script.clauses for script in shown)):
        able = [script for script in scripts if left & {*script.clauses}]
        if not able:
            break
        shown.append(max(able, key=lambda s: (-len({*s.clauses} - clauses), len(left & {*s.clauses}))))
    return shown


def _unclaimed(run: Results) -> dict[str, list[str]]:
    """The clauses that were tested on no dtype, under each reason that was given."""
    clauses: dict[str, list[str]] = {}
    for name, found in by_clause(run).items():
        if found.outcome is Outcome.UNSUPPORTED:
            for reason in dict.fromkeys(verdict.reason or NO_REASON for verdict in found.verdicts):
                clauses.setdefault(reason, []).append(name)
    return clauses


def _name(run: Results) -> str:
    implementation = run.header.implementation
    named = " on ".join([implementation.name, *_elsewhere(run)])
    return f"{named} {implementation.version.partition('+')[0]}"


def _anchor(heading: str) -> str:
    """The anchor that a heading has on a page of Markdown."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
