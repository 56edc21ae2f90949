"""Links from page to page lead somewhere, to the heading too."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob(".github/**/*.md")])
MARKDOWN = MarkdownIt("commonmark")


def inline(page: Path) -> Iterator[list[Token]]:
    """What stands in each paragraph, heading and cell of a page."""
    markdown = MARKDOWN.enable("table")
    yield from (token.children or [] for token in markdown.parse(page.read_text("utf-8")) if token.type == "inline")


def links(page: Path) -> set[str]:
    """Where the links of a page lead."""
    return {str(token.attrs["href"]) for tokens in inline(page) for token in tokens if token.type == "link_open"}


def anchors(page: Path) -> set[str]:
    """The names that GitHub gives to the headings of a page."""
    tokens = MARKDOWN.parse(page.read_text("utf-8"))
    headings = [after for token, after in itertools.pairwise(tokens) if token.type == "heading_open"]
    found: dict[str, int] = {}
    names = set()
    for heading in headings:
        text = "".join(child.content for child in heading.children or [] if child.type in ("text", "code_inline"))
        name = re.sub(r"[^\w\- ]", "", text.strip().lower()).replace(" ", "-")
        names.add(f"{name}-{found[name]}" if name in found else name)
        found[name] = found.get(name, 0) + 1
    return names


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    dead = set()
    for link in links(page):
        if re.match(r"[a-z]+:", link):
            continue  # what is elsewhere may be away for a while, and is nobody's fault here
        path, _, anchor = unquote(link).partition("#")
        target = page.parent / path if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            dead.add(link)
    assert dead == set()
