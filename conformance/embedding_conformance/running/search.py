"""The settings of a search for cases that deviate, and those that did, which are kept for the next run."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from hypothesis.database import DirectoryBasedExampleDatabase, ExampleDatabase

from embedding_conformance.boundary.wire import decode, encode
from embedding_conformance.cases.case import Case
from embedding_conformance.cases.domain import Domain
from embedding_conformance.running.profiles import Profile


@dataclass(frozen=True)
class Search:
    """The settings of a search.

    Attributes:
        profile: how much to test.
        seed: the seed that repeats the search.
        database: where cases that fail are kept, to be tried first in the next run; None keeps none.
    """

    profile: Profile
    seed: str
    database: ExampleDatabase | None = None

    def failed_before(self, place: str, domain: Domain) -> Iterator[Case]:
        """The cases of a domain that failed at a place in earlier runs, the plainest first."""
        kept = self.database.fetch(place.encode()) if self.database else ()
        for data in sorted(kept, key=lambda data: (len(data), data)):
            with suppress(ValueError):  # an earlier version of the suite may have kept it
                case = decode(json.loads(data))
                if isinstance(case, Case) and domain.admits(case):
                    yield case

    def keep(self, place: str, case: Case, *, fails: bool) -> None:
        """Keep a case that fails for the next run, and one that does not fail no longer."""
        if self.database is not None:
            keep = self.database.save if fails else self.database.delete
            keep(place.encode(), json.dumps(encode(case), sort_keys=True).encode())


def database(target: str) -> DirectoryBasedExampleDatabase:
    """The database of the cases of a target that failed; each target has its own."""
    folder = Path(os.environ.get("HYPOTHESIS_STORAGE_DIRECTORY", ".hypothesis")).absolute()
    return DirectoryBasedExampleDatabase(folder / "embedding-conformance" / re.sub(r"\W+", "-", target))
