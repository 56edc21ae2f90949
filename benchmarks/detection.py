"""How many planted faults are caught: by the suite in each profile, and by what else there is to test with.

    python benchmarks/detection.py                     measure what is missing, then write docs/detection.md
    python benchmarks/detection.py --afresh            measure everything
    python benchmarks/detection.py --only max_norm.    measure only faults whose name begins so
    python benchmarks/detection.py --page              only write the page

It can be interrupted at any time and goes on where it was. Needs `pip install ".[torch]" expecttest`, the latter for
PyTorch's own samples.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
import time
from pathlib import Path
from typing import Any

import page
from embedding_conformance.running.profiles import PROFILES

ROOT = Path(__file__).parents[1]
DATA = ROOT / "benchmarks" / "detection.json"
DIAGNOSIS = ROOT / "benchmarks" / "diagnosis.json"
PAGE = ROOT / "docs" / "detection.md"
sys.path.append(str(ROOT / "tests" / "faults"))  # where the faults are; other processes inherit it

Data = dict[str, Any]


def main() -> None:
    """Measure, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--afresh", action="store_true", help="forget what was measured")
    parser.add_argument("--only", default="", metavar="PREFIX", help="faults whose name begins so")
    parser.add_argument("--methods", default="", metavar="LIST", help="some of the methods, comma-separated")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--page", action="store_true", help="measure nothing")
    options = parser.parse_args()
    data = {} if options.afresh or not DATA.exists() else json.loads(DATA.read_text(encoding="utf-8"))
    if not options.page:
        data = _described(data)
        with multiprocessing.get_context("spawn").Pool(options.jobs) as pool:
            for thorough in (False, True):
                missing = _missing(data, options.only, options.methods)
                _measure(data, [task for task in missing if (task[1] == "thorough") == thorough], pool)
    PAGE.write_text(page.rendered(data, json.loads(DIAGNOSIS.read_text(encoding="utf-8"))), encoding="utf-8")


def _described(data: Data) -> Data:
    """The data with every fault of the tree in it, as it is described there, and with none that is gone."""
    import torch  # noqa: PLC0415

    import methods  # noqa: PLC0415 - so that the page is made without torch

    known = data.get("faults", {})
    return {
        "torch": torch.__version__.partition("+")[0],
        "profiles": {name: profile.examples for name, profile in PROFILES.items()},
        "false alarms": methods.false_alarms(),
        "faults": {
            name: {
                "says": fault.says() if name != "twin" else "Nothing: it is right.",
                "grade": fault.grade,
                "missed": fault.missed,
                "found": known.get(name, {}).get("found", {}),
            }
            for name, fault in methods.SUBJECTS.items()
        },
    }


def _missing(data: Data, prefix: str, chosen: str) -> list[tuple[str, str]]:
    """What is yet to be measured. What the default profile caught, or noted, is not run in the thorough one."""
    import methods  # noqa: PLC0415

    return [
        (name, method)
        for name, fault in data["faults"].items()
        if name.startswith(prefix)
        for method in (chosen.split(",") if chosen else methods.METHODS)
        if method not in fault["found"] and not (method == "thorough" and page.settled(fault))
    ]


def _measure(data: Data, tasks: list[tuple[str, str]], pool: Any) -> None:
    """Run the tasks, keeping each result as it comes."""
    start = time.monotonic()
    DATA.write_text(_written(data), encoding="utf-8")
    for number, (name, method, found) in enumerate(pool.imap_unordered(_run, tasks), 1):
        data["faults"][name]["found"][method] = found
        DATA.write_text(_written(data), encoding="utf-8")
        seconds = time.monotonic() - start
        print(f"{number}/{len(tasks)} {seconds:.0f} s  {name} {method}: {found['by']}", flush=True)


def _run(task: tuple[str, str]) -> tuple[str, str, Any]:
    import methods  # noqa: PLC0415 - in each process

    name, method = task
    return name, method, methods.METHODS[method](name)


def _written(data: Data) -> str:
    """JSON with one line a fault, which a diff can show."""
    faults = ",\n".join(f"  {json.dumps(name)}: {json.dumps(fault)}" for name, fault in data["faults"].items())
    rest = {name: value for name, value in data.items() if name != "faults"}
    return json.dumps(rest, indent=1)[:-2] + ',\n "faults": {\n' + faults + "\n }\n}\n"


if __name__ == "__main__":
    main()
