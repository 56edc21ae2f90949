"""Ledgers: TOML files of known deviations, each with its witness, and of what is declared unsupported.

[[deviation]]
clause = "sparse.layout"
features = { sparse = true, index_ndim = 0 }
implementation = "torch.nn.Embedding"
versions = ">=2.0"
reason = "why it deviates, for somebody who knows the implementation"
link = "https://..."          # optional
witness = '{"type": "Case", ...}'

[[unsupported]]
features = { dtype = "float16" }
reason = "why"

[[unsupported]]
arguments = ["max_norm", "norm_type"]  # which the constructor does not take
reason = "why"
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import tomlkit
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import AoT

from embedding_conformance.boundary.arguments import ARGUMENTS
from embedding_conformance.boundary.arguments import FEATURES as SHOWN
from embedding_conformance.boundary.description import Declared, Description
from embedding_conformance.boundary.wire import decode, encode
from embedding_conformance.cases.case import Case
from embedding_conformance.cases.features import MATCHABLE, could_match, untaken
from embedding_conformance.judging.clause import Clause
from embedding_conformance.unusable import Unusable, nearest

BUNDLED = Path(__file__).parent / "deviations"


class LedgerError(Unusable):
    """A ledger cannot be used; the text says in one line which entry of which file, why, and what would be right."""


@dataclass
class Entry:
    """One known deviation.

    Attributes:
        clause: id of the clause.
        features: the features that a case must have for the entry to cover it (`Case.features`, and "device").
        implementation: name of the implementation (`Description.name`), or "" for any.
        versions: PEP 440 specifiers, or "" for any.
        reason: why it deviates.
        link: a URL of where it is discussed, or None.
        witness: the smallest case that shows it; None only for a clause that draws no cases.
        inherited: whether it is a deviation of what the implementation is built on.
    """

    clause: str
    features: Mapping[str, Any]
    reason: str
    witness: Case | None
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
        return could_match(self.features, dtype, device)


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

    def entries(self, clause: str, dtype: str | None, device: str | None, description: Description) -> list[Entry]:
        """The entries about this clause on this dtype and device."""
        return [
            entry
            for entry in self.deviations
            if entry.clause == clause and entry.applies_to(description) and entry.is_about(dtype, device)
        ]


def bundled() -> tuple[str, ...]:
    """The names of the bundled ledgers."""
    return tuple(sorted(path.stem for path in BUNDLED.glob("*.toml")))


def read(name: str, clauses: Iterable[Clause]) -> Ledger:
    """The ledger at a path, or the bundled one of that name.

    Args:
        name: the path of a TOML file, or the name of an adapter.
        clauses: the contract.

    Raises:
        LedgerError: there is no such file, it is not TOML, or an entry cannot be used.
    """
    path = BUNDLED / f"{name}.toml" if (BUNDLED / f"{name}.toml").exists() else Path(name)
    try:
        content = tomlkit.parse(path.read_text(encoding="utf-8")).unwrap()
    except OSError as error:
        raise LedgerError(f"{name}: {error.strerror or error}; bundled ledgers: {', '.join(bundled())}") from error
    except (TOMLKitError, UnicodeDecodeError) as error:
        raise LedgerError(f"{name}: not TOML: {error}") from error
    ledger, by_id = Ledger(path), {clause.id: clause for clause in clauses}
    for number, table in enumerate(_tables(name, content, "deviation"), start=1):
        ledger.deviations += _entries(f"{name}, deviation {number}", table, by_id)
    for number, table in enumerate(_tables(name, content, "unsupported"), start=1):
        where = f"{name}, unsupported {number}"
        if isinstance(table, dict) and "arguments" in table:
            _check(where, table, required=("arguments", "reason"), allowed=("arguments", "reason"))
            names = _arguments(where, table["arguments"])
            patterns = [*map(untaken, names), *({name: True} for name in names if name in SHOWN)]
            ledger.unsupported += [Declared(pattern, table["reason"]) for pattern in patterns]
        else:
            _check(where, table, required=("features", "reason"), allowed=("features", "reason"))
            ledger.unsupported.append(Declared(_features(where, table["features"]), table["reason"]))
    if content:
        raise LedgerError(f"{name}: unknown table {next(iter(content))!r}{nearest(next(iter(content)), TABLES)}")
    return ledger


def write(path: Path, entries: Sequence[Entry], arguments: Mapping[str, str] = MappingProxyType({})) -> None:
    """Append to a ledger, and leave its present content, comments too, as it is.

    Args:
        path: the file, which need not exist yet.
        entries: known deviations.
        arguments: arguments that the constructor does not take, each with the reason.
    """
    document = tomlkit.parse(path.read_text(encoding="utf-8")) if path.exists() else tomlkit.document()
    if entries and not isinstance(document.get("deviation"), AoT):  # none yet, or written as an array
        present = document.pop("deviation", [])
        document["deviation"] = tomlkit.item([*present]) if present else tomlkit.aot()
    for entry in entries:
        table = tomlkit.table()
        table["clause"] = entry.clause
        table["features"] = tomlkit.inline_table()
        table["features"].update(entry.features)
        table["implementation"] = entry.implementation
        table["versions"] = entry.versions
        table["reason"] = entry.reason
        if entry.witness is not None:
            table["witness"] = tomlkit.string(json.dumps(encode(entry.witness)), literal=True)
        document["deviation"].append(table)
    for reason in dict.fromkeys(arguments.values()):
        table = tomlkit.table()
        table["arguments"] = [name for name, why in arguments.items() if why == reason]
        table["reason"] = reason
        document.setdefault("unsupported", tomlkit.aot()).append(table)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(tomlkit.dumps(document), encoding="utf-8")


def prune(path: Path, fixed: Sequence[Entry]) -> None:
    """Drop entries from a ledger, and leave the rest of it, comments too, as it is.

    Args:
        path: the file.
        fixed: the entries to drop; of an entry for several clauses, only those named here are dropped.
    """
    document = tomlkit.parse(path.read_text(encoding="utf-8"))
    tables = document.get("deviation", tomlkit.aot())
    dropped = [(e.clause, dict(e.features), e.reason) for e in fixed]
    for number in reversed(range(len(tables))):
        table = tables[number].unwrap()
        clauses = table["clause"] if isinstance(table["clause"], list) else [table["clause"]]
        kept = [clause for clause in clauses if (clause, table["features"], table["reason"]) not in dropped]
        if not kept:
            del tables[number]
        elif len(kept) < len(clauses):
            tables[number]["clause"] = kept
    path.write_text(tomlkit.dumps(document), encoding="utf-8")


TABLES = ("deviation", "unsupported")
_REQUIRED = ("clause", "features", "reason")
_ALLOWED = (*_REQUIRED, "implementation", "versions", "link", "witness")
_TYPES: Mapping[str, tuple[Any, str]] = {
    "clause": ((str, list), "a string or a list of strings"),
    "features": (dict, "a table"),
    "arguments": (list, "a list of strings"),
}
"""The type of each key's value, as Python's types and in words; keys that are not listed hold a string."""


def _tables(name: str, content: dict[str, Any], key: str) -> list[Any]:
    tables = content.pop(key, [])
    if not isinstance(tables, list):
        raise LedgerError(f"{name}: {key} is not a list of tables; write each under [[{key}]]")
    return tables


def _entries(where: str, table: Mapping[str, Any], clauses: Mapping[str, Clause]) -> list[Entry]:
    """The entry of each clause that a table names; the witness must fail each of them."""
    _check(where, table, required=_REQUIRED, allowed=_ALLOWED)
    named = table["clause"] if isinstance(table["clause"], list) else [table["clause"]]
    if not named:
        raise LedgerError(f"{where}: clause names none")
    for clause in named:
        if clause not in clauses:
            raise LedgerError(f"{where}: unknown clause {clause!r}{nearest(str(clause), clauses)}")
    try:
        SpecifierSet(table.get("versions", ""))
    except InvalidSpecifier as error:
        raise LedgerError(f"{where}: versions: {error}; write PEP 440 specifiers such as '>=2.0,<2.4'") from error
    witness = _witness(where, table["witness"]) if "witness" in table else None
    for clause in named:
        if witness is None and clauses[clause].domain is not None:
            raise LedgerError(f"{where}: witness is missing: the smallest case that shows it, as JSON")
    return [
        Entry(
            clause=clause,
            features=_features(where, table["features"]),
            reason=table["reason"],
            witness=witness,
            implementation=table.get("implementation", ""),
            versions=table.get("versions", ""),
            link=table.get("link"),
        )
        for clause in named
    ]


def _witness(where: str, text: str) -> Case:
    try:
        witness = decode(json.loads(text))
        if isinstance(witness, Case):
            witness.features()  # raises where a field of the case has a wrong type
            return witness
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise LedgerError(f"{where}: the witness is not a case in JSON: {error}") from error
    raise LedgerError(f"{where}: the witness is not a case in JSON, but a {type(witness).__name__}")


def _check(where: str, table: Any, *, required: Sequence[str], allowed: Sequence[str]) -> None:
    if not isinstance(table, dict):
        raise LedgerError(f"{where}: {table!r} is not a table")
    for name in required:
        if name not in table:
            raise LedgerError(f"{where}: {name} is missing")
    for name in table:
        if name not in allowed:
            raise LedgerError(f"{where}: unknown key {name!r}{nearest(name, allowed)}")
        types, words = _TYPES.get(name, (str, "a string"))
        if not isinstance(table[name], types):
            raise LedgerError(f"{where}: {name} is {table[name]!r}; it must be {words}")
    if not str(table["reason"]).strip():
        raise LedgerError(f"{where}: reason is empty; say why")


def _features(where: str, features: Mapping[str, Any]) -> Mapping[str, Any]:
    for name in features:
        if name not in MATCHABLE:
            raise LedgerError(f"{where}: unknown feature {name!r}{nearest(name, MATCHABLE)}")
    return features


def _arguments(where: str, names: Sequence[Any]) -> Sequence[str]:
    for name in names:
        if name not in ARGUMENTS:
            raise LedgerError(f"{where}: unknown argument {name!r}{nearest(str(name), ARGUMENTS)}")
    if not names:
        raise LedgerError(f"{where}: arguments names none")
    return names
