"""Programs run as a user runs them: in a process and a folder of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import embedding_conformance
import embedding_reference
import forked
from embedding_reports import results
from embedding_reports.records import Results

HERE = Path(__file__).parent
HOMES = [str(Path(package.__file__ or "").parents[1]) for package in (embedding_conformance, embedding_reference)]
"""Where the packages lie that a worker imports: one folder where they are installed, two in a checkout."""

IMPORTABLE = os.pathsep.join(dict.fromkeys([*HOMES, str(HERE)]))
"""The import path of a worker in another interpreter, which serves what stands beside this file."""

HUNG = 1800.0
"""Seconds after which a test gives up on what it waits for.

They are there to end a run that hangs. The slowest program that a test starts takes a few minutes on two cores that
have a dozen other things to do; no test says anything of how long something takes.
"""

QUIETED = ("PYTEST_", "HYPOTHESIS_", "COV_", "COVERAGE_", "PYTHON")


def python(
    *arguments: str, folder: Path = HERE, say: str = "", environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run Python in a folder and wait; `say` is its standard input."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(QUIETED)}
    env = {**inherited, "PYTHONPATH": str(HERE), "OMP_NUM_THREADS": "1", **(environment or {})}
    if not forked.can_run(arguments):
        command = [sys.executable, *arguments]
        return subprocess.run(  # noqa: S603 - our own programs
            command, cwd=folder, env=env, input=say, capture_output=True, text=True, check=False, timeout=HUNG
        )
    with TemporaryDirectory() as files:
        streams = [Path(files, name) for name, _ in forked.STREAMS]
        for stream, text in zip(streams, (say, "", "")):
            stream.write_text(text, encoding="utf-8")
        status = forked.run(arguments, folder, env, Path(files), HUNG)
        _, said, complained = (stream.read_text(encoding="utf-8") for stream in streams)
    return subprocess.CompletedProcess(arguments, status, said, complained)


def patiently() -> Iterator[None]:
    """The turns of a loop that looks whether something has happened yet."""
    until = time.monotonic() + HUNG
    while time.monotonic() < until:
        yield
        time.sleep(0.05)


@dataclass(frozen=True)
class Run:
    """What came of a run of the suite.

    Attributes:
        status: its exit status.
        text: what it printed.
        errors: what it printed on standard error.
        document: its results file, as the JSON that it is, if there is one.
        results: the same, as it is read.
    """

    status: int
    text: str
    errors: str
    document: dict[str, Any] = field(repr=False)
    results: Results | None = field(repr=False, default=None)

    def verdict(self, clause: str, dtype: str = "float32") -> dict[str, Any]:
        """The verdict for one clause on one dtype."""
        (found,) = (v for v in self.document["verdicts"] if (v["clause"], v["dtype"]) == (clause, dtype))
        return dict(found)

    @property
    def verdicts(self) -> dict[tuple[str, str | None], str]:
        """The verdict's name for each clause and dtype."""
        return {(v["clause"], v["dtype"]): v["verdict"] for v in self.document["verdicts"]}


def suite(
    folder: Path, target: str, only: str, *arguments: str, dtypes: str = "float32", profile: str = "smoke"
) -> Run:
    """Run the clauses whose tests `only` selects, with a fixed seed."""
    file = folder / "results.json"
    file.unlink(missing_ok=True)
    done = python(
        *("-m", "pytest", "--pyargs", "embedding_conformance", "-v", "-p", "no:cacheprovider", "-k", only),
        *("--embedding", target, "--embedding-dtype", dtypes, "--embedding-profile", profile),
        *("--embedding-results", str(file), "--hypothesis-seed", "1", *arguments),
        folder=folder,
    )
    read = results.read(file) if file.exists() else None
    document = json.loads(file.read_text(encoding="utf-8")) if read else {}
    return Run(done.returncode, done.stdout, done.stderr, document, read)
