"""The plugin's options: from the command line, pytest's ini file or `[tool.embedding-conformance]`, in that order."""

from __future__ import annotations

import fnmatch
import os
import re
import tomllib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from embedding_conformance.running.profiles import PROFILES, Profile
from embedding_conformance.unusable import Unusable, nearest


class BadOption(Unusable):
    """An option's value cannot be used; the text says in one line why, and what would be right."""


HELP = {
    "embedding": ("TARGET", "torch", "what to test: a bundled adapter, module:attribute, or command:PROGRAM ARGS"),
    "embedding-isolation": (
        "WHERE",
        "auto",
        "where it runs: auto (in process, but in a worker for what may crash), process, none",
    ),
    "embedding-device": ("LIST", "cpu", "devices to run on, comma-separated; all: every one that is there"),
    "embedding-dtype": ("LIST", "all", "weight dtypes, comma-separated; all: every one that the adapter claims"),
    "embedding-clause": ("LIST", "all", "clauses to test, comma-separated ids; padding_idx.* is all of a section"),
    "embedding-profile": ("NAME", "default", f"how much to test: {', '.join(PROFILES)}"),
    "embedding-deviations": (
        "FILE",
        "",
        "known deviations and what is declared unsupported (TOML), or a bundled ledger's name",
    ),
    "embedding-level": ("LEVEL", "should", "which deviations fail the run: should (MUST and SHOULD) or must"),
    "embedding-results": ("FILE", "", "write the results file (JSON)"),
    "embedding-html": ("FILE", "", "write the report of this run, one self-contained file"),
    "embedding-baseline": ("DO", "", "write: add what deviates today to the ledger; prune: drop what is fixed"),
}
"""The metavariable, default and help of each option, by its name; the ini key is the same with underscores."""


TABLE = "embedding-conformance"
"""The table in pyproject.toml, under [tool]."""


@dataclass(frozen=True)
class Options:
    """The options of a run, checked: `HELP` explains each."""

    target: str
    isolation: str
    devices: tuple[str, ...] | None  # None: not given
    dtypes: tuple[str, ...]
    profile: Profile
    deviations: str
    level: str
    results: Path | None = None
    html: Path | None = None
    baseline: str = ""
    clauses: tuple[str, ...] = ("all",)


def add(parser: pytest.Parser) -> None:
    """Declare the options."""
    group = parser.getgroup(
        "embedding-conformance", "conformance of embeddings (pytest --pyargs embedding_conformance)"
    )
    for name, (metavar, default, text) in HELP.items():
        shown = f"{text} (default: {default})" if default else text
        group.addoption(f"--{name}", metavar=metavar, default=None, help=shown)
        parser.addini(_ini(name), help=text, default=None)


def given(config: pytest.Config) -> bool:
    """Whether the suite was asked for on the command line."""
    asked = any(config.getoption(f"--{name}") is not None for name in HELP)
    named = (re.split(r"[/.:]", str(argument))[0] for argument in config.invocation_params.args)
    return asked or "embedding_conformance" in named


def read(config: pytest.Config) -> Options:
    """The options of this run.

    Raises:
        BadOption: a value is not one of those allowed, or `[tool.embedding-conformance]` holds something unknown.
    """
    table = _table(config.rootpath / "pyproject.toml")

    def found(name: str) -> tuple[Any, Path]:
        """The value that is given, and the folder that a path in it is relative to: that of the file it is in."""
        given = config.getoption(f"--{name}")
        if given is not None:
            return given, Path()
        given = config.getini(_ini(name))
        if given is not None:
            return given, config.inipath.parent if config.inipath else Path()
        return table.get(_ini(name), table.get(name)), config.rootpath

    def value(name: str) -> str:
        given = found(name)[0] or HELP[name][1]
        return ",".join(map(str, given)) if isinstance(given, list) else str(given)

    def choice(name: str, allowed: Collection[str]) -> str:
        chosen = value(name)
        if chosen not in allowed:
            raise BadOption(f"--{name} {chosen}: must be one of {', '.join(a for a in allowed if a)}")
        return chosen

    def names(name: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys(part.strip() for part in value(name).split(",") if part.strip()))

    def path(name: str) -> Path | None:
        return _writable(name, found(name)[1] / value(name)) if value(name) else None

    deviations = _ledger(value("embedding-deviations"), found("embedding-deviations")[1])
    baseline = choice("embedding-baseline", ("", "write", "prune"))
    if baseline:
        _check_baseline(baseline, deviations)
    return Options(
        target=_named(found("embedding")[0], value("embedding")),
        isolation=choice("embedding-isolation", ("auto", "process", "none")),
        devices=None if found("embedding-device")[0] is None else names("embedding-device"),
        dtypes=names("embedding-dtype"),
        profile=PROFILES[choice("embedding-profile", tuple(PROFILES))],
        deviations=deviations,
        level=choice("embedding-level", ("should", "must")),
        results=path("embedding-results"),
        html=path("embedding-html"),
        baseline=baseline,
        clauses=names("embedding-clause"),
    )


def select(option: str, wanted: tuple[str, ...], available: tuple[str, ...]) -> tuple[str, ...]:
    """Select what an option names.

    Args:
        option: the name of the option, for messages.
        wanted: the names that it was given, or "all".
        available: the names that there are.

    Raises:
        BadOption: a name is not among them, or none is given.
    """
    if wanted == ("all",):
        return available
    for name in wanted:
        if name not in available:
            raise BadOption(f"--{option} {name}: not there; there are {', '.join(available)}")
    if not wanted:
        raise BadOption(f"--{option}: names nothing; there are {', '.join(available)}")
    return wanted


def select_clauses(patterns: Sequence[str], clauses: Sequence[str]) -> frozenset[str]:
    """The ids of the clauses that at least one of the patterns names.

    Args:
        patterns: ids, in which `*` stands for anything, or "all".
        clauses: the ids of all clauses.

    Raises:
        BadOption: a pattern names none.
    """
    if tuple(patterns) == ("all",):
        return frozenset(clauses)
    selected: set[str] = set()
    for pattern in patterns:
        named = fnmatch.filter(clauses, pattern)
        if not named:
            sections = sorted({f"{clause.partition('.')[0]}.*" for clause in clauses})
            raise BadOption(f"--embedding-clause {pattern}: names no clause{nearest(pattern, [*clauses, *sections])}")
        selected.update(named)
    if not selected:
        raise BadOption("--embedding-clause: names nothing; leave it out for all clauses")
    return frozenset(selected)


def _named(given: object, target: str) -> str:
    """The target; an empty one, as from an unset variable of a shell, must not silently mean torch."""
    if given == "":
        raise BadOption("--embedding: names nothing; leave it out for torch, or name a target")
    return target


def _ledger(name: str, folder: Path) -> str:
    """The name of a bundled ledger, or the path of a file."""
    return name if not name or _is_bundled(name) else str(folder / name)


def _is_bundled(ledger: str) -> bool:
    from embedding_conformance.ledgers.reading import bundled  # noqa: PLC0415 - slow to import, rarely needed

    return ledger in bundled()


def _check_baseline(baseline: str, deviations: str) -> None:
    needed = f"--embedding-baseline {baseline}: needs --embedding-deviations FILE, the file to {baseline}"
    if not deviations:
        raise BadOption(needed)
    if _is_bundled(deviations):
        raise BadOption(f"{needed}; {deviations} is a bundled ledger")
    _writable("embedding-deviations", Path(deviations))


def _writable(option: str, path: Path) -> Path:
    """The path, once it is certain that a file can be written there: a long run must not find out at its end."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir() or not os.access(path if path.exists() else path.parent, os.W_OK):
            raise BadOption(f"--{option} {path}: cannot be written; name a file in a folder of yours")
        if not path.exists():  # some folders admit no new file, whatever their mode
            path.touch()
            path.unlink()
    except OSError as error:
        raise BadOption(f"--{option} {path}: {error.strerror}; name a file in a folder of yours") from error
    return path


def _table(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    try:
        tools = tomllib.loads(path.read_text(encoding="utf-8")).get("tool", {})
    except tomllib.TOMLDecodeError as error:
        raise BadOption(f"{path}: not TOML: {error}") from error
    for name in tools:
        if name != TABLE and name.replace("_", "-").lower() == TABLE:
            raise BadOption(f"{path}: [tool.{name}] is not read; write [tool.{TABLE}]")
    table: Any = tools.get(TABLE, {})
    if not isinstance(table, dict):
        raise BadOption(f"{path}: embedding-conformance under [tool] must be a table, [tool.embedding-conformance]")
    allowed = [_ini(name) for name in HELP]
    for key, given in table.items():
        if key.replace("_", "-") not in HELP:
            close = nearest(key, allowed)
            raise BadOption(f"{path}: [tool.{TABLE}] has an unknown key {key!r}{close}; keys: {', '.join(allowed)}")
        if not all(isinstance(each, str) for each in (given if isinstance(given, list) else [given])):
            raise BadOption(f"{path}: {key} is {given!r}; it must be a string or a list of strings")
    return dict(table)


def _ini(name: str) -> str:
    return name.replace("-", "_")
