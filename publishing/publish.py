"""Publish what tox measured.

    python publishing/publish.py                 reports/out/*torch*.json, the release matrix, into reports/published
    python publishing/publish.py mlx paddle      reports/out/mlx.json and paddle.json, of other implementations
    python publishing/publish.py --pages         no results, only the pages made of those that are published

The pages are reports/published/torch.html and docs/torch-releases.md of torch's releases, and
reports/published/scoreboard.html and docs/scoreboard.md of all implementations.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict, replace
from pathlib import Path

import docs_scoreboard
import docs_torch_releases
from embedding_reports import results
from embedding_reports.model.order import ordered, python
from embedding_reports.pages.html import render
from embedding_reports.records import Results, Seconds

ROOT = Path(__file__).parents[1]
OUT = ROOT / "reports" / "out"
PUBLISHED = ROOT / "reports" / "published"
MATRIX = "3.11"
"""The Python of the matrix; results on another have it in their name."""
SCOREBOARD = "torch-2.13.0.json"
"""The release of torch on the scoreboard: the one that this project's tests run on, and with them the scripts."""


def main() -> None:
    """Publish."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", action="store_true", help="leave the results files as they are")
    parser.add_argument("names", nargs="*", help="results in reports/out; by default those of the release matrix")
    options = parser.parse_args()
    if not options.pages:
        matrix = [path.stem for path in sorted(OUT.glob("*torch[0-9]*.json"))]
        for name in options.names or matrix:
            run = slim(results.read(OUT / f"{name}.json"))
            results.write(run, PUBLISHED / f"{name_of(run)}.json")
    if not published():
        sys.exit(f"no results in {OUT}: run tox first")
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")


def pages() -> dict[Path, str]:
    """What is made of the published results, by where it goes."""
    of_torch, of_all = published(), implementations()
    return {
        PUBLISHED / "torch.html": render(of_torch),
        ROOT / "docs" / "torch-releases.md": docs_torch_releases.rendered(of_torch),
        PUBLISHED / "scoreboard.html": render(of_all),
        ROOT / "docs" / "scoreboard.md": docs_scoreboard.rendered(of_all, scripts()),
    }


def published() -> list[Results]:
    """The published results of torch, older releases first."""
    return ordered(results.merge(sorted(PUBLISHED.glob("torch-[0-9]*.json"))))


def implementations() -> list[Results]:
    """The published results of all implementations, of torch's own in one release."""
    releases_of_torch = set(PUBLISHED.glob("torch-[0-9]*.json"))
    others = sorted(set(PUBLISHED.glob("*.json")) - releases_of_torch)
    return [results.read(path) for path in (PUBLISHED / SCOREBOARD, *others)]


def scripts() -> dict[str, list[docs_scoreboard.Script]]:
    """The published reproductions of deviations, by the name of the adapter."""
    found: dict[str, list[docs_scoreboard.Script]] = {}
    for path in sorted(PUBLISHED.glob("scripts/*/*.py")):
        found.setdefault(path.parent.name, []).append(docs_scoreboard.Script(path))
    return found


def name_of(run: Results) -> str:
    """The file's name: "paddle-3.3.1", or on another Python than the matrix's "torch-2.15.0-py3.12"."""
    version = run.header.implementation.version.partition("+")[0]
    minor = ".".join(python(run).split(".")[:2])
    name = f"{docs_scoreboard.target_of(run)}-{version}"
    return name if minor == MATRIX else f"{name}-py{minor}"


def slim(run: Results) -> Results:
    """The results without the interplay of arguments, which is the same for every release, and with rounded times.

    The command that was tested is named without the folders of the machine that it ran on.
    """
    implementation = replace(run.header.implementation, target=_anywhere(run.header.implementation.target))
    header = replace(run.header, implementation=implementation)
    verdicts = tuple(replace(verdict, seconds=_rounded(verdict.seconds)) for verdict in run.verdicts)
    return replace(run, header=header, verdicts=verdicts, kinds=(), interplay=())


def _rounded(seconds: Seconds) -> Seconds:
    return Seconds(**{part: round(spent, 2) for part, spent in asdict(seconds).items()})


def _anywhere(target: str) -> str:
    """A target without paths: "command:python -m embedding_conformance.worker oneflow"."""
    if not target.startswith("command:"):
        return target
    words = target.removeprefix("command:").split()
    return "command:" + " ".join(Path(word).name for word in words if word != "env" and "=" not in word)


if __name__ == "__main__":
    main()
