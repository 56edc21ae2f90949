"""`--embedding-baseline`: adds today's deviations to a ledger, or drops fixed ones from it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from packaging.version import InvalidVersion, Version

from embedding_conformance.boundary.wire import decode
from embedding_conformance.cases.case import Case
from embedding_conformance.running import ledger as ledgers
from embedding_conformance.running.ledger import Entry
from embedding_conformance.running.session import Session
from embedding_reports.outcomes import Outcome
from embedding_reports.records import Verdict

PLAIN = {
    "index_ndim": 1,
    "norm_range": "ordinary",
    "pads_hold": "none",
    "weight_layout": "contiguous",
    "index_layout": "contiguous",
    "upstream_layout": "contiguous",
    "upstream_range": "ordinary",
}
"""The features of an ordinary case, other than False. A smallest case that differs seems to need the difference."""

SIGNATURE = "construction.signature"
"""The clause that deviates where arguments are not taken. The baseline declares these; the next run shows the rest."""

SIZES = ("num_embeddings", "embedding_dim", "index_numel", "pads", "norm_type", "index_dtype", "dtype")
"""Features that tell little about the cause, unless a size is zero."""


def write(session: Session, verdicts: Sequence[Verdict]) -> str:
    """Add an entry for each deviation that the ledger does not have yet.

    Returns:
        What was written, in words.
    """
    merged: dict[tuple[str, str, str], Entry] = {}
    for verdict in verdicts:
        if verdict.outcome is not Outcome.DEVIATES or verdict.deviation is None:
            continue
        if session.undeclared and verdict.clause == SIGNATURE:
            continue
        witness = decode(verdict.deviation.case)
        features = _unusual_features(witness) if witness is not None else {}
        entry = merged.setdefault(
            (verdict.clause, repr(features), str(verdict.device)),
            Entry(
                clause=verdict.clause,
                # The entry covers only the devices on which the deviation was observed.
                features={**features, **({"dtype": [], "device": [verdict.device]} if verdict.dtype else {})},
                reason=f"baseline: {verdict.deviation.summary}",
                witness=witness,
                implementation=session.description.name,
                versions=_this_version(session.description.version),
            ),
        )
        if verdict.dtype:
            entry.features["dtype"].append(verdict.dtype)
    path = Path(session.options.deviations)
    arguments = dict.fromkeys(session.undeclared, "baseline: the constructor does not take this")
    ledgers.write(path, list(merged.values()), arguments)
    declared = f", and the arguments that are not taken ({', '.join(arguments)})," if arguments else ""
    return f"{_entries(len(merged))}{declared} written to {path}; replace each reason by the true one"


def prune(session: Session, verdicts: Sequence[Verdict]) -> str:
    """Drop the entries whose witness no longer fails anywhere.

    Returns:
        What was dropped, in words.
    """
    failing: set[tuple[str, str]] = set()
    passing: set[tuple[str, str]] = set()
    for verdict in verdicts:
        for known in verdict.known:
            key = (verdict.clause, known.reason)
            (failing if known.deviation else passing).add(key)
    fixed = [e for e in session.ledger.deviations if (e.clause, e.reason) in passing - failing and not e.inherited]
    path = session.ledger.path or Path(session.options.deviations)
    ledgers.prune(path, fixed)
    return f"{_entries(len(fixed), 'fixed ')} dropped from {path}"


def _entries(count: int, kind: str = "") -> str:
    return f"{count} {kind}{'entry' if count == 1 else 'entries'}"


def _unusual_features(case: Case) -> dict[str, Any]:
    """The features in which a smallest case differs from an ordinary one."""
    features = case.features()
    empty = {name: 0 for name in ("embedding_dim", "index_numel") if features[name] == 0}
    unusual = {name: v for name, v in features.items() if name not in SIZES and v != PLAIN.get(name, False)}
    return {**empty, **unusual}


def _this_version(version: str) -> str:
    try:
        return f"=={Version(version).base_version}"
    except InvalidVersion:
        return ""
