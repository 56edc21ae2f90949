"""The contract is whole, and each clause is one sentence."""

from __future__ import annotations

import re

import pytest

from embedding_conformance.adapters.torch.module import DTYPES as TORCH_DTYPES
from embedding_conformance.cases.case import DTYPES
from embedding_conformance.judging.clause import INFO, MUST, SHOULD, Clause
from embedding_conformance.suite.catalogue import clauses
from embedding_reports.outcomes import GROUND_LEGEND

CLAUSES = clauses()
SECTIONS = (
    "construction",
    "from_pretrained",
    "lookup",
    "gradient",
    "padding_idx",
    "max_norm",
    "norm_type",
    "scale_grad_by_freq",
    "sparse",
    "module",
    "sequences",
)
ARGUMENTS = (
    "num_embeddings",
    "embedding_dim",
    "padding_idx",
    "max_norm",
    "norm_type",
    "scale_grad_by_freq",
    "sparse",
    "_weight",
    "_freeze",
    "device",
    "dtype",
)


def test_the_contract_is_whole() -> None:
    assert len(CLAUSES) >= 25
    assert {clause.section for clause in CLAUSES} >= set(SECTIONS)
    assert {clause.argument for clause in CLAUSES} >= set(ARGUMENTS)
    assert len({clause.id for clause in CLAUSES}) == len(CLAUSES)
    assert len({clause.text for clause in CLAUSES}) == len(CLAUSES)


@pytest.mark.parametrize("clause", CLAUSES, ids=lambda clause: clause.id)
def test_a_clause_is_one_sentence(clause: Clause) -> None:
    assert re.fullmatch(r"[a-z_]+\.[a-z0-9-]+", clause.id)
    assert clause.level in (MUST, SHOULD, INFO)
    assert clause.dtypes in ("all", "none")
    assert clause.doc
    assert clause.ground in GROUND_LEGEND
    assert clause.text.endswith(".")
    assert ". " not in clause.text
    assert len(clause.text) <= 140
    assert clause.text[0].isupper() or re.match(r"\w+_\w+|int32", clause.text), "a capital, or a name in code"


def test_two_clauses_of_one_name_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from embedding_conformance.suite import test_lookup  # noqa: PLC0415 - is changed here

    monkeypatch.setattr(test_lookup, "test_again", test_lookup.test_bits, raising=False)
    with pytest.raises(ValueError, match=r"two clauses are called lookup\.bits"):
        clauses()


def test_strategies_know_every_dtype_of_torch() -> None:
    assert set(DTYPES) == set(TORCH_DTYPES)
