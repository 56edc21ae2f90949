"""Pages as tests read them."""

from __future__ import annotations

from html.parser import HTMLParser

from embedding_reports.pages.html import render
from embedding_reports.records import Results


class Page(HTMLParser):
    """A page as a reader meets it: its text, its elements, its addresses."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.source = source
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.cdata_elem not in {"script", "style"}:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join("".join(self.words).split())

    def attributes(self, name: str) -> list[str]:
        return [attrs[name] or "" for _, attrs in self.elements if name in attrs]

    def count(self, tag: str) -> int:
        return sum(found == tag for found, _ in self.elements)


def page(*runs: Results, title: str | None = None) -> Page:
    return Page(render(runs, title))
