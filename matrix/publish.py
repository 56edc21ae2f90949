"""Publish what the matrix measured.

    python matrix/publish.py                 reports/out/*torch*.json into reports/published, then the two pages
    python matrix/publish.py --pages         only the pages, from reports/published

The pages are reports/published/torch.html and docs/torch-releases.md.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import releases

from reports import results
from reports.html import render
from reports.order import ordered, python
from reports.results import Document

ROOT = Path(__file__).parents[1]
OUT = ROOT / "reports" / "out"
PUBLISHED = ROOT / "reports" / "published"
MATRIX = "3.11"
"""The Python of the matrix; results on another have it in their name."""


def main() -> None:
    """Publish."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", action="store_true", help="leave the results files as they are")
    if not parser.parse_args().pages:
        for path in sorted(OUT.glob("*torch[0-9]*.json")):
            document = slim(results.read(path))
            results.write(document, PUBLISHED / f"{name_of(document)}.json")
    documents = published()
    if not documents:
        sys.exit(f"no results in {OUT}: run tox first")
    (PUBLISHED / "torch.html").write_text(render(documents), encoding="utf-8")
    (ROOT / "docs" / "torch-releases.md").write_text(releases.rendered(documents), encoding="utf-8")


def published() -> list[Document]:
    """The published results of torch, older releases first."""
    return ordered(results.merge(sorted(PUBLISHED.glob("torch-[0-9]*.json"))))


def name_of(document: Document) -> str:
    """The file's name: "torch-2.13.0", or on another Python than the matrix's "torch-2.15.0-py3.12"."""
    version = document["header"]["implementation"]["version"].partition("+")[0]
    minor = ".".join(python(document).split(".")[:2])
    return f"torch-{version}" if minor == MATRIX else f"torch-{version}-py{minor}"


def slim(document: Document) -> Document:
    """The results without the interplay of arguments, which is the same for every release, and with rounded times."""
    kept = {name: value for name, value in document.items() if name not in ("kinds", "interplay")}
    verdicts = [{**v, "seconds": {part: round(s, 2) for part, s in v["seconds"].items()}} for v in document["verdicts"]]
    return {**kept, "verdicts": verdicts}


if __name__ == "__main__":
    main()
