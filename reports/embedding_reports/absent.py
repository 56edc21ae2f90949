"""Runs that could not be made: they have a results file of their own, so that no release is missing without a word."""

from __future__ import annotations

import platform
from datetime import UTC, datetime

from embedding_reports.records import Footer, Header, Implementation, Platform, Results


def not_run(name: str, version: str, why: str, *, target: str = "torch") -> Results:
    """The results of a run that did not take place: no clause, no verdict, and the reason.

    Args:
        name: the implementation's own name, as its other runs have it.
        version: the version that was to be tested.
        why: what stood in the way, such as "torch 2.16.0 could not be installed: " and the error's last line.
        target: what would have been given to --embedding.
    """
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    header = Header(
        started=now,
        implementation=Implementation(target, adapter="", name=name, version=version),
        profile="",
        seed="",
        level="should",
        isolation="auto",
        dtypes=(),
        devices=(),
        platform=Platform(platform.python_version(), platform.platform(), platform.machine()),
        packages={},
        environment={},
    )
    # pytest's own status for a run that broke outside of any test.
    footer = Footer(finished=now, complete=False, seconds=0, verdicts=0, exit_status=3, notes=(why,))
    return Results(header, clauses=(), verdicts=(), footer=footer)
