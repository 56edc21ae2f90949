"""The records that a results file holds, as `schema/results-1.json` describes them in JSON.

`results.read` makes them of a file and `results.write` a file of them; no other place knows how they look there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Literal, Self

Level = Literal["MUST", "SHOULD", "INFO"]
LEVELS: tuple[Level, ...] = ("MUST", "SHOULD", "INFO")
LEVEL_LEGEND: Mapping[Level, str] = {
    "MUST": "the documentation says it, or a user of nn.Module cannot do without it.",
    "SHOULD": "documented less firmly, or an accuracy expectation.",
    "INFO": "undocumented behaviour worth knowing; never fails a run.",
}


class Outcome(Enum):
    """What a clause came to, in the order in which pages list it.

    Attributes:
        value: the word for it, in results files and on pages.
        glyph: the mark for it.
        legend: what it means, in a sentence.
    """

    glyph: str
    legend: str

    CONFORMS = "conforms", "✓", "every case that met the precondition came out as the contract allows."
    DEVIATES = "deviates", "✗", "the implementation did something the contract does not allow."
    KNOWN_DEVIATION = (
        "known deviation",
        "◆",
        "deviates as declared beforehand: the witness still fails; what no entry covers was tested.",
    )
    UNSUPPORTED = (
        "unsupported",
        "–",  # noqa: RUF001  a dash, as wide as the other glyphs
        "declared not to be provided, and a call that uses it raises; neither pass nor fail.",
    )
    NOT_EXERCISED = "not exercised", "○", "too few cases met the precondition to say anything."
    ERROR = "error", "!", "the suite or the adapter broke; says nothing about the implementation."
    NOT_RUN = "not run", "·", "no verdict: the clause was not selected, or the run ended before it."

    def __new__(cls, value: str, glyph: str, legend: str) -> Self:
        """A member whose value is its word."""
        member = object.__new__(cls)
        member._value_, member.glyph, member.legend = value, glyph, legend
        return member

    def __str__(self) -> str:
        return str(self.value)


VERDICTS = tuple(outcome for outcome in Outcome if outcome is not Outcome.NOT_RUN)
"""The outcomes that a verdict can have; a clause without a verdict is `Outcome.NOT_RUN`."""

PRECEDENCE = (
    *(Outcome.DEVIATES, Outcome.ERROR, Outcome.KNOWN_DEVIATION, Outcome.NOT_EXERCISED),
    *(Outcome.CONFORMS, Outcome.UNSUPPORTED, Outcome.NOT_RUN),
)
"""A clause has the first of these that it has on any dtype and device. "unsupported" comes after "conforms" because it
is declared for each dtype and device: the clause is then judged by those on which it was tested."""


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
    """

    id: str
    level: Level
    section: str
    argument: str | None
    text: str
    doc: str | None
    since: str | None
    until: str | None


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
class Known:
    """An entry of a ledger whose witness was replayed.

    Attributes:
        reason: why it deviates.
        link: where it is discussed, or None.
        versions: of the implementation, as PEP 440 specifiers; "" for any.
        features: what the cases that it covers have in common, as plain JSON.
        inherited: whether the entry is of the class that the implementation derives from.
        deviation: what the witness showed; None where it no longer fails.
    """

    reason: str
    link: str | None
    versions: str | None
    features: Mapping[str, Any]
    inherited: bool
    deviation: Evidence | None


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
    """What one clause came to on one dtype and device.

    Attributes:
        clause: id of the clause.
        dtype: the weight dtype; None where the clause does not depend on it.
        device: the device; None likewise.
        outcome: the verdict itself, in results files under "verdict".
        fails: whether it fails the run.
        cases: how many were run.
        exercised: how many of them met the clause's precondition and were judged.
        enough: how many must.
        seconds: time spent.
        worst: largest error as a fraction of its bound; None where all was compared bit for bit.
        reason: why, where the outcome alone does not say.
        deviation: what was seen, where it deviates.
        known: the ledger's entries about it whose witnesses were replayed.
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
    known: Sequence[Known] = ()


Parameter = tuple[str, str, str]
"""Name, kind and default (as repr, or "") of a parameter."""


@dataclass(frozen=True)
class Implementation:
    """What was tested.

    Attributes:
        target: as given to --embedding.
        adapter: name of the adapter's class.
        name: as its users call it.
        version: of the implementation.
        signatures: the parameters of each form that the adapter can look into; None where none were recorded.
    """

    target: str
    adapter: str
    name: str
    version: str
    signatures: Mapping[str, Sequence[Parameter]] | None = None


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
    dtypes: Sequence[str]
    devices: Sequence[str]
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
    pairs: Sequence[Sequence[int]]


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
        wiring: how many of the plainest cases came out wrong, where that may be the adapter's doing.
    """

    finished: str
    complete: bool
    seconds: float
    verdicts: int
    exit_status: int
    notes: Sequence[str] = ()
    wiring: int = 0


@dataclass(frozen=True)
class Results:
    """One run.

    Attributes:
        header: what was run.
        clauses: the contract, in order, also what was not selected.
        verdicts: one for each clause, dtype and device that was tested.
        footer: how it ended.
        kinds: the kinds of arguments that `interplay` counts; empty where nothing was counted.
        interplay: which of them met in a lookup.
    """

    header: Header
    clauses: Sequence[Clause]
    verdicts: Sequence[Verdict]
    footer: Footer
    kinds: Sequence[Kind] = ()
    interplay: Sequence[PairCounts] = field(default_factory=tuple)
