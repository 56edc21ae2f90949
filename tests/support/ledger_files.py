"""Ledgers in a folder of a test's own."""

from __future__ import annotations

from pathlib import Path

from embedding_conformance.ledgers import reading
from embedding_conformance.ledgers.ledger import Ledger
from embedding_conformance.suite.catalogue import clauses


def saved(folder: Path, text: str) -> Path:
    """A ledger of this text."""
    path = folder / "ledger.toml"
    path.write_text(text, encoding="utf-8")
    return path


def read(path: Path) -> Ledger:
    """The ledger that a file holds, against the whole contract."""
    return reading.read(str(path), clauses())
