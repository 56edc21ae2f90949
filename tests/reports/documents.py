"""Results documents for tests: small ones built part by part, and one of the size of a real run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Document = dict[str, Any]

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


def clause(name: str = "padding_idx.no-gradient", **changes: Any) -> Document:
    """One clause; its section is what stands before the first dot of its name."""
    section = name.partition(".")[0]
    return {
        "id": name,
        "level": "MUST",
        "section": section,
        "argument": section,
        "text": "The row at padding_idx receives a zero gradient, however often it is looked up.",
        "doc": section,
        "since": None,
        "until": None,
        **changes,
    }


def verdict(name: str = "padding_idx.no-gradient", kind: str = "conforms", **changes: Any) -> Document:
    """One verdict on float32 on the cpu, with what a verdict of its kind carries."""
    by_kind: dict[str, Document] = {
        "deviates": {"fails": True, "deviation": deviation()},
        "known deviation": {"known": [known()]},
        "unsupported": {"cases": 1, "exercised": 0, "reason": "no complex arithmetic"},
        "not exercised": {"exercised": 3, "reason": "3 cases met the precondition"},
        "error": {"fails": True, "cases": 0, "exercised": 0, "reason": "TypeError: the adapter broke"},
    }
    return {
        "clause": name,
        "dtype": "float32",
        "device": "cpu",
        "verdict": kind,
        "fails": False,
        "cases": 120,
        "exercised": 118,
        "enough": 10,
        "seconds": {"total": 1.2, "drawing": 0.3, "reference": 0.4, "adapter": 0.3, "judging": 0.1},
        "worst": None,
        "reason": None,
        "deviation": None,
        "known": [],
        **by_kind.get(kind, {}),
        **changes,
    }


def deviation(**changes: Any) -> Document:
    """A gradient that should be zero and is not."""
    return {
        "summary": "gradient at [1, 0] is 2.0, expected 0.0",
        "case": {"num_embeddings": 3},
        "case_repr": "Case(Config(num_embeddings=3, embedding_dim=2, padding_idx=1), indices=[1, 1])",
        "expected": "Exactly 0.0",
        "observed": "2.0",
        "difference": {
            "where": "[1, 0]",
            "expected": "0.0",
            "expected_bits": "0x00000000",
            "observed": "2.0",
            "observed_bits": "0x40000000",
        },
        "script": SCRIPT.format(dtype="float32"),
        **changes,
    }


def known(**changes: Any) -> Document:
    """A ledger entry whose witness still fails."""
    return {
        "reason": "sparse gradients of a zero-dimensional index are rejected",
        "link": "https://github.com/pytorch/pytorch/issues/1",
        "versions": ">=2.0",
        "features": {"sparse": True, "index_ndim": 0},
        "inherited": False,
        "deviation": deviation(),
        **changes,
    }


def document(*verdicts: Document, **changes: Any) -> Document:
    """A complete run with these verdicts, and the clauses that they name.

    Keywords named like a key of the header or footer change it there; any other replaces a part of the document.
    """
    names = dict.fromkeys(each["clause"] for each in verdicts)
    header: Document = {
        "started": "2026-11-23T14:00:00Z",
        "implementation": {
            "target": "torch",
            "adapter": "torch",
            "name": "torch.nn.Embedding",
            "version": "2.13.0+cpu",
        },
        "profile": "default",
        "seed": "12345",
        "level": "should",
        "isolation": "auto",
        "dtypes": ["float32"],
        "devices": ["cpu"],
        "platform": {"python": "3.11.7", "system": "Linux-6.1-x86_64-with-glibc2.36", "machine": "x86_64"},
        "packages": {
            "embedding-conformance": "0.1.0",
            "torch": "2.13.0+cpu",
            "hypothesis": "6.150.0",
            "pytest": "9.2.0",
        },
        "environment": {"OMP_NUM_THREADS": "2"},
    }
    footer: Document = {
        "finished": "2026-11-23T14:01:35Z",
        "complete": True,
        "seconds": 95.1,
        "verdicts": len(verdicts),
        "exit_status": int(any(each["fails"] for each in verdicts)),
        "notes": [],
    }
    for part in (header, footer):
        part.update({key: changes.pop(key) for key in list(changes) if key in part})
    return {
        "schema": "embedding-conformance-results",
        "schema_version": 1,
        "header": header,
        "clauses": [clause(name) for name in names],
        "verdicts": list(verdicts),
        "footer": footer,
        **changes,
    }


KINDS = {
    "sparse": ("False", "True"),
    "max_norm": ("None", "exceeded"),
    "index_ndim": ("0", "1"),
    "index_layout": ("contiguous", "sliced"),
}


def interplay(
    *columns: tuple[str, str], pairs: Mapping[str, int], kinds: Mapping[str, Sequence[str]] = KINDS
) -> Document:
    """The parts "kinds" and "interplay": columns, each with the pairs given, and no lookups by rank of the index.

    A pair is written as "argument kind, argument kind", the kind alone as "argument kind"; all others are 1.
    """
    numbered = [(argument, kind) for argument, known in kinds.items() for kind in known]

    def entry(one: int, other: int) -> int:
        if one != other and numbered[one][0] == numbered[other][0]:
            return -1
        names = dict.fromkeys(" ".join(numbered[number]) for number in (other, one))
        return pairs.get(", ".join(names), 1)

    triangle = [[entry(row, column) for column in range(row + 1)] for row in range(len(numbered))]
    empty = [[min(n, 0) for n in row] for row in triangle]
    by_column = [
        {"dtype": dtype, "device": device, "index_ndim": None, "lookups": 12, "pairs": triangle}
        for dtype, device in columns
    ]
    by_rank = [
        {"dtype": None, "device": None, "index_ndim": rank, "lookups": 0, "pairs": empty}
        for rank in kinds.get("index_ndim", ())
    ]
    return {
        "kinds": [{"argument": argument, "kind": kind} for argument, kind in numbered],
        "interplay": by_column + by_rank,
    }


def implementation(**changes: Any) -> Document:
    """The header's entry for torch's own embedding, changed."""
    torch = {"target": "torch", "adapter": "torch", "name": "torch.nn.Embedding", "version": "2.13.0+cpu"}
    return {**torch, **changes}


def realistic(per_section: int = 9, **changes: Any) -> Document:
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
            verdicts += _cells(name, section, number)
    notes = ["ledger entry sparse.refuses-float {sparse = true} matched nothing: remove it"]
    met = interplay(
        *((dtype, "cpu") for dtype in DTYPES),
        pairs={"padding_idx kind 1, sparse kind 2": 0, "padding_idx kind 2, sparse kind 3": 1234},
        kinds={name: [f"kind {number}" for number in range(1, 5)] for name in ARGUMENTS} | {"index_ndim": list("0123")},
    )
    return document(*verdicts, **{"clauses": clauses, "dtypes": list(DTYPES), "notes": notes, **met, **changes})


def _cells(name: str, section: str, number: int) -> list[Document]:
    kinds = {
        "padding_idx.accumulates": "deviates",
        "max_norm.empty": "deviates",
        "sparse.scalar": "known deviation",
        "scale_grad_by_freq.repeats": "not exercised",
        "module.order": "error",
    }
    kind = kinds.get(name, "conforms")
    cells = []
    for column, dtype in enumerate(DTYPES):
        cell = verdict(name, kind, dtype=dtype, exercised=100 + (7 * number + 13 * column) % 120, cases=220)
        if kind == "not exercised":
            cell |= {"exercised": 3}
        if kind == "deviates":
            cell["deviation"] = deviation(
                summary=f"{dtype} gradient at [1, 0] is {column + 2}.0, expected 0.0",
                script=SCRIPT.format(dtype=dtype),
            )
        if name == "max_norm.empty" and column > 1:
            cell = verdict(name, dtype=dtype, exercised=96, cases=220)
        if section == "max_norm" and dtype.startswith("complex"):
            cell = verdict(name, "unsupported", dtype=dtype, reason="max_norm of complex weights is not provided")
        elif kind == "conforms" and section in {"max_norm", "scale_grad_by_freq"}:
            cell["worst"] = (0.0, 0.004, 0.41, 0.73, 0.9999)[(number + column) % 5]
        cells.append(cell)
    return cells
