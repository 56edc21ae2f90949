"""One run of the suite: the implementation, its ledger, and a verdict for each clause on each dtype and device."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import Any

from hypothesis.errors import Flaky

from conformance import ledger as ledgers
from conformance.adapter import Description, Unsupported
from conformance.clause import INFO, MUST, Clause
from conformance.isolation import WorkerAdapter
from conformance.judge import Deviation
from conformance.ledger import Entry, Ledger
from conformance.options import Options, select
from conformance.subject import Subject
from conformance.target import resolve
from conformance.wire import encode

Verdict = dict[str, Any]
"""One element of "verdicts" in the results file."""


class Session:
    """What a run of the suite shares between its tests."""

    def __init__(self, options: Options, clauses: Collection[str]) -> None:
        """Find the implementation and read the ledger.

        Raises:
            UnusableTarget, BadOption, LedgerError: the input cannot be used; each says so in one line.
        """
        self.options = options
        self.worker = WorkerAdapter(options.target)
        commanded = options.target.startswith("command:")
        isolated = options.isolation == "process" or commanded
        self.adapter: Any = self.worker if isolated else resolve(options.target)
        self.description: Description = self.adapter.describe()
        self.devices = select("embedding-device", options.devices, self.description.devices)
        self.dtypes = select("embedding-dtype", options.dtypes, self.description.dtypes)
        self.ledger = self._ledger(clauses)
        unsupported = (*self.description.unsupported, *self.ledger.unsupported)
        self.description = replace(self.description, unsupported=unsupported)

    def _ledger(self, clauses: Collection[str]) -> Ledger:
        """The ledger that was named, and the bundled one of the implementation or of its base class."""
        name = self.options.deviations
        if self.options.baseline == "write" and not (ledgers.BUNDLED.parent / name).exists():
            from pathlib import Path  # noqa: PLC0415

            named = ledgers.read(name, clauses) if Path(name).exists() else Ledger(Path(name))
        else:
            named = ledgers.read(name, clauses) if name else Ledger()
        bundled = "torch" if self.description.packages.get("torch") and name != "torch" else ""
        if bundled:
            inherited = [e for e in ledgers.read(bundled, clauses).deviations]
            own = self.options.target in ("torch", "torch-functional")
            named.deviations += inherited if own else [replace(e, inherited=True) for e in inherited]
        return named

    def subject(self, clause: Clause, dtype: str | None, device: str | None) -> Subject:
        """The implementation as the test of a clause receives it."""
        in_worker = clause.may_crash and self.options.isolation != "none"
        subject = Subject(
            self.worker if in_worker else self.adapter, self.description, dtype or "float32", device or self.devices[0]
        )
        subject.known = [e.features for e in self.ledger.entries(clause.id, dtype, device, self.description)]
        return subject
