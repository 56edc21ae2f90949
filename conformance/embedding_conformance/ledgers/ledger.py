"""Ledgers: known deviations, each a cause with its witnesses, and what is declared unsupported."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from packaging.specifiers import SpecifierSet
from packaging.version import InvalidVersion, Version

from embedding_conformance.boundary.description import Declared, Description
from embedding_conformance.cases.case import Case
from embedding_conformance.cases.features import could_match
from embedding_conformance.judging.known import KnownDeviation


@dataclass(frozen=True)
class Witness:
    """A small case that shows a known deviation.

    Attributes:
        case: the case.
        clauses: the clauses that it is for; empty: all those of the entry that no other witness is for.
    """

    case: Case
    clauses: tuple[str, ...] = ()


@dataclass(frozen=True)
class Entry:
    """One known deviation.

    Attributes:
        clauses: ids of the clauses that it breaks.
        where: the features of the cases in which it shows (`features.matches`, `Case.features`, and "device").
        does: what the implementation does there: the name of a fault model, or what `judging.known` names otherwise; of
            several, any one.
        reason: why, for somebody who knows the implementation.
        witnesses: small cases that show it; none only for clauses that draw no cases.
        implementation: name of the implementation (`Description.name`), or "" for any.
        versions: PEP 440 specifiers, or "" for any.
        link: a URL of where it is discussed, or None.
        inherited: whether it is a deviation of what the implementation is built on.
    """

    clauses: tuple[str, ...]
    where: Mapping[str, Any]
    does: tuple[str, ...]
    reason: str
    witnesses: tuple[Witness, ...] = ()
    implementation: str = ""
    versions: str = ""
    link: str | None = None
    inherited: bool = False

    def applies_to(self, description: Description) -> bool:
        """Whether the entry is about this implementation in this version."""
        if self.implementation and not self.inherited and self.implementation != description.name:
            return False
        if not self.versions:
            return True
        version = description.packages.get("torch", "") if self.inherited else description.version
        try:
            return Version(Version(version).base_version) in SpecifierSet(self.versions)
        except InvalidVersion:
            return False

    def is_about(self, dtype: str | None, device: str | None) -> bool:
        """Whether cases of this dtype on this device can have the entry's features."""
        return could_match(self.where, dtype, device)

    def witness_for(self, clause: str) -> Case | None:
        """The case that shows it in one of its clauses; None where that draws no cases."""
        own = [one.case for one in self.witnesses if clause in one.clauses]
        common = [one.case for one in self.witnesses if not one.clauses]
        return next(iter([*own, *common]), None)

    def known_in(self, clause: str, device: str) -> KnownDeviation:
        """What an examination of one of its clauses judges by."""
        return KnownDeviation(self.where, self.does, device, caseless=self.witness_for(clause) is None)


@dataclass
class Ledger:
    """The content of one file.

    Attributes:
        path: the file; None where there is none.
        deviations: the known deviations.
        unsupported: what is declared unsupported.
    """

    path: Path | None = None
    deviations: list[Entry] = field(default_factory=list)
    unsupported: list[Declared] = field(default_factory=list)

    def entries(self, clause: str, dtype: str | None, device: str | None, description: Description) -> Sequence[Entry]:
        """The entries about this clause on this dtype and device."""
        return [
            entry
            for entry in self.deviations
            if clause in entry.clauses and entry.applies_to(description) and entry.is_about(dtype, device)
        ]
