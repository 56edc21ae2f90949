"""`--embedding-baseline`: adds today's causes to a ledger, or drops fixed ones from it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from packaging.version import InvalidVersion, Version

from embedding_conformance.boundary.wire import decode, encode
from embedding_conformance.cases.case import Case
from embedding_conformance.diagnosis.causes import causes_of
from embedding_conformance.diagnosis.pattern import where_of
from embedding_conformance.diagnosis.shown import Shown
from embedding_conformance.judging.clause import Clause
from embedding_conformance.judging.known import DIFFERS
from embedding_conformance.ledgers import editing
from embedding_conformance.ledgers.ledger import Entry, Witness
from embedding_conformance.running.session import Session
from embedding_reports.records import Cause, Known, Verdict

SIGNATURES = ("construction.signature", "construction.private-signature")
"""The clauses that deviate where arguments are not taken. The baseline declares those; the next run shows the rest."""


def write(session: Session, shown: Sequence[Shown], clauses: Sequence[Clause]) -> str:
    """Add an entry for each cause of what deviates beyond the ledger.

    Args:
        session: the run.
        shown: what deviates.
        clauses: the contract.

    Returns:
        What was written, in words.
    """
    left = [one for one in shown if not (session.undeclared and one.clause in SIGNATURES)]
    entries = [_entry(session, cause, members) for cause, members in causes_of(left, clauses, consequences=False)]
    path = Path(session.options.deviations)
    arguments = dict.fromkeys(session.undeclared, "baseline: the constructor does not take this")
    editing.write(path, entries, arguments)
    declared = f", and the arguments that are not taken ({', '.join(arguments)})," if arguments else ""
    return f"{_entries(len(entries))}{declared} written to {path}; replace each reason by the true one"


def prune(session: Session, verdicts: Sequence[Verdict]) -> str:
    """Drop from entries the clauses in which their witness no longer fails anywhere, and entries without any other.

    Returns:
        What was dropped, in words.
    """
    fixed: dict[int, list[str]] = {}
    for number, entry in enumerate(session.ledger.deviations[: session.in_file]):
        for clause in entry.clauses:
            replayed = [one for verdict in verdicts if verdict.clause == clause for one in _of(entry, verdict.known)]
            if replayed and not any(one.deviation for one in replayed):
                fixed.setdefault(number, []).append(clause)
    path = session.ledger.path or Path(session.options.deviations)
    editing.prune(path, fixed)
    dropped = sum(len(gone) == len(session.ledger.deviations[number].clauses) for number, gone in fixed.items())
    shortened = f", {_entries(len(fixed) - dropped)} shortened" if len(fixed) > dropped else ""
    return f"{_entries(dropped, 'fixed ')} dropped from {path}{shortened}"


def _of(entry: Entry, known: Sequence[Known]) -> list[Known]:
    own = entry.reason, entry.versions, encode(dict(entry.where))
    return [one for one in known if (one.reason, one.versions, one.features) == own]


def _entries(count: int, kind: str = "") -> str:
    return f"{count} {kind}{'entry' if count == 1 else 'entries'}"


def _entry(session: Session, cause: Cause, members: Sequence[Shown]) -> Entry:
    where = where_of(cause.where)
    if cause.dtypes:
        # The entry covers only the dtypes and devices on which the deviation was observed.
        where |= {"dtype": list(cause.dtypes), "device": list(cause.devices)}
    return Entry(
        clauses=cause.clauses,
        where=where,
        does=tuple(dict.fromkeys(one.fault or one.symptom or DIFFERS for one in members)),
        reason=f"baseline: {cause.does}",
        witnesses=_witnesses(cause, members),
        implementation=session.description.name,
        versions=_this_version(session.description.version),
    )


def _witnesses(cause: Cause, members: Sequence[Shown]) -> tuple[Witness, ...]:
    """The smallest case of each clause; of one that several clauses share, the clauses are not named."""
    by_case: dict[Case, list[str]] = {}
    for clause in cause.clauses:
        smallest = min((one for one in members if one.clause == clause), key=lambda one: one.size)
        case = decode(smallest.evidence.case)
        if case is not None:
            by_case.setdefault(case, []).append(clause)
    common = max(by_case, key=lambda case: len(by_case[case]), default=None)
    return tuple(Witness(case, () if case == common else tuple(named)) for case, named in by_case.items())


def _this_version(version: str) -> str:
    try:
        return f"=={Version(version).base_version}"
    except InvalidVersion:
        return ""
