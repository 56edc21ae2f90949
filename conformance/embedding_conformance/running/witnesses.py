"""The replay of witnesses: the cases with which a ledger shows that its known deviations are still there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from embedding_conformance.boundary.adapter import Adapter
from embedding_conformance.boundary.wire import encode
from embedding_conformance.judging.clause import Clause
from embedding_conformance.judging.compare import Deviation
from embedding_conformance.judging.known import KnownDeviation
from embedding_conformance.judging.subject import Subject
from embedding_conformance.ledgers.ledger import Entry
from embedding_conformance.running.document import evidence_of
from embedding_conformance.running.session import Session
from embedding_reports.records import Known


@dataclass
class Replayed:
    """An entry of a ledger whose witness was run.

    Attributes:
        entry: the entry.
        known: what the search for other deviations judges by.
        deviation: what the witness showed, as the entry says; None: it did not.
        otherwise: what it showed otherwise than the entry says.
    """

    entry: Entry
    known: KnownDeviation
    deviation: Deviation | None
    otherwise: Deviation | None

    @property
    def in_force(self) -> bool:
        """Whether cases may deviate as the entry says: not where its witness shows that the implementation does not."""
        return self.deviation is not None or not self.entry.inherited

    def record(self, adapter: Adapter) -> Known:
        """The record of the entry in a results file."""
        entry, shown = self.entry, self.deviation
        return Known(
            reason=entry.reason,
            link=entry.link,
            versions=entry.versions,
            features=encode(dict(entry.where)),
            inherited=entry.inherited,
            deviation=None if shown is None else evidence_of(shown, adapter),
            does=entry.does,
            covered=self.known.covered,
            shown=self.known.shown,
            left_out=self.known.left_out,
        )


def replay(session: Session, clause: Clause, subject: Subject) -> Sequence[Replayed]:
    """Run the witness of each ledger entry about the clause, then start the examination, which knows the entries."""
    each = [_replayed(clause, subject, entry) for entry in session.entries(clause, subject)]
    replayed = [one for one in each if one is not None]
    subject.examination.start([one.known for one in replayed if one.in_force])
    return replayed


def _replayed(clause: Clause, subject: Subject, entry: Entry) -> Replayed | None:
    known = entry.known_in(clause.id, subject.device)
    subject.examination.start([known], witness=True)
    case, otherwise = entry.witness_for(clause.id), None
    if case is not None:
        case = case.with_dtype(subject.dtype)
        case = clause.domain.made(case) if clause.domain and clause.domain.made else case
    try:
        subject.examine(clause, clause.body, case)
    except Deviation as deviation:
        otherwise = deviation
    if subject.tally.unsupported and known.deviation is None and otherwise is None:
        return None  # nothing is claimed on this dtype or device, so nothing can deviate
    return Replayed(entry, known.aside(), None if otherwise else known.deviation, otherwise)
