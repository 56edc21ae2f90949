"""The replay of witnesses: the cases with which a ledger shows that its known deviations are still there."""

from __future__ import annotations

from embedding_conformance.boundary.wire import encode
from embedding_conformance.judging.clause import Clause
from embedding_conformance.judging.compare import Deviation
from embedding_conformance.judging.subject import Subject
from embedding_conformance.running.document import evidence_of
from embedding_conformance.running.ledger import Entry
from embedding_conformance.running.session import Session
from embedding_reports.records import Known


def replay(session: Session, clause: Clause, subject: Subject) -> tuple[Known, ...]:
    """Run the witness of each ledger entry about the clause, then start the examination without the cases they cover.

    Cases that an inherited entry covers are examined all the same where its witness does not fail here.

    Returns:
        A record for each entry; its deviation is None where the witness no longer fails.
    """
    entries = session.entries(clause, subject)
    replayed = [(entry, _replayed(session, clause, subject, entry)) for entry in entries]
    settled = any(entry.witness is None and known and known.deviation for entry, known in replayed)
    failing = [e.features for e, known in replayed if known and (known.deviation or not e.inherited)]
    subject.examination.start(known=failing, settled=settled)
    return tuple(known for _, known in replayed if known is not None)


def _replayed(session: Session, clause: Clause, subject: Subject, entry: Entry) -> Known | None:
    subject.examination.start(known=[], witness=True)  # no entry is known: this one would exclude its own witness
    witness = None if entry.witness is None else entry.witness.with_dtype(subject.dtype)
    deviation: Deviation | None = None
    try:
        subject.examine(clause, clause.body, witness)
    except Deviation as deviates:
        deviation = deviates
    if subject.tally.unsupported:
        return None  # nothing is claimed on this dtype or device, so nothing can deviate
    evidence = evidence_of(deviation, session.adapter) if deviation is not None else None
    features = encode(dict(entry.features))
    return Known(entry.reason, entry.link, entry.versions, features, entry.inherited, evidence)
