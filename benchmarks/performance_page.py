"""`docs/performance.md`, made of what was measured."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Data = Mapping[str, Any]

PARTS = {
    "drawing": "drawing, and whatever else is not done for one case",
    "adapter": "the adapter, torch's own work in it",
    "reference": "the oracle",
    "judging": "judging, and the rest of a clause's test",
}

INTRODUCTION = """\
# What the suite costs

Measured by `python benchmarks/performance.py` on one thread of an otherwise idle machine, with torch on the CPU and
one seed. Seconds are those of the processor, a worker's included. They differ from machine to machine, so that each
stands beside a floor of the same run: what Hypothesis takes to draw {integers:,} single integers, one after the other.
How soon a fault is told is measured in [detection.md](detection.md).
"""

BEFORE = """\
Before clauses shared their cases, `default` took 340 s for 48,272 cases, and `smoke` 26 s, where the floor was 26 s; it
had 141 clauses then, and has {clauses} now.
"""

COUNTED = """\
## Counts

What the profile `default` does on one dtype, float32: {drawn:,} cases are drawn, {judged:,} judged, since a case is
asked about once and judged by each clause that it is about, and the implementation is called {calls:,} times:
{each:.1f} calls for each case that a clause judges, {verdict:.0f} for each verdict. A test holds a run against the
table, `benchmarks/counts.json`. These clauses call it most:
"""


def rendered(data: Data, counts: Mapping[str, Mapping[str, int]]) -> str:
    """The page.

    Args:
        data: `performance.json`.
        counts: `counts.json`.
    """
    sections = [
        INTRODUCTION.format(**data),
        _runs(data, len(counts)),
        _parts(data),
        _sizes(data["costs"]),
        _growth(data["costs"]),
        _counts(counts),
    ]
    return "\n".join(sections)


def _runs(data: Data, clauses: int) -> str:
    runs, floor = data["runs"], data["runs"]["floor"]
    rows = [(name, f"{seconds:.1f}", f"{seconds / floor:.1f}") for name, seconds in runs.items()]
    first = f"Once torch is imported, the first call of a run is made after {data['first call']:.1f} s.\n"
    table = _table(("run", "seconds", "floors"), rows)
    return f"## Whole runs\n\n{table}\n{BEFORE.format(clauses=clauses)}\n{first}"


def _parts(data: Data) -> str:
    cases, parts = data["cases"], data["parts"]
    rows = [(words, f"{parts[name]:.1f}", f"{1000 * parts[name] / cases:.2f}") for name, words in PARTS.items()]
    dearest = [(f"`{name}`", f"{s:.1f}", f"{1000 * s / max(count, 1):.1f}") for name, s, count in data["dearest"]]
    return (
        f"## Where the time of `default` goes\n\n{cases:,} cases are judged, on six dtypes.\n\n"
        f"{_table(('part', 'seconds', 'ms a case'), rows)}\nThe clauses on which most is spent:\n\n"
        f"{_table(('clause', 'seconds', 'ms a case'), dearest)}"
    )


def _sizes(costs: Mapping[str, float]) -> str:
    sizes = ("small", "typical", "large")
    rows = []
    for part in ("bare_framework", "adapter", "oracle", "judging"):
        seconds = [costs[f"test_{part}[{size}]"] for size in sizes]
        bare = [costs[f"test_bare_framework[{size}]"] for size in sizes]
        rows.append((part.replace("_", " "), *(f"{1000 * s:.2f} ({s / b:.1f})" for s, b in zip(seconds, bare))))
    drawing = 10 * costs["test_drawing_cases"]  # a hundred are drawn at once
    return (
        "## One case\n\nMilliseconds for making an embedding, a lookup and its backward in float32; in brackets how"
        " many times what torch alone takes. Small is a table of 2 × 2 and 3 indices, typical 33 × 8 and 33, large"  # noqa: RUF001
        f" 1025 × 65 and 513. Drawing a case takes {drawing:.2f} ms.\n\n{_table(('part', *sizes), rows)}"  # noqa: RUF001
    )


def _growth(costs: Mapping[str, float]) -> str:
    named = [(key[:-1].partition("[")[2], s) for key, s in costs.items() if key.startswith("test_oracle_and_judging[")]
    return (
        "## Growth\n\nOracle and judging together; what is not said is 64 rows, 4 columns, 16 lookups. Rows that are"
        f" not looked up cost what it takes to copy and to compare their bytes.\n\n"
        f"{_table(('case', 'ms'), [(name, f'{1000 * s:.2f}') for name, s in named])}"
    )


def _counts(counts: Mapping[str, Mapping[str, int]]) -> str:
    total = {what: sum(one[what] for one in counts.values()) for what in ("drawn", "judged", "calls")}
    text = COUNTED.format(**total, each=total["calls"] / total["judged"], verdict=total["calls"] / len(counts))
    most = sorted(counts.items(), key=lambda item: -item[1]["calls"])[:10]
    rows = [(f"`{name}`", str(one["drawn"]), str(one["judged"]), str(one["calls"])) for name, one in most]
    return f"{text}\n{_table(('clause', 'drawn', 'judged', 'calls'), rows)}"


def _table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [titles, ["---"] + ["---:"] * (len(titles) - 1), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
