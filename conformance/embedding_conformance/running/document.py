"""The results of a run, made from its verdicts."""

from __future__ import annotations

import os
import platform
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, cast

from embedding_conformance.boundary.adapter import Adapter
from embedding_conformance.boundary.attempts import Ending, Failure, attempt
from embedding_conformance.boundary.description import version_of
from embedding_conformance.boundary.wire import encode
from embedding_conformance.diagnosis.causes import causes_of
from embedding_conformance.diagnosis.shown import Shown
from embedding_conformance.judging.clause import Clause
from embedding_conformance.judging.compare import Deviation
from embedding_conformance.judging.pair_coverage import PARTITIONS, Column, pair_counts
from embedding_conformance.judging.partitions import Partitions
from embedding_conformance.running.session import Session
from embedding_reports import records
from embedding_reports.outcomes import Ground, Level
from embedding_reports.records import (
    Cause,
    Difference,
    Evidence,
    Footer,
    Header,
    Implementation,
    Kind,
    PairCounts,
    Platform,
    Results,
    Verdict,
)

ENVIRONMENT = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "CUDA_VISIBLE_DEVICES",
    "PYTORCH_",
    "TORCH_",
    "ATEN_",
    "JAX_",
    "XLA_",
    "KERAS_",
    "TF_ENABLE_",
    "TF_XLA_",
)
"""How the names of environment variables begin that affect implementations."""

OURS = ("embedding-conformance", "hypothesis", "pytest")
"""The suite's own packages, whose versions a results file records."""


@dataclass
class Collection:
    """The verdicts of a run so far.

    Attributes:
        seed: the seed that repeats the run.
        started: when the run began.
        verdicts: the verdicts, in the order in which they were reached.
        lookups: the number of lookups of each kind on which verdicts rest, by dtype and device.
        shown: what deviates.
    """

    seed: str
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    verdicts: list[Verdict] = field(default_factory=list)
    lookups: dict[Column, Counter[Partitions]] = field(default_factory=dict)
    shown: list[Shown] = field(default_factory=list)

    def add(self, verdict: Verdict, lookups: Counter[Partitions], shown: Sequence[Shown]) -> None:
        """Keep a verdict, the lookups that it rests on, and what deviates."""
        self.verdicts.append(verdict)
        self.shown += shown
        if verdict.dtype is not None and verdict.device is not None:
            self.lookups.setdefault((verdict.dtype, verdict.device), Counter()).update(lookups)


def results_of(
    session: Session, clauses: Sequence[Clause], collection: Collection, notes: Sequence[str], exit_status: int
) -> Results:
    """The results of a run.

    Args:
        session: the run.
        clauses: the contract, with the clauses that were not selected.
        collection: the verdicts.
        notes: what a reader should know beside the verdicts.
        exit_status: pytest's exit status of the run.
    """
    finished = datetime.now(UTC)
    columns = [(dtype, device) for device in session.devices for dtype in session.dtypes]
    lookups = {column: collection.lookups[column] for column in columns if column in collection.lookups}
    counted = any(lookups.values())
    causes = causes_of(collection.shown, clauses)
    return Results(
        header=_header(session, collection),
        clauses=tuple(map(described, clauses)),
        verdicts=tuple(_with_causes(verdict, causes) for verdict in collection.verdicts),
        causes=tuple(cause for cause, _ in causes),
        footer=Footer(
            finished=_stamp(finished),
            complete=exit_status in (0, 1),
            seconds=round((finished - collection.started).total_seconds(), 3),
            verdicts=len(collection.verdicts),
            exit_status=exit_status,
            notes=tuple(notes),
            wiring=session.wiring.suspicions,
        ),
        kinds=tuple(Kind(argument, kind) for argument, kind in PARTITIONS) if counted else (),
        interplay=_interplay(session, lookups) if counted else (),
    )


def described(clause: Clause) -> records.Clause:
    """The record of a clause in results files and in the printed contract."""
    return records.Clause(
        id=clause.id,
        level=cast("Level", clause.level),
        section=clause.section,
        argument=clause.argument,
        text=clause.text,
        doc=clause.doc,
        since=clause.since,
        until=clause.until,
        ground=cast("Ground", clause.ground),
    )


def _interplay(session: Session, lookups: dict[Column, Counter[Partitions]]) -> tuple[PairCounts, ...]:
    slices = pair_counts(lookups, session.description.unsupported)
    return tuple(PairCounts(one.dtype, one.device, one.index_ndim, one.lookups, one.pairs) for one in slices)


def _with_causes(verdict: Verdict, causes: Sequence[tuple[Cause, Sequence[Shown]]]) -> Verdict:
    place = verdict.clause, verdict.dtype, verdict.device
    numbers = [cause.number for cause, members in causes if any(one.place == place for one in members)]
    return replace(verdict, causes=tuple(numbers))


def evidence_of(deviation: Deviation, adapter: Adapter) -> Evidence:
    """The record of a deviation, with the script that reproduces it, if the adapter writes one."""
    difference = deviation.difference
    return Evidence(
        summary=deviation.summary,
        case=encode(deviation.case),
        case_repr=repr(deviation.case) if deviation.case else "",
        expected=deviation.expected,
        observed=deviation.observed,
        difference=Difference(**difference._asdict()) if difference else None,
        script=_script(deviation, adapter),
    )


def _script(deviation: Deviation, adapter: Any) -> str | None:
    if not hasattr(adapter, "script"):
        return None
    script = attempt(lambda: adapter.script(deviation.calls))
    if isinstance(script, Failure):
        if script.ending is Ending.UNSUPPORTED:
            return None
        # No verdict depends on the script, and writing it may have ended the worker.
        script = f"# the script could not be written: {script.text}"
    comment = f"# {deviation.summary}\n# expected: {deviation.expected}\n# observed: {deviation.observed}\n"
    return comment + script


def notes(session: Session, verdicts: Sequence[Verdict]) -> list[str]:
    """The notes on a run: on its wiring, on undeclared arguments, on entries of the ledger that matched nothing."""
    return [*session.wiring.notes(), *_undeclared(session), *_unmatched(session, verdicts)]


def environment() -> dict[str, str]:
    """The environment variables that affect implementations, by name."""
    return {name: value for name, value in sorted(os.environ.items()) if name.startswith(ENVIRONMENT)}


def _header(session: Session, collection: Collection) -> Header:
    description, options = session.description, session.options
    return Header(
        started=_stamp(collection.started),
        implementation=Implementation(
            target=options.target,
            adapter=type(session.adapter).__name__,
            name=description.name,
            version=description.version,
            signatures=session.signatures,
        ),
        profile=options.profile.name,
        seed=collection.seed,
        level=options.level,
        isolation=options.isolation,
        dtypes=tuple(session.dtypes),
        devices=tuple(session.devices),
        platform=Platform(platform.python_version(), platform.platform(), platform.machine()),
        packages={**description.packages, **{name: version_of(name) for name in OURS}},
        environment=environment(),
    )


def _stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _undeclared(session: Session) -> list[str]:
    """A note on the arguments that the constructor does not take and no ledger declares."""
    if not session.undeclared:
        return []
    what = f"{session.description.name} takes no {', '.join(session.undeclared)}"
    return [f"{what}, and that is not declared: what needs it was not tested, and construction.signature deviates"]


def _unmatched(session: Session, verdicts: Sequence[Verdict]) -> list[str]:
    """A note on each entry of the ledger whose clause was tested, but that no case matched."""
    used = {(verdict.clause, known.reason) for verdict in verdicts for known in verdict.known}
    tested = {verdict.clause for verdict in verdicts}
    return [
        f"the ledger's entry for {clause} ({entry.reason}) matched nothing in this run"
        for entry in session.ledger.deviations
        for clause in entry.clauses
        if clause in tested
        and any(entry.is_about(dtype, device) for dtype in session.dtypes for device in session.devices)
        and entry.applies_to(session.description)
        and not entry.inherited
        and (clause, entry.reason) not in used
    ]
