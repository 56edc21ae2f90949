"""One run of the suite: the implementation, its ledger, and a verdict for each clause on each dtype and device."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from hypothesis.errors import Flaky

from embedding_conformance.boundary import arguments
from embedding_conformance.boundary.adapter import Description, Died, Refused, Unsupported
from embedding_conformance.boundary.answers import Misanswered
from embedding_conformance.boundary.description import unusable
from embedding_conformance.boundary.target import BUNDLED, UnusableTarget, first_line, resolve
from embedding_conformance.boundary.wire import encode
from embedding_conformance.boundary.worker_client import WorkerAdapter
from embedding_conformance.judging import compare
from embedding_conformance.judging.clause import INFO, MUST, Clause
from embedding_conformance.judging.compare import Deviation
from embedding_conformance.judging.subject import Subject
from embedding_conformance.running import ledger as ledgers
from embedding_conformance.running.ledger import Entry, Ledger
from embedding_conformance.running.options import Options, select
from embedding_conformance.wiring import inspection

SIGNATURES = ("constructor", "from_pretrained", "functional")
"""The forms of an embedding whose parameters a results file records."""

Verdict = dict[str, Any]
"""One element of "verdicts" in the results file."""


class Session:
    """What a run of the suite shares between its tests."""

    def __init__(self, options: Options, clauses: Sequence[Clause]) -> None:
        """Find the implementation and read the ledger.

        Raises:
            UnusableTarget, BadOption, LedgerError: the input cannot be used; each says so in one line.
        """
        self.options = options
        self.worker = WorkerAdapter(options.target)
        with ExitStack() as undo:
            undo.callback(self.worker.close)
            commanded = options.target.startswith("command:")
            isolated = options.isolation == "process" or commanded
            self.adapter: Any = self.worker if isolated else resolve(options.target)
            self.description = self._described()
            there = self.description.devices
            usual = ("cpu",) if "cpu" in there else there[:1]
            self.devices = select("embedding-device", usual if options.devices is None else options.devices, there)
            self.dtypes = select("embedding-dtype", options.dtypes, self.description.dtypes)
            self.ledger = self._ledger(clauses)
            unsupported = (*self.description.unsupported, *self.ledger.unsupported)
            self.signatures = _signatures(self.adapter)  # before the run, which may end with a worker that hangs
            self.description = replace(self.description, unsupported=unsupported, untaken=self._untaken())
            self.wiring = inspection.Wiring()
            undo.pop_all()

    def inspect(self) -> None:
        """Try the plainest of cases on what the user has written: an adapter, or a class that one of ours drives.

        Raises:
            UnusableTarget: the adapter is wired so that no verdict would be worth anything.
        """
        target = self.options.target
        if target in BUNDLED:
            return
        who = inspection.ADAPTER
        if type(self.adapter).__module__.startswith("embedding_conformance.adapters."):
            who = inspection.CLASS
        elif self.adapter is self.worker and not target.startswith("command:"):
            who = inspection.EITHER
        refuge = self.adapter if self.options.isolation == "none" else self.worker
        self.wiring = inspection.inspect(who, self.adapter, refuge, self.description, self.dtypes, self.devices)
        if self.wiring.stop:
            raise UnusableTarget(f"--embedding {target}: {self.wiring.stop}")

    def _described(self) -> Description:
        """What the adapter says of itself, checked, because anybody may have written it."""
        wrong = f"--embedding {self.options.target}: asked to describe itself, it"
        try:
            description: Description = self.adapter.describe()
        except UnusableTarget:
            raise
        except Died as died:
            words = f"; on standard error it said:\n{died.said}" if died.said else ""
            raise UnusableTarget(f"{wrong} {died}{words}") from died
        except Exception as error:
            said = (str(error).strip() or "no message").splitlines()[-1]
            raise UnusableTarget(f"{wrong} raised {type(error).__name__}: {said}") from error
        if said := unusable(description):
            raise UnusableTarget(f"{wrong} answered with {said}")
        return description

    def _ledger(self, clauses: Sequence[Clause]) -> Ledger:
        """The ledger that was named, and the bundled ones that apply by themselves: the target's, and what it names."""
        name, base = self.options.deviations, self.description.ledger
        new = self.options.baseline == "write" and not Path(name).exists()
        ledger = Ledger() if new or not name else ledgers.read(name, clauses)
        own = self.options.target if self.options.target in ledgers.bundled() else ""
        for its in sorted({own, base} - {"", name}):
            inherited = its == base and self.description.inherits
            ledger.deviations += [replace(e, inherited=inherited) for e in ledgers.read(its, clauses).deviations]
        return ledger

    def _untaken(self) -> dict[str, str]:
        """The arguments that the constructor does not take, with the reason, "" for those that are not declared."""
        users = ":" in self.options.target  # what is bundled is known, and its arguments differ between releases
        lacking = arguments.lacking(self.signatures.get("constructor", ())) if users else []
        return {**dict.fromkeys(lacking, ""), **self.description.untaken, **self.ledger.untaken}

    @property
    def undeclared(self) -> list[str]:
        """The arguments that the constructor does not take, though that is not declared."""
        return [name for name, reason in self.description.untaken.items() if not reason]

    def subject(self, clause: Clause, dtype: str | None, device: str | None) -> Subject:
        """The implementation as the test of a clause receives it."""
        worker = self.adapter if self.options.isolation == "none" else self.worker
        return Subject(
            worker if clause.may_crash else self.adapter,
            self.description,
            dtype or "float32",
            device or self.devices[0],
            refuge=worker,
            losses=self._enough(clause),
        )

    def _enough(self, clause: Clause) -> int:
        """How many cases must be exercised."""
        return clause.enough or (self.options.profile.enough if clause.draws else 1)

    def entries(self, clause: Clause, subject: Subject) -> list[Entry]:
        """The known deviations that are about this clause and what it runs on."""
        once = clause.dtypes == "none"
        dtype, device = (None, None) if once else (subject.dtype, subject.device)
        return self.ledger.entries(clause.id, dtype, device, self.description)

    def replay(self, clause: Clause, subject: Subject, body: Callable[..., None]) -> list[dict[str, Any]]:
        """Run the witness of each entry about this clause and axis, then begin counting without what they cover.

        What an inherited entry covers is tested where its witness does not fail here.

        Returns:
            One element of a verdict's "known" for each entry; its "deviation" is None if the witness no longer fails.
        """
        replayed = [(entry, self._replayed(entry, subject, body)) for entry in self.entries(clause, subject)]
        settled = any(entry.witness is None and known and known["deviation"] for entry, known in replayed)
        failing = [e.features for e, known in replayed if known and (known["deviation"] or not e.inherited)]
        subject.start(known=failing, settled=settled)
        return [known for _, known in replayed if known is not None]

    def _replayed(self, entry: Entry, subject: Subject, body: Callable[..., None]) -> dict[str, Any] | None:
        known = {
            "reason": entry.reason,
            "link": entry.link,
            "versions": entry.versions,
            "features": encode(dict(entry.features)),
            "inherited": entry.inherited,
            "deviation": None,
        }
        subject.start(known=[], witness=True)  # which is itself among what the entry covers
        try:
            if entry.witness is None:
                body(embedding=subject)
            else:
                body(embedding=subject, case=entry.witness.with_dtype(subject.dtype))
        except Deviation as deviation:
            known["deviation"] = self.evidence(deviation)
        return None if subject.tally.unsupported else known  # on this dtype or device there is nothing to deviate from

    def verdict(
        self, clause: Clause, subject: Subject, known: list[dict[str, Any]], error: BaseException | None, seconds: float
    ) -> Verdict:
        """What came of one clause on one dtype and device.

        Args:
            clause: the clause.
            subject: what its test received.
            known: from `replay`.
            error: what the test raised, or None.
            seconds: how long it took in all.
        """
        tally, enough = subject.tally, self._enough(clause)
        if tally.lost and not clause.may_crash:
            self.adapter = subject.refuge  # nothing answers in this process any more
        deviation = _deviation(error)
        fixed = [k for k in known if k["deviation"] is None and not k["inherited"]]
        reason = None
        if deviation is not None:
            name = "deviates"
            reason = "did not fail again when run once more" if isinstance(error, Flaky) else None
            reason = self.wiring.hint(deviation, subject.device) or reason
            # After a death the case is not tried again: that may take a minute, and says nothing of how it got across.
            tried = self.wiring.who == inspection.ADAPTER and not tally.deaths
            if tried and (why := inspection.undermined(subject, deviation.case)):
                name, reason, deviation = "error", f"{why} ({compare.shorten(deviation.case)})", None
        elif error is not None:
            name, reason = "error", _broke(error)
        elif any(k["deviation"] for k in known):
            name = "known deviation"
        elif tally.exercised >= enough:
            name = "conforms"
        elif tally.unsupported and not tally.exercised:
            name, reason = "unsupported", tally.reason
        else:
            name = "not exercised"
            reason = f"{tally.exercised} of {tally.cases} cases met the precondition; {enough} are needed"
            if tally.unsupported:
                reason += f" ({tally.unsupported} were unsupported: {tally.reason})"
        if fixed and deviation is None and error is None:
            reason = "fixed: remove this entry (" + "; ".join(k["reason"] for k in fixed) + ")"
        return {
            "clause": clause.id,
            "dtype": None if clause.dtypes == "none" else subject.dtype,
            "device": None if clause.dtypes == "none" else subject.device,
            "verdict": name,
            "fails": name == "error" or bool(fixed) or (name == "deviates" and self._counts(clause)),
            "cases": tally.cases,
            "exercised": tally.exercised,
            "enough": enough,
            "seconds": _split(tally.seconds, seconds),
            "worst": tally.worst,
            "reason": reason,
            "deviation": self.evidence(deviation) if deviation else None,
            "known": known,
        }

    def evidence(self, deviation: Deviation) -> dict[str, Any]:
        """A deviation as the results file holds it."""
        difference = deviation.difference
        return {
            "summary": deviation.summary,
            "case": encode(deviation.case),
            "case_repr": repr(deviation.case) if deviation.case else "",
            "expected": deviation.expected,
            "observed": deviation.observed,
            "difference": difference._asdict() if difference else None,
            "script": self._script(deviation),
        }

    def _script(self, deviation: Deviation) -> str | None:
        try:
            script: str = self.adapter.script(deviation.calls)
        except (AttributeError, Unsupported):
            return None
        except Exception as error:  # noqa: BLE001 - no verdict hangs on it, and a worker may have died of it
            script = f"# the script could not be written: {type(error).__name__}: {first_line(error)}"
        comment = f"# {deviation.summary}\n# expected: {deviation.expected}\n# observed: {deviation.observed}\n"
        return comment + script

    def _counts(self, clause: Clause) -> bool:
        """Whether a deviation from the clause fails the run."""
        return clause.level == MUST or (clause.level != INFO and self.options.level == "should")

    def close(self) -> None:
        """End the worker."""
        self.worker.close()


def _broke(error: BaseException) -> str:
    """What broke, in words where it is the adapter's answers."""
    return str(error) if isinstance(error, Misanswered) else "".join(traceback.format_exception_only(error)).strip()


def _signatures(adapter: Any) -> dict[str, list[list[str]]]:
    """The parameters of each form that the adapter can look into, for what changes between releases."""
    found = {}
    for form in SIGNATURES:
        # No verdict hangs on this: an adapter without the verb, or one that breaks here, leaves it out.
        with suppress(Unsupported, Refused, Died, AttributeError, RuntimeError, TypeError, ValueError):
            found[form] = [list(parameter) for parameter in adapter.signature(form)]
    return found


def _deviation(error: BaseException | None) -> Deviation | None:
    """The deviation that a test ended with, also where Hypothesis found that it comes and goes."""
    if isinstance(error, Deviation):
        return error
    if isinstance(error, BaseExceptionGroup):
        found = [_deviation(e) for e in error.exceptions]
        return next((d for d in found if d is not None), None)
    return None


def _split(seconds: dict[str, float], total: float) -> dict[str, float]:
    body, reference, adapter = seconds["body"], seconds["reference"], seconds["adapter"]
    return {
        "total": round(total, 6),
        "drawing": round(max(total - body, 0.0), 6),
        "reference": round(reference, 6),
        "adapter": round(adapter, 6),
        "judging": round(max(body - reference - adapter, 0.0), 6),
    }
