"""The lines that a run shows on the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from embedding_conformance.boundary import arguments
from embedding_conformance.diagnosis.shown import Shown
from embedding_conformance.judging.clause import Clause
from embedding_conformance.running.document import environment
from embedding_conformance.running.session import Session
from embedding_reports.condition import in_words
from embedding_reports.model.summary import headline
from embedding_reports.outcomes import Outcome
from embedding_reports.records import Results, Verdict
from embedding_reports.text.causes import shortened, told
from embedding_reports.text.plain import difference

LETTERS = {
    Outcome.CONFORMS: ("passed", "."),
    Outcome.DEVIATES: ("deviates", "d"),
    Outcome.KNOWN_DEVIATION: ("known deviation", "k"),
    Outcome.UNSUPPORTED: ("unsupported", "u"),
    Outcome.NOT_EXERCISED: ("not exercised", "n"),
    Outcome.ERROR: ("error", "E"),
}
"""The category in which pytest counts a verdict, and the letter for it."""


def header_lines(session: Session, seed: str) -> list[str]:
    """Lines on the implementation under test and the options of the run."""
    description, options = session.description, session.options
    variables = "".join(f"\nenvironment: {name}={value}" for name, value in environment().items())
    return [
        f"embedding: {description.name} {description.version} (--embedding {options.target})",
        f"dtypes: {', '.join(session.dtypes)}; devices: {', '.join(session.devices)}",
        f"profile: {options.profile.name}; seed: {seed}; isolation: {options.isolation}{variables}",
        *session.wiring.header_lines(),
    ]


def status(verdict: Verdict) -> tuple[str, str, str]:
    """The category of a verdict, its letter and its word, as pytest wants them.

    What deviates is not in pytest's category "failed", whose tests pytest describes one by one: the summary tells the
    causes.
    """
    category, letter = LETTERS[verdict.outcome]
    word = str(verdict.outcome).upper()
    if not verdict.fails:
        return category, letter, word
    return ("deviates" if verdict.outcome is Outcome.DEVIATES else "failed"), "F", word


def failure(clause: Clause, verdict: Verdict, shown: Sequence[Shown]) -> str:
    """The description of a clause that fails the run: in a line, what is wrong and where."""
    title = f"{clause.id} [{clause.level}] {verdict.outcome}"
    if not shown:
        return f"{title}: {verdict.reason}"
    told = [f"{in_words(one.where)}: {one.does}" for one in shown]
    remark = f" ({verdict.reason})" if verdict.reason else ""
    return f"{title} where {'; and where '.join(told)}{remark}"


def failure_in_full(clause: Clause, verdict: Verdict, shown: Sequence[Shown]) -> str:
    """The same with the clause's text, the smallest case and the script, in several lines."""
    lines = [failure(clause, verdict, shown), f"  {clause.text}"]
    for one in shown:
        lines += [f"  {line}" for line in shortened(one.evidence)]
        if one.evidence.difference:
            lines.append(f"  first difference: {difference(one.evidence.difference)}")
        if one.evidence.script:
            lines += ["", "  To reproduce without this suite:", "", one.evidence.script]
    return "\n".join(lines)


def summary_lines(session: Session, results: Results, notes: Sequence[str], *, scripts: bool = False) -> list[str]:
    """The causes, the notes, the answer and the paths of the files that were written; nothing where nothing was tested.

    Args:
        session: the run.
        results: its results.
        notes: what a reader should know beside the verdicts.
        scripts: whether the scripts that reproduce the causes are shown, too.
    """
    if not results.verdicts:
        return []
    options = session.options
    written = [f"{name}: {path}" for name, path in (("results", options.results), ("report", options.html)) if path]
    causes = told(results, scripts=scripts)
    return [*causes, *(f"note: {note}" for note in notes), *_proposal(session), headline(results), *written]


def _proposal(session: Session) -> list[str]:
    """The lines that show how to declare arguments that are not taken; none where all are declared."""
    if not session.undeclared or session.options.baseline == "write":
        return []
    ledger = session.options.deviations or "a file for --embedding-deviations"
    table = arguments.declaration(session.undeclared, "...").splitlines()
    return [f"If that is meant, put this into {ledger}, with the reason:", "", *(f"    {line}" for line in table), ""]
