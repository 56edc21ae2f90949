"""Records for tests: small ones built part by part, and a run of the size of a real one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

from embedding_reports.condition import Condition
from embedding_reports.outcomes import Outcome
from embedding_reports.records import (
    Cause,
    Clause,
    Difference,
    Evidence,
    Footer,
    Header,
    Implementation,
    Kind,
    Known,
    PairCounts,
    Platform,
    Results,
    Seconds,
    Verdict,
)

DTYPES = ("float16", "bfloat16", "float32", "float64", "complex64", "complex128")

ARGUMENTS = (
    *("padding_idx", "pads", "max_norm", "norm_type", "scale_grad_by_freq", "sparse", "freeze", "backward"),
    *("index_ndim", "index_numel", "duplicates", "index_dtype", "index_layout", "weight_layout", "upstream_layout"),
)

SCRIPT = """\
import torch

embedding = torch.nn.Embedding(3, 2, padding_idx=1, dtype=torch.{dtype})
output = embedding(torch.tensor([1, 1]))
output.backward(torch.ones_like(output))
print(embedding.weight.grad[1])  # documented: a row of zeros
"""


def clause(name: str = "padding_idx.no-gradient", **changes: Any) -> Clause:
    """One clause; its section is what stands before the first dot of its name."""
    section = name.partition(".")[0]
    made = Clause(
        id=name,
        level="MUST",
        section=section,
        argument=section,
        text="The row at padding_idx receives a zero gradient, however often it is looked up.",
        doc=section,
        since=None,
        until=None,
    )
    return replace(made, **changes)


def verdict(name: str = "padding_idx.no-gradient", outcome: str = "conforms", **changes: Any) -> Verdict:
    """One verdict on float32 on the cpu, with what a verdict of its outcome carries. Lists become tuples."""
    by_outcome: dict[Outcome, dict[str, Any]] = {
        Outcome.DEVIATES: {"fails": True, "deviation": deviation()},
        Outcome.KNOWN_DEVIATION: {"known": (known(),)},
        Outcome.UNSUPPORTED: {"cases": 1, "exercised": 0, "reason": "no complex arithmetic"},
        Outcome.NOT_EXERCISED: {"exercised": 3, "reason": "3 cases could have failed"},
        Outcome.ERROR: {"fails": True, "cases": 0, "exercised": 0, "reason": "TypeError: the adapter broke"},
    }
    made = Verdict(
        clause=name,
        dtype="float32",
        device="cpu",
        outcome=Outcome(outcome),
        fails=False,
        cases=120,
        exercised=118,
        enough=10,
        seconds=Seconds(total=1.2, drawing=0.3, reference=0.4, adapter=0.3, judging=0.1),
    )
    return replace(made, **{**by_outcome.get(made.outcome, {}), **_frozen(changes)})


def deviation(**changes: Any) -> Evidence:
    """A gradient that should be zero and is not."""
    made = Evidence(
        summary="gradient at [1, 0] is 2.0, expected 0.0",
        case={"num_embeddings": 3},
        case_repr="Case(Config(num_embeddings=3, embedding_dim=2, padding_idx=1), indices=[1, 1])",
        expected="Exactly 0.0",
        observed="2.0",
        difference=Difference("[1, 0]", "0.0", "2.0", expected_bits="0x00000000", observed_bits="0x40000000"),
        script=SCRIPT.format(dtype="float32"),
    )
    return replace(made, **changes)


def known(**changes: Any) -> Known:
    """A ledger entry whose witness still fails."""
    made = Known(
        reason="sparse gradients of a zero-dimensional index are rejected",
        link="https://github.com/pytorch/pytorch/issues/1",
        versions=">=2.0",
        features={"sparse": True, "index_ndim": 0},
        inherited=False,
        deviation=deviation(),
    )
    return replace(made, **changes)


def cause(**changes: Any) -> Cause:
    """Tables of one row whose output is twice the row, if more than one element is looked up. Lists become tuples."""
    made = Cause(
        number=1,
        where=(Condition("num_embeddings", least=1, most=1), Condition("index_numel", least=2)),
        does="The output is twice the row.",
        fault="DoublesTheOutput",
        plainest="lookup.bits",
        clauses=("lookup.bits", "lookup.one-hot"),
        dtypes=("float32",),
        devices=("cpu",),
        deviating=11,
        covered=12,
        outside=30,
        evidence=deviation(summary="output differs", case_repr="Case(one row)", expected="[1.0]", observed="[2.0]"),
    )
    return replace(made, **_frozen(changes))


def showing(*causes: Cause, clauses: Sequence[str] = (), **changes: Any) -> Results:
    """A run in which each clause of the causes deviates by them, and further clauses conform, all on float32."""
    broken: dict[str, list[int]] = {name: [] for name in clauses}
    for one in causes:
        for name in one.clauses:
            broken.setdefault(name, []).append(one.number)
    verdicts = [
        verdict(name, "deviates" if numbers else "conforms", causes=numbers) for name, numbers in sorted(broken.items())
    ]
    return results_with(*verdicts, causes=causes, **changes)


def results_with(*verdicts: Verdict, **changes: Any) -> Results:
    """A complete run with these verdicts, and the clauses that they name.

    Keywords named like a field of the header or footer change it there; any other replaces a part of the results. Lists
    become tuples.
    """
    changes = _frozen(changes)
    header = Header(
        started="2026-11-23T14:00:00Z",
        implementation=implementation(),
        profile="default",
        seed="12345",
        level="should",
        isolation="auto",
        dtypes=("float32",),
        devices=("cpu",),
        platform=Platform(python="3.11.7", system="Linux-6.1-x86_64-with-glibc2.36", machine="x86_64"),
        packages={
            "embedding-conformance": "0.1.0",
            "torch": "2.13.0+cpu",
            "hypothesis": "6.150.0",
            "pytest": "9.2.0",
        },
        environment={"OMP_NUM_THREADS": "2"},
    )
    footer = Footer(
        finished="2026-11-23T14:01:35Z",
        complete=True,
        seconds=95.1,
        verdicts=len(verdicts),
        exit_status=int(any(each.fails for each in verdicts)),
    )
    clauses = tuple(clause(name) for name in dict.fromkeys(each.clause for each in verdicts))
    of_header, of_footer = _taken(changes, Header), _taken(changes, Footer)
    made = Results(replace(header, **of_header), clauses, verdicts, replace(footer, **of_footer))
    return replace(made, **changes)


def _frozen(changes: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in changes.items()}


def _taken(changes: dict[str, Any], record: type[Header | Footer]) -> dict[str, Any]:
    """The changes of a record's fields, removed from the others."""
    names = {field.name for field in fields(record)} - {"verdicts"}
    return {name: changes.pop(name) for name in list(changes) if name in names}


KINDS = {
    "sparse": ("False", "True"),
    "max_norm": ("None", "exceeded"),
    "index_ndim": ("0", "1"),
    "index_layout": ("contiguous", "sliced"),
}


def interplay(
    *columns: tuple[str, str], pairs: Mapping[str, int], kinds: Mapping[str, Sequence[str]] = KINDS
) -> dict[str, Any]:
    """The parts "kinds" and "interplay": columns, each with the pairs given, and no lookups by rank of the index.

    A pair is written as "argument kind, argument kind", the kind alone as "argument kind"; all others are 1.
    """
    numbered = [Kind(argument, kind) for argument, names in kinds.items() for kind in names]

    def entry(one: int, other: int) -> int:
        if one != other and numbered[one].argument == numbered[other].argument:
            return -1
        names = dict.fromkeys(f"{numbered[number].argument} {numbered[number].kind}" for number in (other, one))
        return pairs.get(", ".join(names), 1)

    triangle = tuple(tuple(entry(row, column) for column in range(row + 1)) for row in range(len(numbered)))
    empty = tuple(tuple(min(n, 0) for n in row) for row in triangle)
    by_column = [PairCounts(dtype, device, None, lookups=12, pairs=triangle) for dtype, device in columns]
    by_rank = [PairCounts(None, None, rank, lookups=0, pairs=empty) for rank in kinds.get("index_ndim", ())]
    return {"kinds": tuple(numbered), "interplay": (*by_column, *by_rank)}


def implementation(**changes: Any) -> Implementation:
    """The header's entry for torch's own embedding, changed."""
    return replace(Implementation("torch", adapter="torch", name="torch.nn.Embedding", version="2.13.0+cpu"), **changes)


def realistic(per_section: int = 9, **changes: Any) -> Results:
    """A run over every dtype with something of each verdict; 1 + 6 x `per_section` clauses."""
    clauses = [clause("construction.shape", text="weight has shape (num_embeddings, embedding_dim).")]
    verdicts = [verdict("construction.shape", dtype=None, device=None, cases=40, exercised=40)]
    sections = ("lookup", "padding_idx", "max_norm", "scale_grad_by_freq", "sparse", "module")
    topics = ("bits", "shape", "no-gradient", "accumulates", "repeats", "order", "empty", "scalar", "refuses-float")
    for section in sections:
        for number in range(per_section):
            name = f"{section}.{topics[number % len(topics)]}{'' if number < len(topics) else number}"
            level = ("MUST", "MUST", "SHOULD", "MUST", "INFO", "MUST")[number % 6]
            clauses.append(clause(name, level=level, since="2.0" if number == 7 else None))
            verdicts += [_realistic(name, number, column) for column in range(len(DTYPES))]
    notes = ["ledger entry sparse.refuses-float {sparse = true} matched nothing: remove it"]
    met = interplay(
        *((dtype, "cpu") for dtype in DTYPES),
        pairs={"padding_idx kind 1, sparse kind 2": 0, "padding_idx kind 2, sparse kind 3": 1234},
        kinds={name: [f"kind {number}" for number in range(1, 5)] for name in ARGUMENTS} | {"index_ndim": list("0123")},
    )
    parts = {"clauses": clauses, "dtypes": DTYPES, "notes": notes, **met}
    return results_with(*verdicts, **{**parts, **changes})


def _realistic(name: str, number: int, column: int) -> Verdict:
    section, dtype = name.partition(".")[0], DTYPES[column]
    if section == "max_norm" and dtype.startswith("complex"):
        return verdict(name, "unsupported", dtype=dtype, reason="max_norm of complex weights is not provided")
    if name == "max_norm.empty" and column > 1:
        return verdict(name, dtype=dtype, exercised=96, cases=220)
    outcome = {
        "padding_idx.accumulates": "deviates",
        "max_norm.empty": "deviates",
        "sparse.scalar": "known deviation",
        "scale_grad_by_freq.repeats": "not exercised",
        "module.order": "error",
    }.get(name, "conforms")
    made = verdict(name, outcome, dtype=dtype, exercised=100 + (7 * number + 13 * column) % 120, cases=220)
    if made.outcome is Outcome.NOT_EXERCISED:
        return replace(made, exercised=3)
    if made.outcome is Outcome.DEVIATES:
        summary = f"{dtype} gradient at [1, 0] is {column + 2}.0, expected 0.0"
        return replace(made, deviation=deviation(summary=summary, script=SCRIPT.format(dtype=dtype)))
    if made.outcome is Outcome.CONFORMS and section in {"max_norm", "scale_grad_by_freq"}:
        return replace(made, worst=(0.0, 0.004, 0.41, 0.73, 0.9999)[(number + column) % 5])
    return made
