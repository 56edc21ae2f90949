"""Ways to test an embedding, each run on one fault until it is caught."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import cache, partial
from typing import Any

import torch

import baselines
import bench
from embedding_conformance.adapters.torch.module import DTYPES
from embedding_conformance.judging.clause import INFO
from embedding_conformance.running.check import Run
from embedding_conformance.running.profiles import PROFILES
from embedding_reports.outcomes import Outcome
from planted import BY_NAME
from twin import Twin

Found = dict[str, Any]
"""What came of a method: "by" (None: not caught), "cases" and "seconds" until then, and what else there is to say."""

SUBJECTS: dict[str, type[Twin]] = {"twin": Twin, **BY_NAME}


def suite(name: str, profile: str, dtypes: Callable[[type[Twin]], tuple[str, ...]]) -> Found:
    """The suite in one of its profiles, in the order in which it tells what it finds.

    A clause of level INFO does not fail a run, and so it catches nothing; what it rejects is told as "noted".
    """
    fault, few = SUBJECTS[name], replace(PROFILES[profile], diagnoses=False)
    found: Found = {"by": None}
    start = time.process_time()
    run = Run(bench.adapter(fault), profile=few, dtypes=dtypes(fault), isolation="none", seed=0)
    for clause, dtype, device in run.begin():
        if run.examine(clause, dtype, device).verdict.outcome is not Outcome.DEVIATES:
            continue
        if clause.level != INFO:
            found |= {"by": clause.id, "dtype": dtype or fault.dtype}
            break
        found.setdefault("noted", clause.id)
    return found | {"cases": run.cases, "seconds": round(time.process_time() - start, 2)}


def baseline(name: str, checks: Callable[[Any], Iterator[baselines.Check]]) -> Found:
    """A baseline: its checks one after the other, but for those that accuse the twin, which is right."""
    start, count = time.process_time(), 0
    for number, (what, check) in enumerate(checks(SUBJECTS[name])):
        count += 1
        if _fails(check) and (name == "twin" or number not in _false_alarms(checks)):
            return {"by": what, "cases": count, "seconds": round(time.process_time() - start, 2)}
    return {"by": None, "cases": count, "seconds": round(time.process_time() - start, 2)}


@cache
def _false_alarms(checks: Callable[[Any], Iterator[baselines.Check]]) -> frozenset[int]:
    """The numbers of the checks that accuse the twin."""
    return frozenset(number for number, (_, check) in enumerate(checks(Twin)) if _fails(check))


def false_alarms() -> Mapping[str, tuple[int, int]]:
    """For each baseline, how many of its checks accuse the twin, and how many there are."""
    return {name: (len(_false_alarms(checks)), sum(1 for _ in checks(Twin))) for name, checks in BASELINES.items()}


def _fails(check: Callable[[], object]) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            check()
        except Exception:  # noqa: BLE001 - a check may fail in any way
            return True
    return False


def _own_first(fault: type[Twin]) -> tuple[str, ...]:
    return (fault.dtype, *(dtype for dtype in DTYPES if dtype != fault.dtype))


def _own(fault: type[Twin]) -> tuple[str, ...]:
    return DTYPES if fault is Twin else (fault.dtype,)


BASELINES = {
    "OpInfo": baselines.opinfo,
    "ModuleInfo": baselines.moduleinfo,
    "gradcheck": baselines.gradcheck,
    "random": baselines.random_comparisons,
}

METHODS: dict[str, Callable[[str], Found]] = {
    "smoke": partial(suite, profile="smoke", dtypes=_own_first),
    "default": partial(suite, profile="default", dtypes=_own_first),
    **{name: partial(baseline, checks=checks) for name, checks in BASELINES.items()},
    "thorough": partial(suite, profile="thorough", dtypes=_own),
}
"""By name, in the order in which they are run."""

torch.set_num_threads(1)
