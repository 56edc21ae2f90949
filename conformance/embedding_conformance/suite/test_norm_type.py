"""norm_type: which norm max_norm limits."""

from __future__ import annotations

import math
from dataclasses import replace

from embedding_conformance.cases import palettes
from embedding_conformance.cases.case import Case
from embedding_conformance.cases.domain import ANY, OFF, ON, Domain
from embedding_conformance.judging.clause import INFO, MUST, clause
from embedding_conformance.judging.subject import Subject
from embedding_conformance.suite.shared import is_nonempty, judge_refused, permitted_weight
from embedding_reference.fault_models import WEIGHT, norm_type


@clause(
    MUST,
    Domain(max_norm=ON, norm_type=2.0, freeze=ANY, no_grad=ANY, columns=2, weights=palettes.MODERATE_OR_NEAR),
    faults={WEIGHT: (norm_type.AlwaysTakesTheOneNorm,)},
)
def test_default(embedding: Subject, case: Case) -> None:
    """The norm is the 2-norm unless norm_type says otherwise."""
    observed = embedding.run(case, backward=False)
    embedding.judge("the weight", permitted_weight(embedding, case), observed.weight)


@clause(
    MUST,
    Domain(
        max_norm=ON,
        indices=1,
        freeze=ANY,
        no_grad=ANY,
        columns=2,
        weights=palettes.MODERATE_OR_NEAR,
        climbs=("orders",),
    ),
    faults={WEIGHT: (norm_type.IgnoresNormType,)},
)
def test_order(embedding: Subject, case: Case) -> None:
    """norm_type is the p of the p-norm: 1, 3, infinity and fractions too."""
    observed = embedding.run(case, backward=False)
    embedding.judge("the weight", permitted_weight(embedding, case), observed.weight)


@clause(MUST, Domain(max_norm=OFF, freeze=ANY, indices=1, columns=1))
def test_alone(embedding: Subject, case: Case) -> None:
    """Without max_norm, norm_type changes nothing."""
    embedding.declarations.require(replace(case, config=replace(case.config, max_norm=1.0)))  # they come together
    for order in (1.0, math.inf):
        given = replace(case, config=replace(case.config, norm_type=order))
        permitted, observed = embedding.permits(given), embedding.run(given)
        embedding.judge("output", permitted.output, observed.output)
        embedding.judge("the weight", permitted.weight, observed.weight)
        if not case.config.freeze:
            embedding.judge_gradient(given, permitted.gradient, observed)


@clause(
    INFO,
    Domain(max_norm=ON, freeze=ANY, indices=1, weights=palettes.MODERATE, large=False, where=is_nonempty),
)
def test_not_positive(embedding: Subject, case: Case) -> None:
    """A norm_type of zero, below zero or NaN is refused, by the call at the latest."""
    for order in (0.0, -1.0, math.nan):
        judge_refused(embedding, replace(case, config=replace(case.config, norm_type=order)))
