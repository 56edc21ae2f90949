"""What came of a run: the results document, and what the terminal shows of it."""

from __future__ import annotations

import os
import platform
from collections import Counter
from datetime import UTC, datetime
from importlib import metadata
from typing import Any

import pytest

from embedding_conformance.boundary import arguments
from embedding_conformance.judging.clause import Clause
from embedding_conformance.judging.pair_coverage import Column, described
from embedding_conformance.judging.partitions import Kinds
from embedding_conformance.running import baseline
from embedding_conformance.running.session import Session, Verdict
from embedding_conformance.suite.catalogue import clauses
from embedding_reports import results
from embedding_reports.model.summary import headline
from embedding_reports.pages.html import render
from embedding_reports.text.plain import difference

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
"""Environment variables, or beginnings of their names, that bear on what implementations do."""

STATUS = {
    "conforms": ("passed", ".", "CONFORMS"),
    "deviates": ("deviates", "d", "DEVIATES"),
    "known deviation": ("known deviation", "k", "KNOWN DEVIATION"),
    "unsupported": ("unsupported", "u", "UNSUPPORTED"),
    "not exercised": ("not exercised", "n", "NOT EXERCISED"),
    "error": ("error", "E", "ERROR"),
}


class Outcome:
    """Collects verdicts and makes the results document of them."""

    def __init__(self, session: Session, seed: str) -> None:
        self.session, self.seed = session, seed
        self.verdicts: list[Verdict] = []
        self.lookups: dict[Column, Counter[Kinds]] = {}
        self.started = datetime.now(UTC)
        self.document: dict[str, Any] = {}
        self.notes: list[str] = []

    def dress(self, report: pytest.TestReport, clause: Clause, verdict: Verdict, lookups: Counter[Kinds]) -> None:
        """Let a test's report say the verdict, and which lookups it rests on."""
        report.embedding_verdict = verdict  # type: ignore[attr-defined]
        report.embedding_lookups = list(lookups.items())  # type: ignore[attr-defined]
        if verdict["fails"]:
            report.outcome, report.longrepr = "failed", _failure(clause, verdict)
        elif verdict["verdict"] == "conforms":
            report.outcome, report.longrepr = "passed", None
        else:
            report.outcome = "skipped"
            report.longrepr = (
                str(report.location[0]),
                report.location[1] or 0,
                verdict["reason"] or verdict["verdict"],
            )

    def collect(self, report: Any) -> None:
        """Keep what the report of a clause's test says, whichever process made it."""
        verdict = report.embedding_verdict
        self.verdicts.append(verdict)
        self.lookups.setdefault((verdict["dtype"], verdict["device"]), Counter()).update(dict(report.embedding_lookups))

    def status(self, verdict: Verdict) -> tuple[str, str, str]:
        """How the terminal shows a verdict."""
        category, letter, word = STATUS[verdict["verdict"]]
        return ("failed", "F", word) if verdict["fails"] else (category, letter, word)

    def header_lines(self) -> list[str]:
        """What is under test, and how."""
        description, options = self.session.description, self.session.options
        environment = "".join(f"\nenvironment: {k}={v}" for k, v in _environment().items())
        return [
            f"embedding: {description.name} {description.version} (--embedding {options.target})",
            f"dtypes: {', '.join(self.session.dtypes)}; devices: {', '.join(self.session.devices)}",
            f"profile: {options.profile_name}; seed: {self.seed}; isolation: {options.isolation}{environment}",
            *self.session.wiring.header_lines(),
        ]

    def finish(self, exit_status: int) -> None:
        """Write the results file, the report and the baseline, as asked."""
        options = self.session.options
        self.notes += [
            *self.session.wiring.notes(),
            *_untaken(self.session),
            *_unmatched(self.session, self.verdicts),
        ]
        if options.baseline == "write":
            self.notes.append(baseline.write(self.session, self.verdicts))
        elif options.baseline == "prune":
            self.notes.append(baseline.prune(self.session, self.verdicts))
        self._conclude(exit_status)
        if self.verdicts:
            self._write()

    def stop(self, why: str) -> None:
        """Put down that nothing was tested, and why."""
        self.notes.append(why)
        self._conclude(2)
        self._write()

    def _conclude(self, exit_status: int) -> None:
        """Make the document."""
        finished = datetime.now(UTC)
        self.document = {
            "schema": "embedding-conformance-results",
            "schema_version": 1,
            "header": self._header(),
            "clauses": [c.described() for c in clauses()],  # a clause that was not selected shows as not run
            "verdicts": self.verdicts,
            **self._interplay(),
            "footer": {
                "finished": _stamp(finished),
                "complete": exit_status in (0, 1),
                "seconds": round((finished - self.started).total_seconds(), 3),
                "verdicts": len(self.verdicts),
                "exit_status": exit_status,
                "notes": self.notes,
                **({"wiring": suspicions} if (suspicions := self.session.wiring.suspicions) else {}),
            },
        }

    def _write(self) -> None:
        """Write the results file and the report, as asked."""
        options = self.session.options
        if options.results:
            results.write(self.document, options.results)
        if options.html:
            options.html.parent.mkdir(parents=True, exist_ok=True)
            options.html.write_text(render([self.document]), encoding="utf-8")

    def summary_lines(self) -> list[str]:
        """The answer, and where the files are."""
        if not self.verdicts:
            return []
        options = self.session.options
        written = [f"{name}: {path}" for name, path in (("results", options.results), ("report", options.html)) if path]
        notes = [*(f"note: {n}" for n in self.notes), *_proposal(self.session)]
        return [*notes, headline(self.document), *written]

    def _interplay(self) -> dict[str, Any]:
        """Which kinds of arguments met, column by column as the header names them."""
        columns = [(dtype, device) for device in self.session.devices for dtype in self.session.dtypes]
        found = {column: self.lookups[column] for column in columns if column in self.lookups}
        return described(found, self.session.description.unsupported)

    def _header(self) -> dict[str, Any]:
        description, options = self.session.description, self.session.options
        ours = ("embedding-conformance", "hypothesis", "pytest")
        return {
            "started": _stamp(self.started),
            "implementation": {
                "target": options.target,
                "adapter": type(self.session.adapter).__name__,
                "name": description.name,
                "version": description.version,
                "signatures": self.session.signatures,
            },
            "profile": options.profile_name,
            "seed": self.seed,
            "level": options.level,
            "isolation": options.isolation,
            "dtypes": list(self.session.dtypes),
            "devices": list(self.session.devices),
            "platform": {
                "python": platform.python_version(),
                "system": platform.platform(),
                "machine": platform.machine(),
            },
            "packages": {**description.packages, **{name: metadata.version(name) for name in ours}},
            "environment": _environment(),
        }


def _failure(clause: Clause, verdict: Verdict) -> str:
    """What pytest shows for a clause that fails the run."""
    deviation = verdict["deviation"]
    lines = [f"{clause.id} [{clause.level}] {verdict['verdict']}: {clause.text}"]
    if verdict["reason"]:
        lines.append(verdict["reason"])
    if deviation:
        case = _readable(deviation["case_repr"]) or "none is needed"
        lines += [f"  {deviation['summary']}", f"  smallest case: {case}"]
        lines += [f"  expected: {deviation['expected']}", f"  observed: {deviation['observed']}"]
        if deviation["difference"]:
            lines.append(f"  first difference: {difference(deviation['difference'])}")
        if deviation["script"]:
            lines += ["", "  To reproduce without this suite:", "", deviation["script"]]
    return "\n".join(lines)


def _untaken(session: Session) -> list[str]:
    """What the constructor does not take, where that is not declared."""
    if not session.undeclared:
        return []
    what = f"{session.description.name} takes no {', '.join(session.undeclared)}"
    return [f"{what}, and that is not declared: what needs it was not tested, and construction.signature deviates"]


def _proposal(session: Session) -> list[str]:
    """What to put into the ledger for that."""
    if not session.undeclared or session.options.baseline == "write":
        return []
    ledger = session.options.deviations or "a file for --embedding-deviations"
    table = arguments.declaration(session.undeclared, "...").splitlines()
    return [f"If that is meant, put this into {ledger}, with the reason:", "", *(f"    {line}" for line in table), ""]


def _unmatched(session: Session, verdicts: list[Verdict]) -> list[str]:
    """Entries of the ledger whose clause ran but that applied to nothing."""
    used = {(v["clause"], known["reason"]) for v in verdicts for known in v["known"]}
    ran = {v["clause"] for v in verdicts}
    return [
        f"the ledger's entry for {entry.clause} ({entry.reason}) matched nothing in this run"
        for entry in session.ledger.deviations
        if entry.clause in ran
        and any(entry.is_about(dtype, device) for dtype in session.dtypes for device in session.devices)
        and entry.applies_to(session.description)
        and not entry.inherited
        and (entry.clause, entry.reason) not in used
    ]


def _environment() -> dict[str, str]:
    return {name: value for name, value in sorted(os.environ.items()) if name.startswith(ENVIRONMENT)}


def _stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _readable(case: str) -> str:
    """A case for a terminal: a table of thousands of rows is left to the files."""
    return case if len(case) <= 4000 else f"{case[:2000]} ... {case[-500:]} (in full in the results file)"
