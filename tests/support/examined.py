"""Clauses on one case each, without a run of the suite."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from embedding_conformance.cases.case import Case, Life, Step
from embedding_conformance.judging.compare import Deviation
from embedding_conformance.judging.subject import Subject
from embedding_conformance.running.options import Options
from embedding_conformance.running.profiles import PROFILES
from embedding_conformance.running.session import Session
from embedding_conformance.suite.catalogue import clauses
from examples import case

CLAUSES = {clause.id: clause for clause in clauses()}


def scalar() -> Case:
    """A case with a 0-d index."""
    plain = case(index=(1,))
    lookup = plain.lookups[0]
    index, upstream = replace(lookup.index, shape=()), replace(lookup.upstream, shape=lookup.upstream.shape[1:])
    return replace(plain, lookups=(replace(lookup, index=index, upstream=upstream),))


def life() -> Life:
    """Two lookups, the second of a 0-d index."""
    first = case(index=(2, 0, 2))
    return Life(first.config, first.weight, first.lookups, steps=(Step("look up", lookups=scalar().lookups),))


FEW = {
    "lookup.bits": case(),
    "lookup.shape": scalar(),
    "lookup.out-of-range": case(index=(0, 3)),
    "lookup.wrong-index-dtype": case(),
    "lookup.device": case(dtype="complex64", freeze=True),
    "gradient.sum": case(index=(2, 0, 2)),
    "gradient.form": case(dim=0),
    "gradient.untouched-rows": case(index=()),
    "padding_idx.no-gradient": case(padding_idx=1),
    "max_norm.renormalises": case(max_norm=1.0),
    "scale_grad_by_freq.divides": case(index=(0, 0, 1), scale_grad_by_freq=True),
    "sparse.values": case(sparse=True),
    "sparse.padding": case(sparse=True, padding_idx=1),
    "gradient.second-order": case(),
    "sequences.life": life(),
}
"""A few clauses, each with a case that meets its precondition."""


def subject(adapter: Any, dtype: str = "float32", device: str = "cpu") -> Subject:
    return Subject(adapter, adapter.describe(), dtype, device)


def examined(adapter: Any, clause: str, one: Case, device: str = "cpu") -> str:
    """What came of a clause on one case."""
    embedding = subject(adapter, one.weight.dtype, device)
    try:
        examine(embedding, clause, one)
    except Deviation:
        return "deviates"
    return "unsupported" if embedding.tally.unsupported else "conforms"


def examine(embedding: Subject, clause: str, one: Case | None) -> None:
    """Run a clause on one case.

    Raises:
        Deviation: it deviates.
    """
    embedding.examine(CLAUSES[clause], CLAUSES[clause].body, one)


def a_session(name: str, devices: tuple[str, ...] | None = None) -> Session:
    """A run on a bundled adapter."""
    session = Session(Options(name, "none", devices, ("float32",), PROFILES["smoke"], "", "should"), clauses())
    session.close()
    return session
