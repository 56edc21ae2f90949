"""Conditions on the features of cases: a pattern is some of them, which hold together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Condition:
    """A condition on one feature of a case.

    Attributes:
        feature: its name.
        values: the values that it may have; None: any from `least` to `most`.
        least: the least value of a number; None: there is none.
        most: the greatest; None: there is none.
    """

    feature: str
    values: tuple[Any, ...] | None = None
    least: float | None = None
    most: float | None = None

    @classmethod
    def of(cls, feature: str, wanted: Any) -> Condition:
        """The condition that an entry of a ledger states: a value, a list of them, or "least" and "most"."""
        if isinstance(wanted, Mapping):
            return cls(feature, least=wanted.get("least"), most=wanted.get("most"))
        return cls(feature, values=tuple(wanted) if isinstance(wanted, (list, tuple)) else (wanted,))

    def holds(self, features: Mapping[str, Any]) -> bool:
        """Whether a case of these features meets the condition."""
        value = features.get(self.feature)
        if value is None:
            return False
        if self.values is not None:
            return value in self.values
        return (self.least is None or value >= self.least) and (self.most is None or value <= self.most)

    def __str__(self) -> str:
        if self.values is not None:
            shown = [_written(value) for value in self.values]
            return f"{self.feature} = {shown[0]}" if len(shown) == 1 else f"{self.feature} in {', '.join(shown)}"
        if self.least == self.most:
            return f"{self.feature} = {_written(self.least)}"
        if self.least is not None and self.most is not None:
            return f"{self.feature} from {_written(self.least)} to {_written(self.most)}"
        if self.least is not None:
            return f"{self.feature} >= {_written(self.least)}"
        return f"{self.feature} <= {_written(self.most)}"


def in_words(conditions: Sequence[Condition]) -> str:
    """Conditions that hold together, in words."""
    return " and ".join(map(str, conditions)) or "always"


def _written(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
