"""`@clause`: one testable sentence of the contract, on the one test that tests it."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from packaging.version import Version

from embedding_conformance.cases.case import Case

MUST, SHOULD, INFO = "MUST", "SHOULD", "INFO"


@dataclass(frozen=True)
class Clause:
    """One clause of the contract.

    Attributes:
        id: section and name, e.g. "padding_idx.no-gradient".
        level: MUST, SHOULD or INFO.
        argument: the documented argument it is about.
        text: the clause itself, the docstring of its test.
        doc: the part of torch's documentation that says so.
        since: first torch release in which it holds, or None.
        until: first torch release in which it no longer holds, or None.
        when: whether a case meets the precondition; a case that does not is run but not counted as exercised.
        dtypes: "all" weight dtypes, or "none": the clause does not depend on a dtype or device.
        enough: how many cases must be exercised; None leaves it to the profile.
        may_crash: run where a death of the process does no harm.
        draws: whether Hypothesis draws its cases; if not, it is exercised once.
    """

    id: str
    level: str
    argument: str
    text: str
    doc: str
    since: str | None = None
    until: str | None = None
    when: Callable[[Case], bool] | None = None
    dtypes: str = "all"
    enough: int | None = None
    may_crash: bool = False
    draws: bool = False

    @property
    def section(self) -> str:
        """The part of the id before the dot."""
        return self.id.partition(".")[0]

    def described(self) -> dict[str, str | None]:
        """What results files and the contract in print say of it."""
        names = ("id", "level", "section", "argument", "text", "doc", "since", "until")
        return {name: getattr(self, name) for name in names}

    def not_in_force(self, torch: str | None) -> str:
        """Why the clause does not hold in a torch release, or "" where it does; without torch, it holds."""
        if torch and self.since and Version(torch) < Version(self.since):
            return f"documented since torch {self.since}"
        if torch and self.until and Version(torch) >= Version(self.until):
            return f"documented until torch {self.until}"
        return ""


def clause(id: str, level: str, *, argument: str, doc: str, **more: Any) -> Callable[[Any], Any]:  # noqa: A002
    """Make a test the test of a clause; its docstring is the clause's text.

    The test takes `embedding` (`judging.subject.Subject`) and, if Hypothesis draws cases for it, `case`. Arguments
    are those of `Clause`.
    """

    def decorate(test: Any) -> Any:
        given = getattr(test, "hypothesis", None)
        text = " ".join((inspect.getdoc(test) or "").split())
        made = Clause(id, level, argument, text, doc, **{"draws": given is not None, **more})
        if given is None:
            test = _guarded(made, test)
        else:
            given.inner_test = _guarded(made, given.inner_test)
        test.clause = made
        return test

    return decorate


def _guarded(made: Clause, body: Callable[..., None]) -> Callable[..., None]:
    """The test's body, run under the subject's rules: what is unsupported, known or refused is told apart there."""

    @functools.wraps(body)
    def guarded(embedding: Any, case: Case | None = None) -> None:
        embedding.examine(made, body, case)

    return guarded
