"""`docs/detection.md`, made of what was measured."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from statistics import median
from typing import Any

Data = dict[str, Any]

GRADES = ("easy", "medium", "rare")
SUITE = {"smoke": "suite, `smoke`", "default": "suite, `default`", "thorough": "suite, `thorough`"}
OTHERS = {
    "OpInfo": "OpInfo samples",
    "ModuleInfo": "ModuleInfo inputs",
    "gradcheck": "gradcheck, gradgradcheck",
    "random": "100 random comparisons",
}

INTRODUCTION = """\
# Detection power

What a conformance suite is worth shows where something is wrong. `tests/faults/` holds {count} embeddings that are
each wrong in one way, described in one sentence, and right in everything else. A test proves of each, without the
suite, that it differs from `torch.nn.Embedding` somewhere. This page says which of them are caught, by the suite and
by what else there is to test with, on the CPU with torch {torch}.

A fault is *easy* where it shows wherever the argument that it is about is in use, *medium* where it takes one more
condition that is common, *rare* where several must come together, or one that few calls meet: more than a thousand
lookups, a single dtype, a third call. The grades say how hard a fault is to hit, not how bad it is.
"""

METHOD = """\
## How this was measured

- `python benchmarks/detection.py --afresh` measures everything and writes this page; its data is
  `benchmarks/detection.json`. Cases are the same each time: Hypothesis is told to derive its choices from the test,
  not from a random seed. Seconds are those of the processor, without the time to import.
- **The suite** runs as it does for a user, but without a diagnosis: at first the edge cases of all clauses, on one
  dtype after the other, the one that the fault is about (float32 for most) first; then clause by clause in the order of
  [the contract](contract.md), those first that failed. It stops at the first clause that rejects the fault. A deviation
  from a clause of level INFO fails no run, and is not counted as catching it. `thorough` ran only on what `default`
  had missed and had not shown to break such a clause, and only on the fault's own dtype; what `default` catches counts
  for it, too. A case counts as often as clauses judged it.
- **Baselines** compare each fault with torch itself: outputs, gradients and the weight after the call, with
  `torch.testing.assert_close` and its default tolerances, and whether a call is refused. They run on every dtype that
  they offer. *OpInfo samples* are those of `nn.functional.embedding` in `torch.testing._internal` (contiguous and
  not, and the error inputs), in a module whose `_weight` is the sample's. *ModuleInfo inputs* are those of
  `nn.Embedding`, with what PyTorch's own tests of modules do with them: a fresh weight for the same seed, state,
  pickle, layout, mode, repr, gradcheck, error inputs. *gradcheck* is a plain lookup of a 0-d, 1-d and 2-d index,
  first and second order. *100 random comparisons* is what one would write in an afternoon: every argument, shape and
  dtype at random.
- **A correct embedding**, written apart from torch's, is tested in the same way. The suite must accept it. A baseline
  check that accuses it (in half precision torch adds duplicates with more rounding errors than the tolerances allow
  for) is not held against the faults: such checks catch nothing.
- The faults were planted by those who wrote the suite. A fault that the suite misses is kept, and says why. So the
  table does not say how many of all possible faults are caught; it says which of these, and it compares like with
  like.
"""


TOGETHER = " + "
"""What stands between the names of two faults in one embedding."""


def rendered(data: Data, diagnosed: Data) -> str:
    """The page as Markdown, of the data of `detection.py` and of `diagnosis.py`."""
    faults = {name: fault for name, fault in data["faults"].items() if name != "twin"}
    parts = [
        INTRODUCTION.format(count=len(faults), torch=data["torch"]),
        "\n".join(["## What is caught", "", *_totals(data, faults)]),
        "\n".join(_missed(faults)),
        "\n".join(_only_elsewhere(faults)),
        "\n".join(_diagnosis(diagnosed, len(faults))),
        METHOD,
        "\n".join(_clauses(faults)),
        "\n".join(_each(faults)),
    ]
    return "\n".join(part.rstrip("\n") + "\n" for part in parts)


def _diagnosis(diagnosed: Data, count: int) -> Iterator[str]:
    """In how many causes faults are told, by which fault model, and whether seeds agree."""
    yield "## What is said"
    yield ""
    both = [runs["1"] for name, runs in diagnosed.items() if TOGETHER in name]
    diagnosed = {name: runs for name, runs in diagnosed.items() if TOGETHER not in name}
    first = {name: runs["1"] for name, runs in diagnosed.items() if runs.get("1", {}).get("causes")}
    models = {name: run["model"] for name, run in first.items()}
    told = {name: run["causes"][0]["fault"] for name, run in first.items()}
    with_model = [name for name, model in models.items() if model]
    right = sum(told[name] == models[name] for name in with_model)
    others = sum(told[name] not in (models[name], None) for name in with_model)
    guessed = sum(told[name] is not None for name in first if not models[name])
    several = [runs for runs in diagnosed.values() if len(runs) > 1 and all(run["causes"] for run in runs.values())]
    same = sum(len({run["causes"][0]["case"] for run in runs.values()}) == 1 for runs in several)
    yield f"Measured on {len(diagnosed)} of the {count} faults, drawn at random; {len(first)} deviate in the run:"
    yield ""
    yield "| | |"
    yield "| --- | ---: |"
    yield _row("come out as one cause", _share(sum(len(run["causes"]) == 1 for run in first.values()), len(first)))
    yield _row("the first cause is explained by a fault model", _share(sum(map(bool, told.values())), len(first)))
    yield _row("by the one that the fault names, where it names one", _share(right, len(with_model)))
    yield _row("by another one, where it names one", _share(others, len(with_model)))
    yield _row("by one, where the fault names none", _share(guessed, len(first) - len(with_model)))
    yield _row("the same smallest case with five seeds", _share(same, len(several)))
    yield _row(
        "two faults in one embedding come out as two causes",
        _share(sum(len(r["causes"]) == 2 for r in both), len(both)),
    )
    yield _row("median seconds of the run", f"{median(run['seconds'] for run in first.values()):.1f}" if first else "")
    yield ""
    yield "`python benchmarks/diagnosis.py` runs every clause on each, on its own dtype, in the profile `smoke`. One"
    yield "that is explained by another fault model may still be told rightly: some models are special cases of others."


def _share(part: int, whole: int) -> str:
    return f"{part} of {whole} ({100 * part / whole:.0f} %)" if whole else "not measured"


def _totals(data: Data, faults: Data) -> Iterator[str]:
    sizes = Counter(fault["grade"] for fault in faults.values())
    heads = [f"{grade} ({sizes[grade]})" for grade in GRADES]
    yield _row("method", *heads, f"all ({len(faults)})", "accuses the correct one", "median cases", "median seconds")
    yield "| --- |" + " ---: |" * 7
    for method, title in {**SUITE, **OTHERS}.items():
        if method == "thorough" and not _is_comparable(faults):
            yield _row(title, *["not run"] * 5, "", "")
            continue
        caught = {name: found for name, fault in faults.items() if (found := _found(fault, method)).get("by")}
        counts = Counter(faults[name]["grade"] for name in caught)
        run = Counter(fault["grade"] for fault in faults.values() if _found(fault, method))
        yield _row(
            title,
            *(f"{counts[grade]} of {run[grade]}" if run[grade] else "not run" for grade in GRADES),
            f"{len(caught)} of {run.total()}" if run else "not run",
            _accusations(data, method),
            f"{median(found['cases'] for found in caught.values()):.0f}" if caught else "",
            f"{median(found['seconds'] for found in caught.values()):.2f}" if caught else "",
        )
    yield ""
    yield "Cases and seconds are those until a fault is caught, over the faults that are."
    left = Counter(m for fault in faults.values() for m in (*SUITE, *OTHERS) if not _found(fault, m))
    if left:
        yield ""
        yield f"**Not measured yet:** {', '.join(f'{m} on {count} faults' for m, count in left.items())}."


def _accusations(data: Data, method: str) -> str:
    if method in OTHERS:
        return "{} of {} checks".format(*data["false alarms"][method])
    found = data["faults"]["twin"]["found"].get(method, {})
    return found.get("by") or f"never, in {found['cases']} cases" if found else "not run"


def _is_comparable(faults: Data) -> bool:
    """Whether the thorough profile ran on all that the default one missed; before, it counts the easier ones alone."""
    return all(_found(fault, "thorough") for fault in faults.values() if _found(fault, "default"))


def settled(fault: Data) -> Data:
    """What the default profile made of a fault if it caught or noted it, which counts for the thorough one; else {}."""
    default: Data = fault["found"].get("default", {})
    return default if default.get("by") or default.get("noted") else {}


def _found(fault: Data, method: str) -> Data:
    """What came of a method, or {} if it was not run."""
    found: Data = fault["found"].get(method, {})
    return (settled(fault) if method == "thorough" else {}) or found


def _missed(faults: Data) -> Iterator[str]:
    for title, caught_later in (
        ("Missed by `default`, caught by `thorough`", True),
        ("Missed by every profile", False),
    ):
        chosen = {
            name: fault
            for name, fault in faults.items()
            if (last := _found(fault, "thorough"))
            and not _found(fault, "default").get("by")
            and bool(last["by"]) == caught_later
        }
        yield f"## {title}"
        yield ""
        for name, fault in chosen.items():
            noted = _found(fault, "thorough").get("noted")
            why = f" Shown by `{noted}`, which is INFO and fails no run." if noted else ""
            why += f" Why: {fault['missed']}." if fault["missed"] and not caught_later else ""
            yield f"- `{name}` ({fault['grade']}): {fault['says']}{why}"
        if not chosen:
            yield "None."
        yield ""


def _only_elsewhere(faults: Data) -> Iterator[str]:
    yield "## Missed by `default`, caught by something else"
    yield ""
    none = True
    for name, fault in faults.items():
        others = [title for method, title in OTHERS.items() if _found(fault, method).get("by")]
        if others and _found(fault, "default") and not _found(fault, "default")["by"]:
            none = False
            yield f"- `{name}`: by {' and '.join(others)}"
    if none:
        yield "None."


def _clauses(faults: Data) -> Iterator[str]:
    first = Counter(found["by"] for fault in faults.values() if (found := _found(fault, "default")).get("by"))
    yield "## Which clause is the first to catch"
    yield ""
    yield "In the `default` profile. A clause further down catches many of the same faults, if the run goes on."
    yield ""
    yield _row("clause", "faults")
    yield "| --- | ---: |"
    for clause, count in first.most_common():
        yield _row(f"`{clause}`", count)


def _each(faults: Data) -> Iterator[str]:
    yield "## Every fault"
    yield ""
    yield "✓ caught, · not caught, empty: not measured. Clause, cases and seconds are those of the `default` profile."
    yield ""
    yield _row("fault", "grade", "caught by", "cases", "seconds", "smoke", "thorough", *OTHERS)
    yield "| --- | --- | --- | ---: | ---: |" + " :-: |" * (2 + len(OTHERS))
    for name, fault in faults.items():
        found = _found(fault, "default")
        caught = (f"`{found['by']}`", found["cases"], found["seconds"]) if found.get("by") else (_mark(found), "", "")
        marks = [_mark(_found(fault, method)) for method in ("smoke", "thorough", *OTHERS)]
        yield _row(f"`{name}`", fault["grade"], *caught, *marks)


def _mark(found: Data) -> str:
    return "" if not found else "✓" if found["by"] else "·"


def _row(*cells: object) -> str:
    return "| " + " | ".join(map(str, cells)) + " |"
