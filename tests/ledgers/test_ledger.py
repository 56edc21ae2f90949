"""Entries of a ledger are chosen by implementation, version, clause, dtype and device."""

from __future__ import annotations

from typing import Any

import pytest

from embedding_conformance.boundary.description import Description
from embedding_conformance.ledgers.ledger import Entry, Ledger


def entry(**changes: Any) -> Entry:
    """An entry about one clause, with changes to it."""
    return Entry(**{"clauses": ("lookup.bits",), "where": {}, "does": ("raises",), "reason": "why", **changes})


@pytest.mark.parametrize(
    ("versions", "version", "applies"),
    [
        ("", "anything", True),
        (">=2.0", "2.13.0+cpu", True),
        (">=2.0,<2.4", "2.3.1", True),
        (">=2.0,<2.4", "2.4.0", False),
        ("==2.13.0", "2.13.0+cu126", True),
        ("<2.14", "2.14.0.dev20260101", False),
        (">=2.14", "2.14.0a0+git1234", True),
        (">=1", "unknown", False),
    ],
)
def test_entries_apply_to_a_range_of_versions(versions: str, version: str, applies: bool) -> None:
    assert entry(versions=versions).applies_to(Description("mine", version, ("float32",))) == applies


def test_entries_apply_to_the_implementation_that_they_name() -> None:
    mine = Description("mine", "1", ("float32",), packages={"torch": "2.13.0"})
    assert not entry(versions=">=2", implementation="mine").applies_to(mine)
    assert not entry(implementation="other").applies_to(mine)
    assert entry(implementation="mine").applies_to(mine)
    assert entry(versions=">=2", implementation="other", inherited=True).applies_to(mine)


def test_entries_are_chosen_by_clause_dtype_and_device() -> None:
    mine = Description("mine", "1", ("float32",))
    book = Ledger(
        deviations=[
            entry(where={"dtype": "float16"}, reason="one dtype"),
            entry(where={"dtype": ["float16", "float32"]}, reason="two dtypes"),
            entry(where={"device": "cuda"}, reason="a device"),
            entry(clauses=("lookup.shape",), reason="another clause"),
        ]
    )

    def reasons(dtype: str, device: str) -> list[str]:
        return [one.reason for one in book.entries("lookup.bits", dtype, device, mine)]

    assert reasons("float16", "cpu") == ["one dtype", "two dtypes"]
    assert reasons("float32", "cpu") == ["two dtypes"]
    assert reasons("float64", "cuda") == ["a device"]


def test_an_entry_about_a_device_is_about_a_clause_that_has_none() -> None:
    about_cpu = entry(where={"device": ["cpu"]})
    assert about_cpu.is_about(None, None)
    assert about_cpu.is_about("float32", "cpu")
    assert not about_cpu.is_about("float32", "meta")
