"""What the plugin does once the suite runs: sessions, witnesses, verdicts, files."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.database import DirectoryBasedExampleDatabase

from embedding_conformance.boundary.target import UnusableTarget
from embedding_conformance.running import fixtures, options
from embedding_conformance.running.fixtures import SESSION, SUBJECT
from embedding_conformance.running.ledger import LedgerError
from embedding_conformance.running.options import BadOption
from embedding_conformance.running.outcome import Outcome
from embedding_conformance.running.session import Session
from embedding_conformance.suite.catalogue import clauses

KNOWN = pytest.StashKey[list[dict[str, Any]]]()
OUTCOME = pytest.StashKey[Outcome]()
SEED = pytest.StashKey[str]()

PHASES = (Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink)


def session(config: pytest.Config) -> Session:
    """The session, made at the first call; bad input ends the run with one line and exit status 2."""
    if SESSION not in config.stash:
        try:
            chosen = options.read(config)
            config.stash[SESSION] = Session(chosen, clauses())
        except (BadOption, UnusableTarget, LedgerError) as error:
            pytest.exit(str(error), returncode=2)
        config.stash[SEED] = _seed(config)
        outcome = config.stash[OUTCOME] = Outcome(config.stash[SESSION], config.stash[SEED])
        try:
            config.stash[SESSION].inspect()
        except UnusableTarget as error:
            if not hasattr(config, "workerinput"):
                outcome.stop(str(error))
            config.stash[SESSION].close()
            pytest.exit(str(error), returncode=2)
        # Where warnings are errors, this one of Hypothesis's would stand in front of the deviation that it reports.
        config.addinivalue_line("filterwarnings", "ignore:Generating overly large repr")
        config.pluginmanager.register(Hooks(config), "embedding-conformance-run")
        config.pluginmanager.register(fixtures, "embedding-conformance-fixtures")
    return config.stash[SESSION]


def _seed(config: pytest.Config) -> str:
    """The run's seed: given, shared by the process that started this one (pytest-xdist), or drawn.

    A drawn one is not handed to Hypothesis as its own: a run that is given a seed repeats another from nothing, and so
    neither tries first nor keeps the cases that failed.
    """
    given = config.getoption("hypothesis_seed")
    shared = getattr(config, "workerinput", {}).get("embedding_seed")
    return str(given if given is not None else shared or secrets.randbelow(2**32))


def _database(target: str) -> DirectoryBasedExampleDatabase:
    """Where cases that failed are kept for the next run: apart for each target, as what passes is dropped.

    Hypothesis's own default is none at all where it finds itself in continuous integration.
    """
    hypothesis = Path(os.environ.get("HYPOTHESIS_STORAGE_DIRECTORY", ".hypothesis")).absolute()
    return DirectoryBasedExampleDatabase(hypothesis / "embedding-conformance" / re.sub(r"\W+", "-", target))


def parametrize(metafunc: pytest.Metafunc) -> None:
    """Run a clause on every dtype and device, with as many cases as the profile has."""
    run, clause = session(metafunc.config), metafunc.function.clause
    axes: list[tuple[str | None, str | None]] = [(dt, dev) for dev in run.devices for dt in run.dtypes]
    ids = [f"{dt}-{dev}" for dt, dev in axes]
    if clause.dtypes == "none":
        axes, ids = [(None, None)], ["once"]
    metafunc.parametrize("embedding", axes, ids=ids, indirect=True)
    given = hasattr(metafunc.function, "hypothesis")
    if given and not hasattr(metafunc.function, "_hypothesis_internal_settings_applied"):
        settings(
            max_examples=run.options.profile.examples,
            deadline=None,
            database=_database(run.options.target),
            derandomize=False,
            phases=(*PHASES, Phase.target) if run.options.profile.climbs else PHASES,
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
        )(metafunc.function)


class Hooks:
    """What happens around each clause's test once the suite runs."""

    def __init__(self, config: pytest.Config) -> None:
        self.config, self.session, self.outcome = config, config.stash[SESSION], config.stash[OUTCOME]

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Share the seed with a process of pytest-xdist's, and tests one by one, unless told how many at a time.

        Those of one clause follow each other, and where each costs processes, one worker would end up with all.
        """
        node.workerinput["embedding_seed"] = self.config.stash[SEED]
        self.config.option.maxschedchunk = self.config.option.maxschedchunk or 1

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Test one dtype after the other where what was compiled for one is of no use for the next."""
        if self.session.description.compiles:
            dtypes = (None, *self.session.dtypes)
            items.sort(key=lambda item: dtypes.index(_dtype(item)))

    @pytest.hookimpl(tryfirst=True)
    def pytest_pyfunc_call(self, pyfuncitem: pytest.Function) -> None:
        """Replay the witnesses of known deviations first, and let each test draw cases of its own."""
        subject = pyfuncitem.stash.get(SUBJECT, None)
        if subject is None:
            return
        clause = pyfuncitem.function.clause
        given = getattr(pyfuncitem.function, "hypothesis", None)
        if given:  # by the run's seed alone, clauses with the same strategy would all see the same cases
            function, name = pyfuncitem.function, "_hypothesis_internal_use_settings"
            kept = getattr(function, name)
            seed(f"{self.config.stash[SEED]} {clause.id} {subject.dtype}")(function)
            setattr(function, name, kept)  # `seed` takes the database away
        body = given.inner_test if given else pyfuncitem.function
        pyfuncitem.stash[KNOWN] = self.session.replay(clause, subject, body)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Turn what came of a clause's test into a verdict."""
        report = yield
        subject, clause = item.stash.get(SUBJECT, None), getattr(getattr(item, "function", None), "clause", None)
        if subject is not None and clause is not None and call.when == "call":
            error = call.excinfo.value if call.excinfo else None
            if error is None or isinstance(error, (Exception, pytest.fail.Exception)):
                known = item.stash.get(KNOWN, [])
                verdict = self.session.verdict(clause, subject, known, error, call.duration)
                self.outcome.dress(report, clause, verdict, subject.tally.lookups)
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Collect the verdicts, those of other processes too."""
        if hasattr(report, "embedding_verdict"):
            self.outcome.collect(report)

    def pytest_report_teststatus(self, report: pytest.TestReport) -> tuple[str, str, str] | None:
        """Show verdicts, not pytest's outcomes."""
        verdict = getattr(report, "embedding_verdict", None)
        return self.outcome.status(verdict) if verdict is not None and report.when == "call" else None

    def pytest_report_header(self) -> list[str]:
        """What is under test, and how."""
        return self.outcome.header_lines()

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, exitstatus: int) -> None:
        """Write what was asked for."""
        self.session.close()
        if not hasattr(self.config, "workerinput"):
            self.outcome.finish(int(exitstatus))

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """The answer, in words."""
        for line in self.outcome.summary_lines():
            terminalreporter.write_line(line)


def _dtype(item: pytest.Item) -> str | None:
    """The dtype that a clause is tested on."""
    callspec = getattr(item, "callspec", None)
    return callspec.params["embedding"][0] if callspec is not None and "embedding" in callspec.params else None
