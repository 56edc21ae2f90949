"""Ledgers are edited without losing a comment: entries are added at the end, and dropped where they stand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import tomlkit
from tomlkit.items import AoT

from embedding_conformance.ledgers import witness
from embedding_conformance.ledgers.ledger import Entry


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
        document["deviation"].append(table_of(entry))
    for reason in dict.fromkeys(arguments.values()):
        table = tomlkit.table()
        table["arguments"] = [name for name, why in arguments.items() if why == reason]
        table["reason"] = reason
        document.setdefault("unsupported", tomlkit.aot()).append(table)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(tomlkit.dumps(document), encoding="utf-8")


def table_of(entry: Entry) -> Any:
    """The TOML table of an entry."""
    table = tomlkit.table()
    table["clauses"] = list(entry.clauses)
    table["where"] = _inline(entry.where)
    table["does"] = entry.does[0] if len(entry.does) == 1 else list(entry.does)
    for name in ("implementation", "versions"):
        if value := getattr(entry, name):
            table[name] = value
    table["reason"] = entry.reason
    if entry.link:
        table["link"] = entry.link
    tables = [_witness_table(one.case, one.clauses) for one in entry.witnesses]
    if len(tables) == 1:
        table["witness"] = tables[0]
    elif tables:
        table["witness"] = tomlkit.aot()
        for one in tables:
            table["witness"].append(one)
    return table


def prune(path: Path, fixed: Mapping[int, Sequence[str]]) -> None:
    """Drop clauses from entries, and entries that have none left; leave the rest, comments too, as it is.

    Args:
        path: the file.
        fixed: the clauses to drop, by the number of the entry in the file, from 0 on.
    """
    document = tomlkit.parse(path.read_text(encoding="utf-8"))
    tables = document.get("deviation", tomlkit.aot())
    for number in sorted(fixed, reverse=True):
        kept = [clause for clause in tables[number].unwrap()["clauses"] if clause not in fixed[number]]
        if kept:
            tables[number]["clauses"] = kept
            _prune_witnesses(tables[number], kept)
        else:
            del tables[number]
    path.write_text(tomlkit.dumps(document), encoding="utf-8")


def _prune_witnesses(table: Any, kept: Sequence[str]) -> None:
    """Drop the witnesses that are for no clause any more."""
    witnesses = table.get("witness")
    if not isinstance(witnesses, list):
        return
    for number in reversed(range(len(witnesses))):
        if "clauses" in witnesses[number]:
            own = [clause for clause in witnesses[number].unwrap()["clauses"] if clause in kept]
            if own:
                witnesses[number]["clauses"] = own
            else:
                del witnesses[number]


def _witness_table(case: Any, clauses: Sequence[str]) -> Any:
    table = tomlkit.table()
    if clauses:
        table["clauses"] = list(clauses)
    for name, value in witness.written(case).items():
        table[name] = _value(value)
    return table


def _inline(content: Mapping[str, Any]) -> Any:
    """A table on one line; one within another too."""
    table = tomlkit.inline_table()
    for name, value in content.items():
        table[name] = _value(value)
    return table


def _value(value: Any) -> Any:
    """A value, with tables in it on one line each."""
    if isinstance(value, Mapping):
        return _inline(value)
    return (
        [_inline(one) for one in value]
        if isinstance(value, list) and value and isinstance(value[0], Mapping)
        else value
    )
