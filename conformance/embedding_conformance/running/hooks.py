"""The pytest hooks of a run of the suite: they start the session, collect verdicts, and write the files."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Generator
from typing import Any

import pytest

from embedding_conformance.boundary.target import UnusableTarget
from embedding_conformance.diagnosis.shown import Shown
from embedding_conformance.judging.clause import Clause
from embedding_conformance.running import baseline, options, terminal
from embedding_conformance.running.document import Collection, notes, results_of
from embedding_conformance.running.examine import Examined
from embedding_conformance.running.search import Search, database
from embedding_conformance.running.session import Session
from embedding_conformance.running.together import Examiner, Place
from embedding_conformance.suite.catalogue import clauses
from embedding_conformance.unusable import Unusable
from embedding_reports import results
from embedding_reports.json_form import structured, unstructured
from embedding_reports.outcomes import Outcome
from embedding_reports.pages.html import render
from embedding_reports.records import Results, Verdict

SESSION = pytest.StashKey[Session]()
EXAMINED = pytest.StashKey[Examined]()


def session(config: pytest.Config) -> Session:
    """The session, made at the first call; unusable input ends the run with one line and exit status 2."""
    if SESSION not in config.stash:
        try:
            made = config.stash[SESSION] = Session(options.read(config), clauses())
        except Unusable as error:
            pytest.exit(str(error), returncode=2)
        hooks = Hooks(config, made)
        try:
            made.inspect()
        except UnusableTarget as error:
            if not hasattr(config, "workerinput"):
                hooks.stop(str(error))
            made.close()
            pytest.exit(str(error), returncode=2)
        config.pluginmanager.register(hooks, "embedding-conformance-run")
    return config.stash[SESSION]


def parametrize(metafunc: pytest.Metafunc) -> None:
    """Run a clause on every dtype and device."""
    run, clause = session(metafunc.config), metafunc.function.clause
    axes = run.axes(clause)
    ids = [f"{clause.id}-{'-'.join(filter(None, axis)) or 'once'}" for axis in axes]
    metafunc.parametrize("embedding", axes, ids=ids)


class Hooks:
    """The hooks around the test of each clause, and at the end of the run."""

    def __init__(self, config: pytest.Config, run: Session) -> None:
        self.config, self.session = config, run
        given = config.getoption("hypothesis_seed")
        # With pytest-xdist, the main process draws the seed and shares it with its workers.
        shared = getattr(config, "workerinput", {}).get("embedding_seed")
        self.collection = Collection(str(given if given is not None else shared or secrets.randbelow(2**32)))
        # A run that is given a seed repeats another: cases that failed in between must not change what it tries.
        failed_cases = database(run.options.target) if given is None else None
        self.search = Search(run.options.profile, self.collection.seed, failed_cases)
        self.examiner = Examiner(run, clauses(), self.search)
        self.notes: list[str] = []
        self.results: Results | None = None

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Share the seed with a worker of pytest-xdist, and hand tests out one by one, unless an option sets another.

        The tests of one clause follow each other. Handed out in chunks, all those of a clause that is slow, as it costs
        processes, would go to one worker.
        """
        node.workerinput["embedding_seed"] = self.collection.seed
        self.config.option.maxschedchunk = self.config.option.maxschedchunk or 1

    def pytest_itemcollected(self, item: pytest.Item) -> None:
        """Mark a clause's test by its level, for `-m must`."""
        if clause := _clause(item):
            item.add_marker(clause.level.lower())

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Deselect clauses that were not asked for; where each dtype is compiled, test one dtype after the other."""
        deselected = [item for item in items if (clause := _clause(item)) and not self.session.selects(clause)]
        if deselected:
            config.hook.pytest_deselected(items=deselected)
            items[:] = [item for item in items if item not in deselected]
        if self.session.description.compiles:
            dtypes = (None, *self.session.dtypes)
            items.sort(key=lambda item: dtypes.index(_axis(item)[0]))

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Have the clauses that are left examined together, unless other processes take some of them."""
        if not hasattr(self.config, "workerinput"):
            places = [place for item in session.items if (place := _place(item))]
            self.examiner = Examiner(self.session, clauses(), self.search, places=places)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> None:
        """Begin with the edge cases of all clauses, and let those that fail go first."""
        if not self.config.option.collectonly and not session.testsfailed:
            failed = self.examiner.begin()
            session.items.sort(key=lambda item: _place(item) not in failed)

    @pytest.hookimpl(tryfirst=True)
    def pytest_pyfunc_call(self, pyfuncitem: pytest.Function) -> bool | None:
        """Examine a clause in the place of running its test: that always ends with a verdict."""
        clause = _clause(pyfuncitem)
        if clause is None:
            return None
        pyfuncitem.stash[EXAMINED] = self.examiner.examine(clause, *_axis(pyfuncitem))
        return True

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Put the verdict into a test's report, and the lookups on which it rests."""
        report = yield
        examined, clause = item.stash.get(EXAMINED, None), _clause(item)
        if examined is None or clause is None or call.when != "call":
            return report
        verdict = examined.verdict
        # Only plain data survives in a report that pytest-xdist sends to another process.
        report.embedding_verdict = unstructured(verdict)  # type: ignore[attr-defined]
        report.embedding_lookups = list(examined.tally.lookups.items())  # type: ignore[attr-defined]
        report.embedding_shown = [*map(unstructured, examined.shown)]  # type: ignore[attr-defined]
        if verdict.fails:
            report.outcome, report.longrepr = "failed", terminal.failure(clause, verdict, examined.shown)
        elif verdict.outcome is Outcome.CONFORMS:
            report.outcome, report.longrepr = "passed", None
        else:
            place = str(report.location[0]), report.location[1] or 0
            report.outcome, report.longrepr = "skipped", (*place, verdict.reason or str(verdict.outcome))
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Collect the verdicts, those of other processes too."""
        if verdict := _verdict(report):
            shown = [structured(one, Shown) for one in report.embedding_shown]
            self.collection.add(verdict, Counter(dict(report.embedding_lookups)), shown)

    def pytest_report_teststatus(self, report: pytest.TestReport) -> tuple[str, str, str] | None:
        """Show the verdict, not pytest's outcome."""
        verdict = _verdict(report) if report.when == "call" else None
        return terminal.status(verdict) if verdict else None

    def pytest_report_header(self) -> list[str]:
        """Lines on the implementation under test and the options of the run."""
        return terminal.header_lines(self.session, self.collection.seed)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, exitstatus: int) -> None:
        """Write the ledger, the results file and the report, as far as the options ask for them."""
        self.session.close()
        if hasattr(self.config, "workerinput"):
            return
        verdicts = self.collection.verdicts
        self.notes += notes(self.session, verdicts)
        if self.session.options.baseline == "write":
            self.notes.append(baseline.write(self.session, self.collection.shown, clauses()))
        elif self.session.options.baseline == "prune":
            self.notes.append(baseline.prune(self.session, verdicts))
        self._conclude(int(exitstatus))
        if verdicts:
            self._write()

    def stop(self, why: str) -> None:
        """Record that nothing was tested, and why."""
        self.notes.append(why)
        self._conclude(2)
        self._write()

    def _conclude(self, exit_status: int) -> None:
        self.results = results_of(self.session, clauses(), self.collection, self.notes, exit_status)

    def _write(self) -> None:
        """Write the results file and the report, as far as the options ask for them."""
        assert self.results is not None
        chosen = self.session.options
        if chosen.results:
            results.write(self.results, chosen.results)
        if chosen.html:
            chosen.html.parent.mkdir(parents=True, exist_ok=True)
            chosen.html.write_text(render([self.results]), encoding="utf-8")

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Write the summary of the run."""
        if self.results is not None:
            scripts = self.config.get_verbosity() > 0
            for line in terminal.summary_lines(self.session, self.results, self.notes, scripts=scripts):
                terminalreporter.write_line(line)


def _clause(item: pytest.Item) -> Clause | None:
    """The clause that a test tests; None for any other test."""
    found: Clause | None = getattr(getattr(item, "function", None), "clause", None)
    return found


def _place(item: pytest.Item) -> Place | None:
    """The place that a test tests; None for any other test."""
    clause = _clause(item)
    return (clause, *_axis(item)) if clause else None


def _verdict(report: pytest.TestReport) -> Verdict | None:
    """The verdict in a report, if it has one."""
    found = getattr(report, "embedding_verdict", None)
    return structured(found, Verdict) if found is not None else None


def _axis(item: pytest.Item) -> tuple[str | None, str | None]:
    """The dtype and the device on which a test tests its clause."""
    axis: tuple[str | None, str | None] = item.callspec.params["embedding"]  # type: ignore[attr-defined]
    return axis
