"""The records that a results file holds, as `schema/results-2.json` describes them in JSON.

`results.read` makes them of a file and `results.write` a file of them; `json_form` alone knows their form there. All
sequences are tuples, so that two runs are equal exactly where all that they hold is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from embedding_reports.condition import Condition, in_words
from embedding_reports.outcomes import Ground, Level, Outcome


@dataclass(frozen=True)
class Clause:
    """A clause of the contract as a results file describes it.

    Attributes:
        id: section and name, e.g. "padding_idx.no-gradient".
        level: MUST, SHOULD or INFO.
        section: the part of the id before the dot.
        argument: the documented argument that it is about.
        text: the clause, in a sentence.
        doc: the part of torch's documentation that says so.
        since: first torch release in which it holds, or None.
        until: first torch release in which it no longer holds, or None.
        ground: what it rests on; None in files that are older than grounds.
    """

    id: str
    level: Level
    section: str
    argument: str | None
    text: str
    doc: str | None
    since: str | None
    until: str | None
    ground: Ground | None = None


@dataclass(frozen=True)
class Difference:
    """The first element that differs: where, and both sides as values and, where there are any, as bits."""

    where: str
    expected: str
    observed: str
    expected_bits: str | None = None
    observed_bits: str | None = None


@dataclass(frozen=True)
class Evidence:
    """A deviation as it was seen.

    Attributes:
        summary: one line.
        case: the smallest case that shows it, as plain JSON; None where none is needed.
        case_repr: the same as Python; "" where none is needed.
        expected: what the contract allows, in words.
        observed: what was seen, in words.
        difference: the first element that differs, if elements were compared.
        script: what reproduces it with the implementation alone, if the adapter writes scripts.
    """

    summary: str
    case: Mapping[str, Any] | None
    case_repr: str
    expected: str
    observed: str
    difference: Difference | None = None
    script: str | None = None


@dataclass(frozen=True)
class Cause:
    """One thing that is wrong, whatever clauses it breaks.

    Attributes:
        number: its number in the run, from 1 on.
        where: in which cases it shows: where all of the conditions hold.
        does: what the implementation does there, in words.
        fault: name of the fault model that does the same, or None.
        plainest: id of the plainest clause that it breaks, which names it.
        clauses: ids of all that it breaks, the plainest first.
        dtypes: the weight dtypes on which it shows; empty where it depends on none.
        devices: the devices likewise.
        deviating: how many cases in which the conditions hold deviate.
        covered: how many such cases were tried.
        outside: how many other cases were tried, of which none deviates.
        evidence: the smallest case.
    """

    number: int
    where: tuple[Condition, ...]
    does: str
    fault: str | None
    plainest: str
    clauses: tuple[str, ...]
    dtypes: tuple[str, ...]
    devices: tuple[str, ...]
    deviating: int
    covered: int
    outside: int
    evidence: Evidence

    @property
    def pattern(self) -> str:
        """In which cases it shows, in words."""
        return in_words(self.where)


@dataclass(frozen=True)
class Known:
    """An entry of a ledger whose witness was replayed.

    Attributes:
        reason: why it deviates.
        link: where it is discussed, or None.
        versions: of the implementation, as PEP 440 specifiers; "" for any.
        features: what the cases that it covers have in common, as plain JSON.
        inherited: whether the entry is of the class that the implementation derives from.
        deviation: what the witness showed; None where it no longer fails.
        does: what the implementation does there: the name of a fault model, or what deviates; of several, any one.
        covered: how many cases of the search it covers.
        shown: how many of them deviate as it says; the others conform.
        left_out: how many more were not run, because each would end a process.
    """

    reason: str
    link: str | None
    versions: str | None
    features: Mapping[str, Any]
    inherited: bool
    deviation: Evidence | None
    does: tuple[str, ...] = ()
    covered: int = 0
    shown: int = 0
    left_out: int = 0


@dataclass(frozen=True)
class Seconds:
    """Time spent on a verdict, in seconds: in all, and by part."""

    total: float = 0.0
    drawing: float = 0.0
    reference: float = 0.0
    adapter: float = 0.0
    judging: float = 0.0


@dataclass(frozen=True)
class Verdict:
    """The outcome of one clause on one dtype and device, with the evidence.

    Attributes:
        clause: id of the clause.
        dtype: the weight dtype; None where the clause does not depend on it.
        device: the device; None likewise.
        outcome: the verdict itself, in results files under "verdict".
        fails: whether it fails the run.
        cases: how many were run.
        exercised: how many of them were judged and could have failed.
        enough: how many must.
        seconds: time spent.
        worst: largest error as a fraction of its bound; None where all was compared bit for bit.
        reason: why, where the outcome alone does not say.
        deviation: what was seen, where it deviates.
        known: the ledger's entries about it whose witnesses were replayed.
        causes: the numbers of the causes that it shows.
    """

    clause: str
    dtype: str | None
    device: str | None
    outcome: Outcome
    fails: bool
    cases: int
    exercised: int
    enough: int
    seconds: Seconds
    worst: float | None = None
    reason: str | None = None
    deviation: Evidence | None = None
    known: tuple[Known, ...] = ()
    causes: tuple[int, ...] = ()


class Parameter(NamedTuple):
    """A parameter of a callable: its kind as Python's inspect names it, and its default as repr, "" for none."""

    name: str
    kind: str
    default: str

    @property
    def positional(self) -> bool:
        """Whether a caller may leave its name out."""
        return self.kind in {"POSITIONAL_ONLY", "POSITIONAL_OR_KEYWORD"}


@dataclass(frozen=True)
class Implementation:
    """What was tested.

    Attributes:
        target: as given to --embedding.
        adapter: name of the adapter's class.
        name: as its users call it.
        version: of the implementation.
        signatures: the parameters of each form that the adapter can inspect; None where none were recorded.
    """

    target: str
    adapter: str
    name: str
    version: str
    signatures: Mapping[str, tuple[Parameter, ...]] | None = None


@dataclass(frozen=True)
class Platform:
    """Python's version, and the machine that the run was on."""

    python: str
    system: str
    machine: str


@dataclass(frozen=True)
class Header:
    """What was run, on what, and how.

    Attributes:
        started: moment in UTC, as 2026-11-23T14:00:00Z.
        implementation: what was tested.
        profile: how much was tested.
        seed: what repeats the run.
        level: which deviations fail it, "should" or "must".
        isolation: where the implementation ran, "auto", "process" or "none".
        dtypes: weight dtypes, in order.
        devices: devices, in order.
        platform: the machine.
        packages: versions by name.
        environment: variables that bear on what implementations do.
    """

    started: str
    implementation: Implementation
    profile: str
    seed: str
    level: str
    isolation: str
    dtypes: tuple[str, ...]
    devices: tuple[str, ...]
    platform: Platform
    packages: Mapping[str, str]
    environment: Mapping[str, str]


@dataclass(frozen=True)
class Kind:
    """One kind of values of an argument, such as "negative" of padding_idx."""

    argument: str
    kind: str


@dataclass(frozen=True)
class PairCounts:
    """How many lookups had both of two kinds, where all of them have something in common.

    Attributes:
        dtype: that of all of them, or None.
        device: likewise.
        index_ndim: rank of the index of all of them, or None.
        lookups: how many there are.
        pairs: row by row, a count for each kind and each before it, itself included; -1: no lookup can have both.
    """

    dtype: str | None
    device: str | None
    index_ndim: str | None
    lookups: int
    pairs: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Footer:
    """How the run ended.

    Attributes:
        finished: moment in UTC.
        complete: whether it went to its end.
        seconds: how long it took.
        verdicts: how many verdicts there are.
        exit_status: pytest's.
        notes: what a reader should know.
        wiring: how many of the plainest cases were wrong, where that may be the adapter's doing.
    """

    finished: str
    complete: bool
    seconds: float
    verdicts: int
    exit_status: int
    notes: tuple[str, ...] = ()
    wiring: int = 0


@dataclass(frozen=True)
class Results:
    """One run.

    Attributes:
        header: what was run.
        clauses: the contract, in order, also what was not selected.
        verdicts: one for each clause, dtype and device that was tested.
        footer: how it ended.
        causes: what is wrong, the most serious first.
        kinds: the kinds of arguments that `interplay` counts; empty where nothing was counted.
        interplay: which of them met in a lookup.
    """

    header: Header
    clauses: tuple[Clause, ...]
    verdicts: tuple[Verdict, ...]
    footer: Footer
    causes: tuple[Cause, ...] = ()
    kinds: tuple[Kind, ...] = ()
    interplay: tuple[PairCounts, ...] = ()
