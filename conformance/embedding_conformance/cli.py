"""`embedding-conformance`: the command line that reports on results files, and prints the contract."""

from __future__ import annotations

import argparse
import glob
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from embedding_reports import results
from embedding_reports.errors import ResultsError, Unfit
from embedding_reports.model.changes.cause_history import cause_history
from embedding_reports.model.changes.compare import compare
from embedding_reports.model.changes.history import history
from embedding_reports.model.summary import absence, headline
from embedding_reports.outcomes import GROUND_LEGEND, LEVEL_LEGEND
from embedding_reports.pages.html import render
from embedding_reports.text import changes
from embedding_reports.text.badge import badge
from embedding_reports.text.markdown import summary

if TYPE_CHECKING:
    from embedding_conformance.judging.clause import Clause

PUBLISHED = Path("reports", "published")
"""The folder whose results files `bisect` reads by default: the project's own, in a checkout of it."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one subcommand.

    Args:
        arguments: the command line after the program's name; None is that of this process.

    Returns:
        The exit status: 0; 1 from `diff` where something changed; 2 where the input cannot be used, after one line on
        standard error.
    """
    chosen = _parser().parse_args(arguments)
    text: str
    status: int
    try:
        text, status = chosen.run(chosen)
    except (ResultsError, OSError) as error:
        sys.stderr.write(f"embedding-conformance: {error}\n")
        return 2
    sys.stdout.write(text)
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="embedding-conformance",
        description="Reports on results of the conformance suite, which runs as: pytest --pyargs embedding_conformance",
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    report = commands.add_parser("report", help="merge results files into one HTML page")
    report.add_argument("results", nargs="+", type=Path, metavar="RESULTS", help="results files")
    report.add_argument("--html", required=True, type=Path, metavar="FILE", help="the page to write")
    report.set_defaults(run=_report)
    diff = commands.add_parser("diff", help="what changed: causes, then clauses, with the smallest input that shows it")
    diff.add_argument("old", type=Path, metavar="OLD", help="a results file")
    diff.add_argument("new", type=Path, metavar="NEW", help="another results file")
    diff.set_defaults(run=_diff)
    bisect = commands.add_parser("bisect", help="the releases between which a clause changed, or a cause came or went")
    bisect.add_argument(
        "subject",
        metavar="CLAUSE|NUMBER",
        help="the clause, such as lookup.bits, or the number of a cause in the results of the newest release",
    )
    bisect.add_argument(
        "results", nargs="*", type=Path, metavar="RESULTS", help=f"results files; default: those in {PUBLISHED}"
    )
    bisect.set_defaults(run=_bisect)
    markdown = commands.add_parser("summary", help="one run as Markdown, for the summary of a job of CI")
    markdown.add_argument("results", type=Path, metavar="RESULTS", help="a results file")
    markdown.set_defaults(run=_summary)
    shield = commands.add_parser("badge", help="a shields.io endpoint document")
    shield.add_argument("results", type=Path, metavar="RESULTS", help="a results file")
    shield.set_defaults(run=_badge)
    contract = commands.add_parser("contract", help="the clauses of the contract")
    contract.add_argument("--format", choices=("markdown", "json"), default="markdown", help="default: markdown")
    contract.set_defaults(run=_contract)
    return parser


def _files(named: Sequence[Path]) -> list[Path]:
    """The files that the arguments name, patterns expanded: tox and some shells do not expand them."""
    return [Path(found) for path in named for found in sorted(glob.glob(str(path))) or [str(path)]]  # noqa: PTH207


def _report(chosen: argparse.Namespace) -> tuple[str, int]:
    runs = results.merge(_files(chosen.results))
    chosen.html.parent.mkdir(parents=True, exist_ok=True)
    chosen.html.write_text(render(runs), encoding="utf-8")
    return "".join(f"{headline(run)}\n" for run in runs) + f"report: {chosen.html}\n", 0


def _diff(chosen: argparse.Namespace) -> tuple[str, int]:
    files = [chosen.old, chosen.new]
    old, new = results.merge(files)
    for file, run in zip(files, (old, new), strict=True):
        why = absence(run)
        if why is not None:
            raise Unfit(file, f"there is nothing to compare in a run that did not take place: {why}")
    found = compare(old, new)
    return changes.diff(found), int(found.changed)


def _bisect(chosen: argparse.Namespace) -> tuple[str, int]:
    files = _files(chosen.results) or sorted(PUBLISHED.glob("torch-[0-9]*.json"))
    if not files:
        raise Unfit(
            "bisect", f"no results files were named, and {PUBLISHED} has none of torch here; name one for each release"
        )
    runs = results.merge(files)
    if chosen.subject.isdecimal():
        return changes.bisect_cause(cause_history(int(chosen.subject), runs)), 0
    return changes.bisect(history(chosen.subject, runs)), 0


def _summary(chosen: argparse.Namespace) -> tuple[str, int]:
    return summary(results.read(chosen.results)), 0


def _badge(chosen: argparse.Namespace) -> tuple[str, int]:
    return json.dumps(badge(results.read(chosen.results)), indent=2) + "\n", 0


def _contract(chosen: argparse.Namespace) -> tuple[str, int]:
    # These import Hypothesis, which rendering does not need.
    from embedding_conformance.running.document import described  # noqa: PLC0415
    from embedding_conformance.suite.catalogue import clauses  # noqa: PLC0415

    found = clauses()
    if chosen.format == "json":
        return json.dumps([asdict(described(clause)) for clause in found], indent=2) + "\n", 0
    lines = [
        "# The contract",
        "",
        f"{len(found)} clauses. Generated by `embedding-conformance contract`.",
        "",
        *_legend(),
    ]
    for section in dict.fromkeys(c.section for c in found):  # clauses of two sections may alternate in one module
        lines += [f"## {section}", "", "| clause | level | ground | what it says |", "| --- | --- | --- | --- |"]
        lines += [f"| `{c.id}` | {c.level} | {_ground(c)} | {c.text} |" for c in found if c.section == section]
        lines.append("")
    return "\n".join(lines), 0


def _legend() -> list[str]:
    """What levels and grounds mean, and one word that clauses use."""
    grounds = [f"- *{ground}*: {words}" for ground, words in GROUND_LEGEND.items()]
    levels = [f"- {level}: {words}" for level, words in LEVEL_LEGEND.items()]
    bits = "*Bit for bit* leaves out what NaNs hold beside being NaNs, which `lookup.nan-payload` alone is about."
    return ["Each clause has a level and a ground, what it rests on:", "", *levels, *grounds, "", bits, ""]


def _ground(clause: Clause) -> str:
    """The ground of a clause, with the page or argument that documents it."""
    return f"{clause.ground}: {clause.doc}" if clause.ground in ("documented", "module") else clause.ground


if __name__ == "__main__":
    sys.exit(main())
