"""The lines that a run shows on the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from embedding_conformance.boundary import arguments
from embedding_conformance.judging.clause import Clause
from embedding_conformance.running.document import environment
from embedding_conformance.running.session import Session
from embedding_reports.model.summary import headline
from embedding_reports.outcomes import Outcome
from embedding_reports.records import Results, Verdict
from embedding_reports.text.plain import difference

LONGEST_CASE = 4000
"""Characters of a case that are shown in full; a longer one is shortened, and whole only in the results file."""

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
    """The category of a verdict, its letter and its word, as pytest wants them."""
    category, letter = LETTERS[verdict.outcome]
    word = str(verdict.outcome).upper()
    return ("failed", "F", word) if verdict.fails else (category, letter, word)


def failure(clause: Clause, verdict: Verdict) -> str:
    """The description of a clause that fails the run, with the smallest case and the script, in several lines."""
    deviation = verdict.deviation
    lines = [f"{clause.id} [{clause.level}] {verdict.outcome}: {clause.text}"]
    if verdict.reason:
        lines.append(verdict.reason)
    if deviation:
        lines += [f"  {deviation.summary}", f"  smallest case: {_readable(deviation.case_repr) or 'none is needed'}"]
        lines += [f"  expected: {deviation.expected}", f"  observed: {deviation.observed}"]
        if deviation.difference:
            lines.append(f"  first difference: {difference(deviation.difference)}")
        if deviation.script:
            lines += ["", "  To reproduce without this suite:", "", deviation.script]
    return "\n".join(lines)


def summary_lines(session: Session, results: Results, notes: Sequence[str]) -> list[str]:
    """The notes, the answer and the paths of the files that were written; nothing where nothing was tested."""
    if not results.verdicts:
        return []
    options = session.options
    written = [f"{name}: {path}" for name, path in (("results", options.results), ("report", options.html)) if path]
    return [*(f"note: {note}" for note in notes), *_proposal(session), headline(results), *written]


def _proposal(session: Session) -> list[str]:
    """The lines that show how to declare arguments that are not taken; none where all are declared."""
    if not session.undeclared or session.options.baseline == "write":
        return []
    ledger = session.options.deviations or "a file for --embedding-deviations"
    table = arguments.declaration(session.undeclared, "...").splitlines()
    return [f"If that is meant, put this into {ledger}, with the reason:", "", *(f"    {line}" for line in table), ""]


def _readable(case: str) -> str:
    return case if len(case) <= LONGEST_CASE else f"{case[:2000]} ... {case[-500:]} (in full in the results file)"
