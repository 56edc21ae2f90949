"""The words of verdicts and levels: their order, their marks, and what they mean."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Literal, Self

Level = Literal["MUST", "SHOULD", "INFO"]
LEVELS: tuple[Level, ...] = ("MUST", "SHOULD", "INFO")
Ground = Literal["documented", "module", "safety", "de facto", "accuracy"]
GROUND_LEGEND: Mapping[Ground, str] = {
    "documented": "torch documents it, on the page or at the argument named.",
    "module": "nn.Module, Parameter or the optimisers document it for every module.",
    "safety": "otherwise memory outside the table is read, or numbers are silently wrong.",
    "de facto": "every release of torch does it, and programs rely on it.",
    "accuracy": "arithmetic that is at hand gives it.",
}
LEVEL_LEGEND: Mapping[Level, str] = {
    "MUST": "torch or nn.Module documents it, or it is a matter of safety.",
    "SHOULD": "every release of torch does it, or it is an expectation of accuracy.",
    "INFO": "undocumented behaviour worth knowing; never fails a run.",
}


class Outcome(Enum):
    """The outcome of a clause; pages list them in this order.

    Attributes:
        value: the word for it, in results files and on pages.
        glyph: the mark for it.
        legend: what it means, in a sentence.
    """

    glyph: str
    legend: str

    CONFORMS = "conforms", "✓", "every case came out as the contract allows, and enough of them could have failed."
    DEVIATES = "deviates", "✗", "the implementation did something the contract does not allow."
    KNOWN_DEVIATION = (
        "known deviation",
        "◆",
        "deviates as declared beforehand: the witness still fails; what no entry covers was tested.",
    )
    UNSUPPORTED = (
        "unsupported",
        "–",  # noqa: RUF001  a dash, as wide as the other glyphs
        "not provided: calls that use it raise; or not asked, where the adapter has no way to. Neither pass nor fail.",
    )
    NOT_EXERCISED = "not exercised", "○", "too few cases could have failed to say anything."
    ERROR = "error", "!", "the suite or the adapter broke; says nothing about the implementation."
    NOT_RUN = "not run", "·", "no verdict: the clause was not selected, or the run ended before it."

    def __new__(cls, value: str, glyph: str = "", legend: str = "") -> Self:
        """A member whose value is its word; with a word alone, `Outcome(word)` is the member that has it."""
        member = object.__new__(cls)
        member._value_, member.glyph, member.legend = value, glyph, legend
        return member

    def __str__(self) -> str:
        return str(self.value)


VERDICTS = tuple(outcome for outcome in Outcome if outcome is not Outcome.NOT_RUN)
"""The outcomes that a verdict can have; a clause without a verdict is `Outcome.NOT_RUN`."""

DEVIATING = (Outcome.DEVIATES, Outcome.KNOWN_DEVIATION)
"""The outcomes of clauses that the implementation does not keep."""

TESTED = (Outcome.CONFORMS, *DEVIATING)
"""The outcomes of clauses that were tested."""

PRECEDENCE = (
    *(Outcome.DEVIATES, Outcome.ERROR, Outcome.KNOWN_DEVIATION, Outcome.NOT_EXERCISED),
    *(Outcome.CONFORMS, Outcome.UNSUPPORTED, Outcome.NOT_RUN),
)
"""A clause has the first of these that it has on any dtype and device. "unsupported" comes after "conforms" because it
is declared for each dtype and device: the clause is then judged by those on which it was tested."""
