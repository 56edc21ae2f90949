"""`reset_parameters()`, which every release of torch has and does not document."""

from __future__ import annotations

from functools import partial

from embedding_conformance.cases import palettes
from embedding_conformance.cases.case import Case
from embedding_conformance.cases.domain import ANY, OFF, ON, Domain
from embedding_conformance.judging import compare, normality
from embedding_conformance.judging.clause import SHOULD, clause
from embedding_conformance.judging.subject import Subject
from embedding_conformance.suite.test_construction import config_of, judge_zero_row
from embedding_reference import Exactly


def _trains(case: Case) -> bool:
    """Whether a row other than that at padding_idx is looked up, and so gets a gradient."""
    return bool(set(case.positions) - {case.config.padding_row})


@clause(
    SHOULD,
    Domain(padding_idx=ON, freeze=ANY, weights=palettes.MODERATE, indices=1, columns=1, writable=True),
    argument="padding_idx",
    section="construction",
    doc="reset_parameters",
    needs=("reset",),
)
def test_reset(embedding: Subject, case: Case) -> None:
    """reset_parameters() draws the weight afresh and sets the row at padding_idx to zeros again."""
    instance = embedding.make(case)
    instance.reset()
    weight = instance.weight()
    judge_zero_row(embedding, case, weight)
    kept = [r for r in range(weight.shape[0]) if r != case.config.padding_row and weight.row(r) == case.weight.row(r)]
    # A second draw equals the first with a probability of at most 0.004 (bfloat16, near 1), and seven do with 2e-17.
    if case.config.embedding_dim >= 7:
        compare.equal("rows left as they were", [], kept)


@clause(SHOULD, section="construction", doc="reset_parameters", needs=("reset",))
def test_reset_normal(embedding: Subject) -> None:
    """Each reset_parameters() draws every row and column anew, with mean 0 and variance 1."""
    embedding.declarations.require_normal()
    instance = embedding.fresh(config_of(embedding, normality.TALL))
    weights = []
    for _ in range(2):
        instance.reset()
        weights.append(instance.weight())
    normality.judge_normal(weights[-1])
    normality.judge_lines(weights[-1])
    normality.judge_unrepeated(*weights)


@clause(
    SHOULD,
    Domain(freeze=ANY, weights=palettes.ANY, writable=True),
    section="construction",
    doc="reset_parameters",
    needs=("attributes", "reset"),
)
def test_reset_keeps(embedding: Subject, case: Case) -> None:
    """reset_parameters() changes the weight's values and nothing else: a frozen weight stays frozen."""
    instance = embedding.make(case)
    before = instance.attributes()
    instance.reset()
    compare.equal("what is kept", before, instance.attributes())


@clause(
    SHOULD,
    Domain(freeze=ANY, weights=palettes.ANY, columns=1, writable=True),
    section="construction",
    doc="reset_parameters",
    needs=("edit", "given", "reset"),
)
def test_reset_in_place(embedding: Subject, case: Case) -> None:
    """reset_parameters() draws into the weight's own memory, so that whatever shares it goes on doing so."""
    instance = embedding.make(case)
    embedding.require_shared_memory(case, instance)
    instance.reset()
    embedding.judge("the tensor that the weight lies in", Exactly(instance.weight()), instance.given())


@clause(
    SHOULD,
    Domain(
        max_norm=OFF,
        sparse=OFF,
        indices=1,
        columns=1,
        weights=palettes.MODERATE,
        upstreams=("ones",),
        large=False,
        writable=True,
        where=_trains,
    ),
    section="construction",
    doc="reset_parameters",
    needs=("reset", "step"),
)
def test_reset_optimizer(embedding: Subject, case: Case) -> None:
    """After reset_parameters() an optimiser that was made before goes on training the weight."""
    instance = embedding.make(case)
    step = partial(instance.step, optimizer="SGD", options={"lr": 1.0}, lookups=case.lookups)
    step()
    instance.reset()
    before = instance.weight()
    step()
    after = instance.weight()
    # A step by 1 or more changes every element of a draw: in bfloat16 a 1 is lost to rounding only from 256 on.
    trained = sorted(set(case.positions) - {case.config.padding_row})
    compare.equal("rows not trained", [], [row for row in trained if before.row(row) == after.row(row)])
