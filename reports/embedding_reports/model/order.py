"""The order of runs: by implementation and version, so that neighbours are what a change lies between."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from packaging.version import InvalidVersion, Version

from embedding_reports.model.summary import absence

if TYPE_CHECKING:
    from collections.abc import Sequence

    from embedding_reports.results import Document

    Key = tuple[bool, Version, str]


def ordered(documents: Sequence[Document]) -> list[Document]:
    """Runs of one implementation together, older versions first; of one version, older Pythons first."""
    return sorted(documents, key=_place)


def neighbours(documents: Sequence[Document]) -> list[tuple[Document, Document]]:
    """Each run that took place, with the next one of the same implementation, in order of version."""
    ran = [document for document in ordered(documents) if absence(document) is None]
    return [pair for pair in itertools.pairwise(ran) if len(implementations(pair)) == 1]


def implementations(documents: Sequence[Document]) -> list[str]:
    """The names of the implementations that these are runs of."""
    return list(dict.fromkeys(document["header"]["implementation"]["name"] for document in documents))


def python(document: Document) -> str:
    """The Python that the implementation ran on; the suite's own, where nothing says that it had another."""
    header = document["header"]
    return str(header["packages"].get("python", header["platform"]["python"]))


def _place(document: Document) -> tuple[str, Key, Key, str]:
    implementation = document["header"]["implementation"]
    versions = _key(implementation["version"]), _key(python(document))
    return (implementation["name"], *versions, document["header"]["started"])


def _key(version: str) -> Key:
    """Versions as PEP 440 orders them; before them, by the letter, what it does not know."""
    try:
        return True, Version(version), ""
    except InvalidVersion:
        return False, Version("0"), version
