"""Runs that could not be made: they have a results file of their own, so that no release is missing without a word."""

from __future__ import annotations

import platform
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from embedding_reports.results import SCHEMA, VERSION

if TYPE_CHECKING:
    from embedding_reports.results import Document


def not_run(name: str, version: str, why: str, *, target: str = "torch") -> Document:
    """The results of a run that did not take place: no clause, no verdict, and the reason.

    Args:
        name: the implementation's own name, as its other runs have it.
        version: the version that was to be tested.
        why: what stood in the way, such as "torch 2.16.0 could not be installed: " and the error's last line.
        target: what would have been given to --embedding.
    """
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "schema": SCHEMA,
        "schema_version": VERSION,
        "header": {
            "started": now,
            "implementation": {"target": target, "adapter": "", "name": name, "version": version},
            "profile": "",
            "seed": "",
            "level": "should",
            "isolation": "auto",
            "dtypes": [],
            "devices": [],
            "platform": {
                "python": platform.python_version(),
                "system": platform.platform(),
                "machine": platform.machine(),
            },
            "packages": {},
            "environment": {},
        },
        "clauses": [],
        "verdicts": [],
        # pytest's own status for a run that broke outside of any test.
        "footer": {"finished": now, "complete": False, "seconds": 0, "verdicts": 0, "exit_status": 3, "notes": [why]},
    }
