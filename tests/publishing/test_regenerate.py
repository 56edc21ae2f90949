"""What is generated is as it is generated."""

from __future__ import annotations

import re
from pathlib import Path

import regenerate

ROOT = Path(__file__).parents[2]


def test_nothing_changes_where_nothing_was_changed() -> None:
    stale = [path for path, text in regenerate.generated().items() if path.read_text(encoding="utf-8") != text]
    assert not stale, "tox run -e regenerate writes them"


def test_every_table_with_markers_is_generated() -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    marked = {page: set(re.findall(r"<!-- (\w+): generated ", page.read_text(encoding="utf-8"))) for page in pages}
    assert {page: names for page, names in marked.items() if names} == {
        page: set(tables) for page, tables in regenerate.TABLES.items()
    }


def test_the_rows_of_a_table_are_made_anew_and_nothing_else() -> None:
    text = "before\n<!-- {0}: generated from x -->\n| {0} |\n| --- |\n{1}<!-- end of {0} -->\nafter\n"
    stale, empty, fresh = (text.format("one", rows) for rows in ("| old |\n| older |\n", "", "| new |\n"))
    other = text.format("two", "| theirs |\n")
    for old in (stale, empty, fresh):
        assert regenerate.with_tables(old + other, {"one": lambda: ["| new |"]}) == fresh + other
