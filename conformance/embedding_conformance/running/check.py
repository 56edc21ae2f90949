"""`check()` and `conformance_tests()`: the suite as a function, and as tests in a test file of the user's own."""

from __future__ import annotations

import atexit
import functools
import inspect
import os
import secrets
from collections.abc import Callable, Sequence
from collections.abc import Collection as AbstractCollection
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import pytest

from embedding_conformance.boundary.target import adapter_for, is_importable, name_of
from embedding_conformance.judging.clause import Clause
from embedding_conformance.running import terminal
from embedding_conformance.running.document import Collection, notes, results_of
from embedding_conformance.running.examine import Examined
from embedding_conformance.running.options import BadOption, Options
from embedding_conformance.running.profiles import PROFILES, Profile
from embedding_conformance.running.search import Search, database
from embedding_conformance.running.session import Session
from embedding_conformance.running.together import Examiner, Place
from embedding_conformance.suite.catalogue import clauses as all_clauses
from embedding_conformance.unusable import nearest
from embedding_reports import results
from embedding_reports.model.summary import headline
from embedding_reports.outcomes import Outcome
from embedding_reports.pages.html import render
from embedding_reports.records import Cause, Results, Verdict
from embedding_reports.text.causes import told

LEVELS = ("should", "must")
ISOLATIONS = ("auto", "process", "none")

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True)
class Checked:
    """The outcome of `check()`; as a string, each cause in words, what else fails, and the answer.

    Attributes:
        results: the results, as a results file holds them.
        failures: a description of each clause that fails, in a line.
    """

    results: Results
    failures: Sequence[str]

    @property
    def ok(self) -> bool:
        """Whether something was tested, and nothing deviates beyond what is declared."""
        return self.results.footer.exit_status == 0

    @property
    def causes(self) -> Sequence[Cause]:
        """What is wrong, the most serious first."""
        return self.results.causes

    @property
    def verdicts(self) -> Sequence[Verdict]:
        """A verdict for each clause, dtype and device."""
        return self.results.verdicts

    def __str__(self) -> str:
        others = [f"{v.clause} {v.outcome}: {v.reason}" for v in self.verdicts if v.fails and not v.causes]
        return "\n".join([*told(self.results), *others, headline(self.results)])

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write the results file (JSON).

        Raises:
            embedding_reports.errors.ResultsError: it cannot be written.
        """
        results.write(self.results, path)

    def html(self, path: str | os.PathLike[str]) -> None:
        """Write the report, one self-contained page of HTML.

        Raises:
            OSError: it cannot be written.
        """
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text(render([self.results]), encoding="utf-8")


class Run:
    """A run of the suite from Python, not from pytest's command line.

    Attributes:
        session: the implementation and its ledger.
        collection: the verdicts so far.
    """

    def __init__(
        self,
        target: Any,
        *,
        profile: str | Profile = "default",
        known: str | os.PathLike[str] | None = None,
        clauses: str | AbstractCollection[str] = "all",
        dtypes: str | AbstractCollection[str] = "all",
        devices: str | AbstractCollection[str] | None = None,
        level: str = "should",
        isolation: str = "auto",
        seed: int | str | None = None,
    ) -> None:
        """Find the implementation and check the arguments.

        Args:
            target: a class or factory with `nn.Embedding`'s signature, an adapter, or a string as `--embedding` takes
                it.
            profile: how much to test: "smoke", "default", "thorough", or a `Profile` of your own.
            known: the ledger of known deviations: a TOML file, or the name of a bundled one.
            clauses: ids of clauses, in which `*` stands for anything; "all" is every one.
            dtypes: weight dtypes; "all" is every one that the adapter claims.
            devices: devices; None is the CPU, "all" every one that is there.
            level: which deviations fail: "should" (MUST and SHOULD) or "must".
            isolation: where the implementation runs: "auto" (in this process, but in another for what may crash),
                "process" or "none".
            seed: the seed of an earlier run, to repeat it; None draws one.

        Raises:
            Unusable: one of the arguments cannot be used; the text says why, and what could be.
        """
        is_named = isinstance(target, str)
        name = target if is_named else name_of(target)
        self._contract = all_clauses()
        options = Options(
            target=name,
            # Another process could not import what no module holds.
            isolation=isolation if is_named or is_importable(target, name) else "none",
            devices=None if devices is None else _names(devices),
            dtypes=_names(dtypes),
            profile=profile if isinstance(profile, Profile) else PROFILES[_one_of("profile", profile, PROFILES)],
            deviations="" if known is None else os.fspath(known),
            level=_one_of("level", level, LEVELS),
            clauses=_names(clauses),
        )
        _one_of("isolation", isolation, ISOLATIONS)
        self.session = Session(options, self._contract, adapter=None if is_named else adapter_for(target, name))
        self.collection = Collection(str(secrets.randbelow(2**32) if seed is None else seed))
        search = Search(options.profile, self.collection.seed, database(name) if seed is None else None)
        self._examiner = Examiner(self.session, self._contract, search, places=self.places)
        self._failures: list[str] = []

    @cached_property
    def places(self) -> list[Place]:
        """Each selected clause with each dtype and device that it is tested on."""
        selected = [clause for clause in self._contract if self.session.selects(clause)]
        return [(clause, *axis) for clause in selected for axis in self.session.axes(clause)]

    def begin(self) -> list[Place]:
        """Ask about the edge cases of all clauses; all places, and first those where one of them failed."""
        failed = self._examiner.begin()
        return sorted(self.places, key=lambda place: place not in failed)

    @property
    def cases(self) -> int:
        """How many cases were judged so far; one that several clauses are asked about counts for each of them."""
        return self._examiner.cases

    def examine(self, clause: Clause, dtype: str | None, device: str | None) -> Examined:
        """Test one clause on one dtype and device, and keep the verdict."""
        examined = self._examiner.examine(clause, dtype, device)
        self.collection.add(examined.verdict, examined.tally.lookups, examined.shown)
        if examined.verdict.fails:
            self._failures.append(terminal.failure(clause, examined.verdict, examined.shown))
        return examined

    def checked(self) -> Checked:
        """The outcome of the verdicts so far."""
        verdicts = self.collection.verdicts
        tested = any(verdict.outcome in (Outcome.CONFORMS, Outcome.KNOWN_DEVIATION) for verdict in verdicts)
        status = 1 if any(verdict.fails for verdict in verdicts) else 0 if tested else 2
        found = results_of(self.session, self._contract, self.collection, notes(self.session, verdicts), status)
        return Checked(found, tuple(self._failures))


def _given_arguments_of(start: Callable[P, Run]) -> Callable[[Callable[[Run], T]], Callable[P, T]]:
    """Give a function of a run the arguments that start the run, with their types and documentation.

    `Run` is thus the one place where the arguments of both public functions are listed.
    """

    def decorate(function: Callable[[Run], T]) -> Callable[P, T]:
        @functools.wraps(function)
        def called(*args: P.args, **kwargs: P.kwargs) -> T:
            return function(start(*args, **kwargs))

        returned = inspect.signature(function).return_annotation
        called.__signature__ = inspect.signature(start).replace(return_annotation=returned)  # type: ignore[attr-defined]
        arguments = (inspect.getdoc(Run.__init__) or "").partition("\n\n")[2]
        called.__doc__ = f"{inspect.getdoc(function)}\n\n{arguments}"
        return called

    return decorate


@_given_arguments_of(Run)
def check(run: Run) -> Checked:
    """Run the suite on an embedding."""
    try:
        run.session.inspect()
        for place in run.places:
            run.examine(*place)
    finally:
        run.session.close()
    return run.checked()


@_given_arguments_of(Run)
def conformance_tests(run: Run) -> Callable[..., None]:
    """A test for pytest that runs the suite on an embedding, one test for each clause, dtype and device.

    Put it into a test file of your own: `test_my_embedding = conformance_tests(MyEmbedding)`. A known deviation is an
    expected failure (xfail); a clause that is unsupported or was not exercised is skipped.
    """
    atexit.register(run.session.close)

    @pytest.mark.parametrize(
        ("clause", "dtype", "device"),
        [
            pytest.param(
                clause,
                dtype,
                device,
                id=f"{clause.id}-{'-'.join(filter(None, (dtype, device))) or 'once'}",
                marks=getattr(pytest.mark, clause.level.lower()),
            )
            for clause, dtype, device in run.places
        ],
    )
    def test_conformance(clause: Clause, dtype: str | None, device: str | None) -> None:
        examined = run.examine(clause, dtype, device)
        verdict = examined.verdict
        if verdict.fails:
            repeat = f"seed {run.collection.seed} repeats it"
            pytest.fail(f"{terminal.failure_in_full(clause, verdict, examined.shown)}\n\n{repeat}", pytrace=False)
        if verdict.outcome is Outcome.KNOWN_DEVIATION:
            pytest.xfail("; ".join(known.reason for known in verdict.known if known.deviation))
        if verdict.outcome is not Outcome.CONFORMS:
            pytest.skip(f"{verdict.outcome}: {verdict.reason}")

    test_conformance.__doc__ = f"{run.session.description.name} does what torch.nn.Embedding is documented to do."
    return test_conformance


def _names(given: str | AbstractCollection[str]) -> tuple[str, ...]:
    parts = given.split(",") if isinstance(given, str) else given
    return tuple(dict.fromkeys(part.strip() for part in parts if part.strip()))


def _one_of(what: str, given: str, allowed: AbstractCollection[str]) -> str:
    if given not in allowed:
        raise BadOption(
            f"{what} {given!r}: must be one of {', '.join(allowed)}{nearest(str(given), allowed, cutoff=0.6)}"
        )
    return given
