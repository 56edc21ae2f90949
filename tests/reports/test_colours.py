"""Every pair of colours on the page can be read: WCAG 2.2 level AA, in both schemes."""

from __future__ import annotations

import re
from importlib import resources

import pytest

CSS = resources.files("embedding_reports.pages").joinpath("static", "report.css").read_text(encoding="utf-8")
ROOTS = re.findall(r":root\s*{(.*?)}", CSS, flags=re.DOTALL)
SCHEMES = dict(
    zip(("light", "dark"), (dict(re.findall(r"--([a-z-]+):\s*(#\w{6})", root)) for root in ROOTS), strict=True)
)

PAPERS = [name for name in SCHEMES["light"] if name.endswith("paper")]
PAIRS = [
    *((paper.replace("paper", "ink"), paper) for paper in PAPERS),
    *(("muted", paper) for paper in ("paper", "panel", "conforms-paper", "unsupported-paper")),
    *(("link", paper) for paper in ("paper", "panel")),
    ("ink", "panel"),
]


def luminance(colour: str) -> float:
    """Relative luminance of #rrggbb, as WCAG 2.2 defines it."""
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one: str, other: str) -> float:
    """Contrast ratio of two colours, from 1 to 21."""
    low, high = sorted(map(luminance, (one, other)))
    return (high + 0.05) / (low + 0.05)


def test_the_formula() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize(("ink", "paper"), PAIRS)
def test_text_stands_out(scheme: str, ink: str, paper: str) -> None:
    colours = SCHEMES[scheme]
    assert contrast(colours[ink], colours[paper]) >= 4.5


def test_both_schemes_define_the_same_colours() -> None:
    assert set(SCHEMES["light"]) == set(SCHEMES["dark"])
    assert len(PAPERS) == 11, "the page, one for each verdict, and one for each size of a count"


def test_no_colour_is_used_that_is_not_tested() -> None:
    rules = re.sub(r":root\s*{.*?}", "", CSS, flags=re.DOTALL)
    assert not re.findall(r"#[0-9a-f]{3,8}\b|rgba?\(|hsla?\(|color-mix", rules)
