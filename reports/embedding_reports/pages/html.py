"""One self-contained HTML page from the results of one or several runs."""

from __future__ import annotations

import base64
import functools
import hashlib
import json
import re
from collections.abc import Sequence
from importlib import resources
from typing import Any

import jinja2
from markupsafe import Markup

from embedding_reports.model.answer import overview
from embedding_reports.model.facts import duration
from embedding_reports.model.findings import in_short
from embedding_reports.model.merged import merge
from embedding_reports.model.pair_coverage import size
from embedding_reports.model.view import arrange, fraction
from embedding_reports.outcomes import LEVEL_LEGEND, LEVELS, VERDICTS, Outcome
from embedding_reports.records import Results


def render(runs: Sequence[Results], title: str | None = None) -> str:
    """Render runs as one HTML page that opens offline and loads nothing.

    Args:
        runs: as `results.read` or `results.merge` return them; of several runs the page shows where they differ,
            those of one implementation in order of version.
        title: the page's title; by default it says what was tested.

    Returns:
        The page, to be stored as UTF-8.
    """
    script, style = _static("report.js"), _static("report.css")
    single = len(runs) == 1
    shown: dict[str, Any] = {"run": arrange(runs)[0]} if single else {"merged": merge(runs)}
    subject = shown["run"].label if single else f"{len(runs)} runs"
    page = (
        _environment()
        .get_template("run.html.j2" if single else "merged.html.j2")
        .render(
            **shown,
            title=title or f"{subject}: embedding conformance",
            answer=overview(runs),
            script=Markup(script),  # noqa: S704  our own file
            style=Markup(style),  # noqa: S704  our own file
            policy=f"default-src 'none'; script-src {_digest(script)}; style-src {_digest(style)}; "
            "base-uri 'none'; form-action 'none'",
            levels=LEVELS,
            level_legend=LEVEL_LEGEND,
            verdicts=VERDICTS,
            Outcome=Outcome,
        )
    )
    # What an implementation prints may hold lone surrogates, which no encoding of the page could carry.
    return page.encode("utf-8", errors="replace").decode("utf-8")


@functools.cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("embedding_reports.pages"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["slug"] = lambda outcome: outcome.value.replace(" ", "-")
    environment.filters["duration"] = duration
    environment.filters["breakable"] = _breakable
    environment.filters["fraction"] = fraction
    environment.filters["in_short"] = in_short
    environment.filters["size"] = size
    environment.filters["plain"] = lambda value: value if isinstance(value, str) else json.dumps(value)
    environment.tests["web_address"] = lambda link: link.startswith(("http://", "https://"))
    return environment


def _breakable(name: str) -> Markup:
    """A dotted name that a narrow column can break between its parts."""
    return Markup("<wbr>").join(part for part in re.split(r"(?<=[._-])", name) if part)


@functools.cache
def _static(name: str) -> str:
    return resources.files("embedding_reports.pages").joinpath("static", name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    """The source expression that lets a browser run exactly this text, and nothing smuggled in beside it."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
