"""How planted faults are diagnosed: in how many causes, by which fault model, and whether seeds agree; also in pairs.

    python benchmarks/diagnosis.py                     measure what is missing, then write docs/detection.md
    python benchmarks/diagnosis.py --afresh            measure everything
    python benchmarks/diagnosis.py --faults 100        a sample, the same each time

It can be interrupted at any time and goes on where it was.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import random
import sys
import time
from pathlib import Path
from typing import Any

import page

ROOT = Path(__file__).parents[1]
DATA = ROOT / "benchmarks" / "diagnosis.json"
DETECTION = ROOT / "benchmarks" / "detection.json"
sys.path.append(str(ROOT / "tests" / "faults"))  # where the faults are; other processes inherit it

SEEDS = (1, 2, 3, 4, 5)
"""The first seed is of every fault that is measured; the others are of every `AGREEING`th."""

AGREEING = 5

PAIRS = 20
"""How many embeddings with two faults are measured."""

Data = dict[str, Any]


def main() -> None:
    """Measure, and write the page."""
    from planted import BY_NAME  # noqa: PLC0415 - found on the path that this module extends

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--afresh", action="store_true", help="forget what was measured")
    parser.add_argument("--faults", type=int, default=len(BY_NAME), metavar="N", help="how many")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    options = parser.parse_args()
    data: Data = {} if options.afresh or not DATA.exists() else json.loads(DATA.read_text(encoding="utf-8"))
    names = sorted(BY_NAME)
    random.Random(0).shuffle(names)  # noqa: S311 - a sample
    pairs = _pairs(names, PAIRS)
    tasks = [(name, SEEDS[0]) for name in pairs] + [
        (name, seed) for seed in SEEDS for name in names[: options.faults : 1 if seed == SEEDS[0] else AGREEING]
    ]
    missing = [(name, seed) for name, seed in tasks if str(seed) not in data.get(name, {})]
    with multiprocessing.get_context("spawn").Pool(options.jobs) as pool:
        for number, (name, seed, found) in enumerate(pool.imap_unordered(_run, missing), 1):
            data.setdefault(name, {})[str(seed)] = found
            lines = ",\n".join(f" {json.dumps(key)}: {json.dumps(data[key])}" for key in sorted(data))
            DATA.write_text("{\n" + lines + "\n}\n", encoding="utf-8")
            print(f"{number}/{len(missing)} {name}, seed {seed}: {len(found['causes'])}", flush=True)
    written = page.rendered(json.loads(DETECTION.read_text(encoding="utf-8")), data)
    (ROOT / "docs" / "detection.md").write_text(written, encoding="utf-8")


def _pairs(names: list[str], count: int) -> list[str]:
    """Pairs of faults, neither rare, that do not meet: of one dtype, each in steps of its own, about another thing."""
    from planted import BY_NAME  # noqa: PLC0415 - found on the path that this module extends

    names = [name for name in names if BY_NAME[name].grade != "rare"]

    def steps(name: str) -> set[str]:
        return {step for step, value in vars(BY_NAME[name]).items() if callable(value)}

    pairs: list[str] = []
    for first, second in zip(names[::2], names[1::2]):
        apart = first.partition(".")[0] != second.partition(".")[0] and not steps(first) & steps(second)
        if apart and steps(first) and steps(second) and BY_NAME[first].dtype == BY_NAME[second].dtype:
            pairs.append(page.TOGETHER.join((first, second)))
    return pairs[:count]


def _run(task: tuple[str, int]) -> tuple[str, int, Data]:
    """Run every clause on a fault, on its own dtype, in the smoke profile."""
    import bench  # noqa: PLC0415 - in each process
    from embedding_conformance import check  # noqa: PLC0415
    from planted import BY_NAME  # noqa: PLC0415

    name, seed = task
    first, *others = (BY_NAME[one] for one in name.split(page.TOGETHER))
    fault: Any = type("Both", (first, *others), {"__module__": __name__}) if others else first
    vars(sys.modules[__name__])["Both"] = fault  # where pickle finds it: a copy must not fail for another reason
    start = time.process_time()
    found = check(bench.adapter(fault), profile="smoke", dtypes=fault.dtype, isolation="none", seed=seed)
    causes = [
        {
            "clause": cause.plainest,
            "fault": cause.fault,
            "where": cause.pattern,
            "clauses": len(cause.clauses),
            "case": cause.evidence.case_repr[:300],
        }
        for cause in found.causes
    ]
    model = fault.model.__name__ if fault.model else None
    return name, seed, {"causes": causes, "model": model, "seconds": round(time.process_time() - start, 1)}


if __name__ == "__main__":
    main()
