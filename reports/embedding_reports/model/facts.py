"""The facts of a run: what was run, on what, how to run it again, and where the time went."""

from __future__ import annotations

import math
import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from embedding_reports.model.order import python
from embedding_reports.records import Results


@dataclass(frozen=True)
class Phase:
    """Time spent on one kind of work, summed over all verdicts, in seconds; per case where there were cases."""

    name: str
    seconds: float
    per_case: float | None


def facts(run: Results) -> dict[str, str]:
    """What a reader needs to place a run, name to words; what is empty is left out."""
    header, footer = run.header, run.footer
    implementation, platform = header.implementation, header.platform
    found = {
        "Implementation": f"{implementation.name} {implementation.version}".strip(),
        "Target": implementation.target,
        "Adapter": implementation.adapter,
        "Profile": header.profile,
        "Seed": header.seed,
        "Fails on": {"must": "MUST only", "should": "MUST and SHOULD"}.get(header.level, header.level),
        "Isolation": header.isolation,
        "Devices": ", ".join(header.devices),
        "Python": python(run),
        "Platform": f"{platform.system} ({platform.machine})",
        "Started": moment(header.started),
        "Duration": duration(footer.seconds),
        "Exit status": _exit_status(footer.exit_status),
        "Packages": ", ".join(f"{name} {version}" for name, version in header.packages.items()),
        "Environment": ", ".join(f"{name}={value}" for name, value in header.environment.items()),
    }
    if found["Adapter"] == found["Target"]:
        del found["Adapter"]
    return {name: value for name, value in found.items() if value}


def reproduce(run: Results) -> str:
    """The command line that runs the same cases again; options at their default are left out."""
    header = run.header
    words = ["pytest", "--pyargs", "embedding_conformance", "--embedding", header.implementation.target]
    for option, given in (("--embedding-profile", header.profile), ("--hypothesis-seed", header.seed)):
        if given:  # a run that did not take place has neither
            words += [option, given]
    if header.devices not in ((), ("cpu",)):
        words += ["--embedding-device", ",".join(header.devices)]
    for option, given, default in (("level", header.level, "should"), ("isolation", header.isolation, "auto")):
        if given != default:
            words += [f"--embedding-{option}", given]
    return shlex.join(words)


def timing(run: Results) -> list[Phase]:
    """Where the time went, phase by phase, and the sum of all."""
    cases = sum(verdict.cases for verdict in run.verdicts)
    seconds = [verdict.seconds for verdict in run.verdicts]
    # fsum, because sum rounds otherwise before Python 3.12, which would show in the last digit.
    total = math.fsum(each.total for each in seconds)
    spent = {
        "Drawing cases": math.fsum(each.drawing for each in seconds),
        "Reference model": math.fsum(each.reference for each in seconds),
        "Implementation": math.fsum(each.adapter for each in seconds),
        "Judging": math.fsum(each.judging for each in seconds),
    }
    # Clocks are read at different moments: never show a remainder below nothing.
    spent["Other"] = max(0.0, total - math.fsum(spent.values()))
    spent["All verdicts"] = total
    return [Phase(label, time, time / cases if cases else None) for label, time in spent.items()]


def labels(runs: Sequence[Results]) -> list[str]:
    """A name for each run: its implementation and version, and whatever else tells it from the others."""
    named = [_name(run) for run in runs]
    result = list(named)
    for name in dict.fromkeys(named):
        same = [number for number, other in enumerate(named) if other == name]
        if len(same) > 1:
            apart = _apart([runs[number] for number in same])
            for number, difference in zip(same, apart, strict=True):
                result[number] = f"{name} ({difference})"
    return result


def short_labels(runs: Sequence[Results]) -> list[str]:
    """Labels without the name of the implementation, where it is the same for all and has versions."""
    found = labels(runs)
    names = {run.header.implementation.name for run in runs}
    versions = {run.header.implementation.version for run in runs}
    if len(names) > 1 or "" in versions:
        return found
    (name,) = names
    return [label.removeprefix(" ".join(name.split())).strip() for label in found]


def _apart(runs: Sequence[Results]) -> list[str]:
    """What tells runs of one implementation and version apart; their position when nothing does."""
    headers = [run.header for run in runs]
    candidates = (
        [header.implementation.target for header in headers],
        [", ".join(header.devices) for header in headers],
        [f"{header.profile} profile" for header in headers],
        [f"Python {python(run)}" for run in runs],
        [f"seed {header.seed}" for header in headers],
        [moment(header.started) for header in headers],
    )
    numbered = [f"run {number}" for number in range(1, len(runs) + 1)]
    return next((values for values in candidates if len(set(values)) == len(values)), numbered)


def _name(run: Results) -> str:
    header = run.header
    name = " ".join(f"{header.implementation.name} {header.implementation.version}".split())
    return name if header.devices in ((), ("cpu",)) else f"{name} on {', '.join(header.devices)}"


def moment(time: str) -> str:
    """`2026-11-23T14:00:00Z` for people: `2026-11-23 14:00 UTC`."""
    return f"{time[:10]} {time[11:16]} UTC"


def duration(seconds: float) -> str:
    """A duration in the unit that suits it: `0.4 ms`, `1.2 s`, `1 min 35 s`, `2 h 05 min`."""
    if seconds < 0.9995:
        return f"{seconds * 1000:.3g} ms"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02} s"
    return "{} h {:02} min".format(*divmod(minutes, 60))


def _exit_status(status: int) -> str:
    meanings = {0: "passes", 1: "fails", 2: "interrupted"}
    return f"{status} ({meanings[status]})" if status in meanings else str(status)
