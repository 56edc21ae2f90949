"""What the suite costs: whole runs, one case by part and size, and counts of what is drawn, judged and called.

    python benchmarks/performance.py            measure everything, then write docs/performance.md
    python benchmarks/performance.py --counts   only the counts, against which a test holds a run
    python benchmarks/performance.py --page     only write the page

Needs `pip install ".[torch]" pytest-benchmark`, and a machine that does nothing else; it takes ten minutes.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import performance_page
from embedding_reports import results

ROOT = Path(__file__).parents[1]
HERE = ROOT / "benchmarks"
DATA = HERE / "performance.json"
COUNTS = HERE / "counts.json"
PAGE = ROOT / "docs" / "performance.md"

COUNTED = {"profile": "default", "dtypes": "float32", "seed": 1}
"""The run whose counts are written down."""

INTEGERS = 48_000

FLOOR = f"""
from hypothesis import HealthCheck, Phase, given, settings, strategies

@settings(max_examples={INTEGERS}, database=None, deadline=None, phases=[Phase.generate],
          suppress_health_check=list(HealthCheck))
@given(strategies.integers())
def draw(number):
    pass

draw()
"""

FIRST_CALL = """
import os, time
import torch
started = time.process_time()
from embedding_conformance.judging.driver import Driver
from embedding_conformance.running.check import Run

def first(*_):
    print(time.process_time() - started, flush=True)
    os._exit(0)

Driver.call = first
run = Run("torch", isolation="none", seed=1)
run.begin()
"""

SUITE = ("-m", "pytest", "--pyargs", "embedding_conformance", "-q", "-p", "no:cacheprovider", "--hypothesis-seed", "1")
ONE = ("--embedding-clause", "lookup.shape", "--embedding-dtype", "float32", "--embedding-profile", "smoke")
RUNS: dict[str, Sequence[str]] = {
    "floor": ("-c", FLOOR),
    "import torch": ("-c", "import torch"),
    "import torch, make an optimiser": (
        "-c",
        "import torch; torch.optim.SGD(torch.nn.Embedding(1, 1).parameters(), lr=1)",
    ),
    "default": SUITE,
    "default, float32": (*SUITE, "--embedding-dtype", "float32"),
    "smoke": (*SUITE, "--embedding-profile", "smoke"),
    "smoke, float32": (*SUITE, "--embedding-profile", "smoke", "--embedding-dtype", "float32"),
    "one clause, smoke, float32": (*SUITE, *ONE),
}
"""The runs by name, each in a process of its own, as Python's arguments; the floor is what draws single integers."""


def main() -> None:
    """Measure, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--counts", action="store_true", help="only count")
    parser.add_argument("--page", action="store_true", help="measure nothing")
    options = parser.parse_args()
    if not options.page:
        COUNTS.write_text(_counts(), encoding="utf-8")
    if not options.page and not options.counts:
        DATA.write_text(json.dumps(_measured(), indent=1) + "\n", encoding="utf-8")
    PAGE.write_text(performance_page.rendered(_read(DATA), _read(COUNTS)), encoding="utf-8")


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _counts() -> str:
    """JSON with one line a clause, which a diff can show."""
    from counts import counted  # noqa: PLC0415 - so that the page is made without torch

    lines = (f" {json.dumps(name)}: {json.dumps(asdict(one))}" for name, one in sorted(counted(**COUNTED).items()))
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _measured() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "results.json"
        runs = {}
        for name, arguments in RUNS.items():
            more = ("--embedding-results", str(file)) if arguments[: len(SUITE)] == SUITE else ()
            runs[name] = _cpu_seconds((*arguments, *more), folder)
            print(f"{name}: {runs[name]} s", flush=True)
            if name == "default":
                parts = _parts(file)
        costs = Path(folder) / "costs.json"
        alone = ("-c", os.devnull, "--rootdir", folder, "-p", "no:cacheprovider")  # not with the settings of our tests
        _cpu_seconds(("-m", "pytest", "-q", *alone, str(HERE / "costs.py"), f"--benchmark-json={costs}"), folder)
        medians = {one["name"]: one["stats"]["median"] for one in _read(costs)["benchmarks"]}
    first = subprocess.run([sys.executable, "-c", FIRST_CALL], capture_output=True, text=True, check=True)  # noqa: S603
    return {"integers": INTEGERS, "runs": runs, "first call": float(first.stdout), "costs": medians, **parts}


def _cpu_seconds(arguments: Sequence[str], folder: str) -> float:
    """The seconds of the processor that a run of Python takes, with its worker, in one thread.

    Raises:
        subprocess.CalledProcessError: it fails.
    """
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    subprocess.run([sys.executable, *arguments], cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL)  # noqa: S603
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return round(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, 1)


def _parts(file: Path) -> dict[str, Any]:
    """Where the time of a run went, by part and by clause, and how many cases it judged."""
    verdicts = results.read(file).verdicts
    parts, clauses, cases = Counter[str](), Counter[str](), Counter[str]()
    for verdict in verdicts:
        seconds = asdict(verdict.seconds)
        clauses[verdict.clause] += seconds.pop("total")
        cases[verdict.clause] += verdict.cases
        parts.update(seconds)
    dearest = [(name, round(seconds, 2), cases[name]) for name, seconds in clauses.most_common(15)]
    return {"cases": cases.total(), "parts": {name: round(s, 1) for name, s in parts.items()}, "dearest": dearest}


if __name__ == "__main__":
    main()
