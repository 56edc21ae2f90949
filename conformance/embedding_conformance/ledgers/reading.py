"""Ledgers are read strictly: whatever does not fit is named in one line.

[[deviation]]
clauses = ["sparse.layout", "sparse.rows"]
where = {sparse = true, index_ndim = 0, num_embeddings = {least = 2}}
does = "raises IndexError"     # or the name of a fault model; or a list of several
implementation = "torch.nn.Embedding"
versions = ">=2.0"
reason = "why it deviates, for somebody who knows the implementation"
link = "https://..."          # optional
[deviation.witness]           # of several, [[deviation.witness]], each but one names its `clauses`
num_embeddings = 2
embedding_dim = 1
index = 0

[[unsupported]]
features = { dtype = "float16" }
reason = "why"

[[unsupported]]
arguments = ["max_norm", "norm_type"]  # which the constructor does not take
reason = "why"
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import tomlkit
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from tomlkit.exceptions import TOMLKitError

from embedding_conformance.boundary.arguments import ARGUMENTS
from embedding_conformance.boundary.arguments import FEATURES as SHOWN
from embedding_conformance.boundary.description import Declared
from embedding_conformance.cases.case import Life
from embedding_conformance.cases.features import MATCHABLE, untaken
from embedding_conformance.cases.whole import WHOLE_FEATURES
from embedding_conformance.judging.clause import Clause
from embedding_conformance.judging.known import MODELS, KnownDeviation
from embedding_conformance.ledgers import witness
from embedding_conformance.ledgers.ledger import Entry, Ledger, Witness
from embedding_conformance.unusable import Unusable, nearest

BUNDLED = Path(__file__).parent / "deviations"

TABLES = ("deviation", "unsupported")
WHERE = tuple(dict.fromkeys((*WHOLE_FEATURES, *MATCHABLE)))
AXES = ("dtype", "device")
_REQUIRED = ("clauses", "where", "does", "reason")
_ALLOWED = (*_REQUIRED, "implementation", "versions", "link", "witness")
_TYPES: Mapping[str, tuple[Any, str]] = {
    "clauses": (list, "a list of strings"),
    "does": ((str, list), "a string or a list of strings"),
    "where": (dict, "a table"),
    "features": (dict, "a table"),
    "arguments": (list, "a list of strings"),
    "witness": ((dict, list), "a table, or several"),
}
"""The type of each key's value, as Python's types and in words; keys that are not listed hold a string."""


class LedgerError(Unusable):
    """A ledger cannot be used; the text says in one line which entry of which file, why, and what would be right."""


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
        ledger.deviations.append(_entry(f"{name}, deviation {number}", table, by_id))
    for number, table in enumerate(_tables(name, content, "unsupported"), start=1):
        ledger.unsupported += _unsupported(f"{name}, unsupported {number}", table)
    if content:
        raise LedgerError(f"{name}: unknown table {next(iter(content))!r}{nearest(next(iter(content)), TABLES)}")
    return ledger


def _tables(name: str, content: dict[str, Any], key: str) -> list[Any]:
    tables = content.pop(key, [])
    if not isinstance(tables, list):
        raise LedgerError(f"{name}: {key} is not a list of tables; write each under [[{key}]]")
    return tables


def _entry(where: str, table: Any, clauses: Mapping[str, Clause]) -> Entry:
    if isinstance(table, dict) and "clause" in table:
        raise LedgerError(
            f"{where}: it is of an older version of ledgers; write clauses = [...], where = {{...}}, does = ... and the"
            " witness in numbers (README, Known deviations), or let --embedding-baseline write make a new file"
        )
    _check(where, table, required=_REQUIRED, allowed=_ALLOWED)
    named = table["clauses"]
    if not named:
        raise LedgerError(f"{where}: clauses names none")
    for clause in named:
        if clause not in clauses:
            raise LedgerError(f"{where}: unknown clause {clause!r}{nearest(str(clause), clauses)}")
    try:
        SpecifierSet(table.get("versions", ""))
    except InvalidSpecifier as error:
        raise LedgerError(f"{where}: versions: {error}; write PEP 440 specifiers such as '>=2.0,<2.4'") from error
    entry = Entry(
        clauses=tuple(named),
        where=_features(where, table["where"], WHERE),
        does=_does(where, table["does"]),
        reason=table["reason"],
        witnesses=_witnesses(where, table.get("witness", []), named),
        implementation=table.get("implementation", ""),
        versions=table.get("versions", ""),
        link=table.get("link"),
    )
    for clause in named:
        if clauses[clause].domain is not None and entry.witness_for(clause) is None:
            raise LedgerError(f"{where}: witness is missing for {clause}: the smallest case that shows it")
    _check_that_it_covers(where, entry)
    return entry


def _does(where: str, does: Any) -> tuple[str, ...]:
    listed = tuple(does) if isinstance(does, list) else (does,)
    for one in listed:
        if not isinstance(one, str) or not one.strip():
            raise LedgerError(f"{where}: does is {one!r}; it must be the name of a fault model, or say what deviates")
        if one.isidentifier() and one[0].isupper() and one not in MODELS:
            raise LedgerError(f"{where}: unknown fault model {one!r}{nearest(one, MODELS)}")
    if not listed:
        raise LedgerError(f"{where}: does says nothing")
    return listed


def _witnesses(where: str, given: Any, named: Sequence[str]) -> tuple[Witness, ...]:
    found = []
    for table in given if isinstance(given, list) else [given]:
        own = {key: value for key, value in table.items() if key != "clauses"} if isinstance(table, dict) else table
        clauses = table.get("clauses", ()) if isinstance(table, dict) else ()
        for clause in clauses:
            if clause not in named:
                raise LedgerError(
                    f"{where}: witness: {clause!r} is no clause of the entry{nearest(str(clause), named)}"
                )
        try:
            found.append(Witness(witness.read(own), tuple(clauses)))
        except (ValueError, KeyError, TypeError, IndexError, OverflowError) as error:
            raise LedgerError(f"{where}: witness: {error}") from error
    return tuple(found)


def _check_that_it_covers(where: str, entry: Entry) -> None:
    """Make sure that an entry covers its own witnesses, on whatever dtype and device; steps lead a life there."""
    features = {name: value for name, value in entry.where.items() if name not in AXES}
    known = KnownDeviation(features, entry.does, "")
    for one in entry.witnesses:
        if not isinstance(one.case, Life) and not known.covers(one.case):
            raise LedgerError(f"{where}: the witness is not a case that `where` covers")


def _unsupported(where: str, table: Any) -> list[Declared]:
    if isinstance(table, dict) and "arguments" in table:
        _check(where, table, required=("arguments", "reason"), allowed=("arguments", "reason"))
        names = _arguments(where, table["arguments"])
        patterns = [*map(untaken, names), *({name: True} for name in names if name in SHOWN)]
        return [Declared(pattern, table["reason"]) for pattern in patterns]
    _check(where, table, required=("features", "reason"), allowed=("features", "reason"))
    return [Declared(_features(where, table["features"], MATCHABLE), table["reason"])]


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


def _features(where: str, features: Mapping[str, Any], names: Sequence[str]) -> Mapping[str, Any]:
    for name in features:
        if name not in names:
            raise LedgerError(f"{where}: unknown feature {name!r}{nearest(name, names)}")
    return features


def _arguments(where: str, names: Sequence[Any]) -> Sequence[str]:
    for name in names:
        if name not in ARGUMENTS:
            raise LedgerError(f"{where}: unknown argument {name!r}{nearest(str(name), ARGUMENTS)}")
    if not names:
        raise LedgerError(f"{where}: arguments names none")
    return names
