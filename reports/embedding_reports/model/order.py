"""The order of runs: by implementation and version, so that neighbours are what a change lies between."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from packaging.version import InvalidVersion, Version

from embedding_reports.model.summary import absence
from embedding_reports.records import Results

Key = tuple[bool, Version, str]


def ordered(runs: Sequence[Results]) -> list[Results]:
    """Runs of one implementation together, older versions first; of one version, older Pythons first."""
    return sorted(runs, key=_place)


def neighbours(runs: Sequence[Results]) -> list[tuple[Results, Results]]:
    """Each run that took place, with the next one of the same implementation, in order of version."""
    ran = [run for run in ordered(runs) if absence(run) is None]
    return [pair for pair in itertools.pairwise(ran) if len(implementations(pair)) == 1]


def implementations(runs: Sequence[Results]) -> list[str]:
    """The names of the implementations that these are runs of."""
    return list(dict.fromkeys(run.header.implementation.name for run in runs))


def python(run: Results) -> str:
    """The Python that the implementation ran on; the suite's own, where nothing says that it had another."""
    return run.header.packages.get("python", run.header.platform.python)


def _place(run: Results) -> tuple[str, Key, Key, str]:
    implementation = run.header.implementation
    return implementation.name, _key(implementation.version), _key(python(run)), run.header.started


def _key(version: str) -> Key:
    """Versions as PEP 440 orders them; before them, by the letter, what it does not know."""
    try:
        return True, Version(version), ""
    except InvalidVersion:
        return False, Version("0"), version
