"""`@clause` makes a test the test of one clause: one testable sentence of the contract."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

from packaging.version import Version

from embedding_conformance.boundary.arguments import ARGUMENTS
from embedding_conformance.cases.case import Case
from embedding_conformance.cases.domain import Domain
from embedding_conformance.judging.expectations import Expectations
from embedding_reference.fault_models import FaultModel

Faults = Mapping[str, tuple[type[FaultModel], ...]]
"""Fault models by the answer that shows them: "output", "weight" or "gradient"."""

MUST, SHOULD, INFO = "MUST", "SHOULD", "INFO"
DOCUMENTED, MODULE, SAFETY, DE_FACTO, ACCURACY = "documented", "module", "safety", "de facto", "accuracy"
"""Grounds, what a clause rests on (`embedding_reports.outcomes.GROUND_LEGEND`)."""
FIRM = (DOCUMENTED, MODULE, SAFETY)
"""The grounds of MUST clauses."""

MODULE_PAGES = ("Module.", "Parameter", "Optimizer")
"""The beginnings of the pages that are about every module."""

SECTIONS_ABOUT_ARGUMENTS = (*ARGUMENTS, "from_pretrained")
"""The sections whose clauses are about the argument or method that the section is named after, by default."""


@dataclass(frozen=True)
class Clause:
    """One clause of the contract.

    Attributes:
        id: section and name, e.g. "padding_idx.no-gradient".
        level: MUST, SHOULD or INFO.
        text: the sentence itself, which is the docstring of its test.
        body: the function of its test; takes the implementation under test (`judging.subject.Subject`) and, if cases
            are drawn, a case.
        domain: the cases that it is about; None: it draws none, and is exercised once.
        faults: fault models that it exists to reject. A case counts only if what is permitted excludes one of them;
            without any, the clause can fail on every case of its domain.
        accurate: whether it permits only what arithmetic of float32 or better gives, in every dtype.
        answered: the case whose answers show the faults, where that is not the case that is drawn.
        argument: the documented argument that it is about; None: the embedding as a whole.
        doc: the part of torch's documentation that it is taken from.
        ground: what it rests on; a MUST clause on something firm (one of `FIRM`).
        since: first torch release in which it holds, or None.
        until: first torch release in which it no longer holds, or None.
        dtypes: "all" weight dtypes, or "none": the clause does not depend on a dtype or device.
        enough: the number of cases that must be exercised; None: that of the profile.
        may_crash: whether it may end the process, and so is run where that does no harm.
        every: whether it is asked about every case of the pool that it can be, as it judges all that an answer holds.
        needs: the verbs, beside those that every adapter has, without which it cannot be tested.
    """

    id: str
    level: str
    text: str
    body: Callable[..., None] = field(compare=False, repr=False)
    domain: Domain | None = field(default=None, compare=False, repr=False)
    faults: Faults = field(default_factory=dict, compare=False, repr=False)
    accurate: bool = False
    answered: Callable[[Case], Case] | None = field(default=None, compare=False, repr=False)
    argument: str | None = None
    doc: str = "Embedding"
    ground: str = DOCUMENTED
    since: str | None = None
    until: str | None = None
    dtypes: str = "all"
    enough: int | None = None
    may_crash: bool = False
    every: bool = False
    needs: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check that the level has a ground.

        Raises:
            ValueError: the clause is MUST, and rests on nothing firm.
        """
        if self.level == MUST and self.ground not in FIRM:
            raise ValueError(f"{self.id} is MUST, and its ground is {self.ground}")

    @property
    def section(self) -> str:
        """The section: the part of the id before the dot."""
        return self.id.partition(".")[0]

    def can_fail(self, case: Case, permits: Callable[[Case], Expectations]) -> bool:
        """Whether an implementation could have failed on a case: whether it meets the precondition and shows a fault.

        Args:
            case: a case that was judged.
            permits: what the contract permits for a case.
        """
        if self.domain is not None and not self.domain.counts(case):
            return False
        if not self.faults:
            return True
        permitted = permits(self.answered(case) if self.answered else case)
        pairs = ((what, fault) for what, faults in self.faults.items() for fault in faults)
        return any(permitted.exclude(what, fault, wide=self.accurate) for what, fault in pairs)

    def not_in_force(self, torch: str | None) -> str:
        """Why the clause does not hold in a torch release, or "" where it does; without torch (None) it holds."""
        if torch and self.since and Version(torch) < Version(self.since):
            return f"documented since torch {self.since}"
        if torch and self.until and Version(torch) >= Version(self.until):
            return f"documented until torch {self.until}"
        return ""


def clause(level: str, domain: Domain | None = None, **more: Any) -> Callable[[Any], Any]:
    """Make a test the test of a clause.

    The clause's text is the docstring of the test. Its id is made of the names of the module and the test:
    `test_no_gradient` in `test_padding_idx` tests "padding_idx.no-gradient".

    Args:
        level: MUST, SHOULD or INFO.
        domain: the cases that the test takes beside `embedding`; None: it takes none.
        more: further attributes of `Clause`, and `section` where it is not that of the module. `argument` is by default
            the argument that the section is named after, if there is one, and `doc` is by default `argument`. By
            default, too, the ground of a MUST clause is the page that `doc` names, and that of any other is what every
            release of torch does.

    Returns:
        A decorator. What it makes of a test is collected by pytest, has the `Clause` as its attribute `clause`, and
        raises RuntimeError when it is called: the plugin runs the clause instead.
    """

    def decorate(body: Callable[..., None]) -> Any:
        section = more.pop("section", body.__module__.rpartition(".")[2].removeprefix("test_"))
        argument = more.pop("argument", section if section in SECTIONS_ABOUT_ARGUMENTS else None)
        doc = more.pop("doc", argument or "Embedding")
        written = MODULE if doc.startswith(MODULE_PAGES) else DOCUMENTED
        made = Clause(
            id=f"{section}.{body.__name__.removeprefix('test_').replace('_', '-')}",
            level=level,
            text=" ".join((inspect.getdoc(body) or "").split()),
            body=body,
            domain=domain,
            argument=argument,
            doc=doc,
            **{"ground": written if level == MUST else DE_FACTO, **more},
        )

        def test(embedding: Any) -> NoReturn:
            raise RuntimeError(
                f"{embedding}: the clauses are run by pytest --pyargs embedding_conformance, or by check()"
            )

        test.__name__, test.__qualname__ = body.__name__, body.__qualname__
        test.__doc__, test.__module__ = body.__doc__, body.__module__
        test.clause = made  # type: ignore[attr-defined]
        return test

    return decorate
