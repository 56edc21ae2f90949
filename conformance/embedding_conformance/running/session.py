"""One run of the suite: the implementation, the options of the run, and the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path

from embedding_conformance.boundary import arguments
from embedding_conformance.boundary.adapter import Adapter
from embedding_conformance.boundary.attempts import Failure, attempt, last_line
from embedding_conformance.boundary.description import Declared, Description, mistake_in
from embedding_conformance.boundary.refusals import Died
from embedding_conformance.boundary.target import BUNDLED, UnusableTarget, resolve
from embedding_conformance.boundary.worker_client import WorkerAdapter
from embedding_conformance.cases.features import untaken
from embedding_conformance.diagnosis.finding import Finding
from embedding_conformance.judging.clause import Clause
from embedding_conformance.judging.shared import Shared
from embedding_conformance.judging.subject import Subject
from embedding_conformance.ledgers import reading
from embedding_conformance.ledgers.ledger import Entry, Ledger
from embedding_conformance.running.options import Options, select, select_clauses
from embedding_conformance.wiring import inspection
from embedding_reports.records import Parameter

SIGNATURES = ("constructor", "from_pretrained", "functional")
"""The forms of an embedding whose parameters a results file records."""


class Session:
    """The state that the tests of a run share."""

    def __init__(self, options: Options, clauses: Sequence[Clause], *, adapter: Adapter | None = None) -> None:
        """Find the implementation and read the ledger.

        Args:
            options: the options of the run.
            clauses: the contract.
            adapter: the adapter that drives the implementation; None is the one that the target of the options names.

        Raises:
            UnusableTarget, BadOption, LedgerError: the input cannot be used; the text says in one line why.
        """
        self.options = options
        self.worker = WorkerAdapter(options.target)
        with ExitStack() as undo:
            undo.callback(self.worker.close)
            commanded = options.target.startswith("command:")
            isolated = options.isolation == "process" or commanded
            self.adapter: Adapter = self.worker if isolated else adapter or resolve(options.target)
            self.description = self._described()
            there = self.description.devices
            usual = ("cpu",) if "cpu" in there else there[:1]
            self.devices = select("embedding-device", usual if options.devices is None else options.devices, there)
            self.dtypes = select("embedding-dtype", options.dtypes, self.description.dtypes)
            self.selected = select_clauses(options.clauses, [clause.id for clause in clauses])
            self.ledger = self._ledger(clauses)
            self.description = self._with(self.ledger.unsupported)
            self.signatures = _signatures(self.adapter)  # before the run, which may end with a worker that hangs
            # Not for a bundled adapter: it declares what it lacks, and its arguments differ between releases.
            constructor = self.signatures.get("constructor", ()) if ":" in options.target else ()
            missing = arguments.missing_arguments(constructor)
            undeclared = [name for name in missing if name not in self.description.untaken]
            self.description = self._with([Declared(untaken(name), "") for name in undeclared])
            self.wiring = inspection.Wiring()
            self._missing: set[str] = set()
            self.findings: list[Finding] = []
            undo.pop_all()

    def _with(self, unsupported: Sequence[Declared]) -> Description:
        """The description, with more declared unsupported."""
        return replace(self.description, unsupported=(*self.description.unsupported, *unsupported))

    def inspect(self) -> None:
        """Probe the wiring of what the user has written, an adapter or a class that one of ours drives.

        Raises:
            UnusableTarget: the adapter is wired so wrongly that verdicts would be meaningless.
        """
        target = self.options.target
        if target in BUNDLED:
            return
        who = inspection.ADAPTER
        if type(self.adapter).__module__.startswith("embedding_conformance.adapters."):
            who = inspection.CLASS
        elif self.adapter is self.worker and not target.startswith("command:"):
            who = inspection.EITHER
        fallback = self.adapter if self.options.isolation == "none" else self.worker
        self.wiring = inspection.inspect(who, self.adapter, fallback, self.description, self.dtypes, self.devices)
        if self.wiring.stop:
            raise UnusableTarget(f"--embedding {target}: {self.wiring.stop}")

    def _described(self) -> Description:
        """The description that the adapter gives, checked."""
        wrong = f"--embedding {self.options.target}: asked to describe itself, it"
        description = attempt(self.adapter.describe, propagate=(UnusableTarget,))
        if isinstance(description, Failure):
            error = description.error
            if isinstance(error, Died):
                words = f"; on standard error it said:\n{error.stderr}" if error.stderr else ""
                raise UnusableTarget(f"{wrong} {error}{words}") from error
            raise UnusableTarget(f"{wrong} raised {type(error).__name__}: {last_line(error)}") from error
        if mistake := mistake_in(description):
            raise UnusableTarget(f"{wrong} answered with {mistake}")
        return description

    def _ledger(self, clauses: Sequence[Clause]) -> Ledger:
        """The ledger that the user named, and the bundled ones that apply: the target's, and its description's."""
        name, base = self.options.deviations, self.description.ledger
        new = self.options.baseline == "write" and not Path(name).exists()
        ledger = Ledger() if new or not name else reading.read(name, clauses)
        self.in_file = len(ledger.deviations)
        own = self.options.target if self.options.target in reading.bundled() else ""
        for bundled in sorted({own, base} - {"", name}):
            inherited = bundled == base and self.description.inherits
            ledger.deviations += [replace(e, inherited=inherited) for e in reading.read(bundled, clauses).deviations]
        return ledger

    @property
    def undeclared(self) -> list[str]:
        """The arguments that the constructor does not take and no ledger declares."""
        return [name for name, reason in self.description.untaken.items() if not reason]

    def selects(self, clause: Clause) -> bool:
        """Whether the clause is to be tested."""
        return clause.id in self.selected

    def axes(self, clause: Clause) -> list[tuple[str | None, str | None]]:
        """The dtypes and devices that a clause is tested on; one pair of None for a clause that depends on neither."""
        if clause.dtypes == "none":
            return [(None, None)]
        return [(dtype, device) for device in self.devices for dtype in self.dtypes]

    def subject(self, clause: Clause, dtype: str | None, device: str | None, shared: Shared | None = None) -> Subject:
        """The implementation as the test of a clause receives it; `shared` as in `judging.subject.Subject`."""
        worker = self.adapter if self.options.isolation == "none" else self.worker
        return Subject(
            worker if clause.may_crash else self.adapter,
            self.description,
            dtype or "float32",
            device or self.devices[0],
            fallback=worker,
            losses=self.enough(clause),
            missing=self._missing,
            shared=shared,
        )

    def enough(self, clause: Clause) -> int:
        """The number of cases that must be exercised before the clause counts as tested."""
        return clause.enough or (1 if clause.domain is None else self.options.profile.enough)

    def entries(self, clause: Clause, subject: Subject) -> Sequence[Entry]:
        """The known deviations from this clause on the subject's dtype and device."""
        once = clause.dtypes == "none"
        dtype, device = (None, None) if once else (subject.dtype, subject.device)
        return self.ledger.entries(clause.id, dtype, device, self.description)

    def close(self) -> None:
        """End the worker."""
        self.worker.close()


def _signatures(adapter: Adapter) -> dict[str, tuple[Parameter, ...]]:
    """The parameters of each form that the adapter can inspect: they show what changes between releases."""
    found = {}
    for form in SIGNATURES:
        signature = attempt(partial(adapter.signature, form)) if hasattr(adapter, "signature") else None
        # No verdict depends on this: where the adapter lacks the verb, or breaks here, the form is left out.
        if signature is not None and not isinstance(signature, Failure):
            found[form] = tuple(Parameter(*parameter) for parameter in signature)
    return found
