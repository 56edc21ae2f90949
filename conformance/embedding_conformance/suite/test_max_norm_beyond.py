"""max_norm beyond what is documented: frozen weights, the row at padding_idx, and what is not finite."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from embedding_conformance.cases import palettes
from embedding_conformance.cases.case import Case
from embedding_conformance.cases.domain import ANY, ON, Domain
from embedding_conformance.judging.clause import INFO, clause
from embedding_conformance.judging.subject import Subject
from embedding_conformance.suite.shared import IGNORED, is_nonempty, judge_refused, permitted_weight, rows_looked_up
from embedding_reference import AllBut, Rows, Tensor


def _without_padding(case: Case) -> Case:
    return replace(case, config=replace(case.config, padding_idx=None))


def _pad_alone(case: Case) -> Case:
    """A lookup of the row at padding_idx alone, without padding_idx."""
    index = Tensor.of("int64", (1,), [case.config.padding_row or 0])
    return replace(_without_padding(case), lookups=(replace(case.lookups[0], index=index),))


def _trained(case: Case) -> Case:
    return replace(case, config=replace(case.config, freeze=False, padding_idx=None))


def _rows_with(case: Case, special: str) -> list[int]:
    """The rows looked up that have NaN and no infinity ("nan"), or infinity and no NaN ("inf")."""
    magnitudes = {row: {str(abs(c)) for c in case.weight.entry(row).components()} for row in rows_looked_up(case)}
    return [row for row, found in magnitudes.items() if found & {"nan", "inf"} == {special}]


def _special_rows(special: str) -> Domain:
    """Lookups of such rows."""
    return Domain(
        max_norm=ON,
        freeze=ANY,
        no_grad=ANY,
        indices=2,
        weights=("specials",),
        large=False,
        where=lambda case: bool(_rows_with(case, special)),
    )


@clause(
    INFO,
    Domain(
        max_norm=ON,
        no_grad=ANY,
        padding_idx=ON,
        indices=1,
        weights=palettes.MODERATE,
        index_patterns=("some pads", "only pads"),
        pads_hold=ON,
        where=lambda case: case.features()["pads"] > 0,
    ),
    faults=IGNORED,
    answered=_pad_alone,
    section="max_norm",
)
def test_padding_row(embedding: Subject, case: Case) -> None:
    """The row at padding_idx is rescaled like any other."""
    without = _without_padding(case)
    observed, permitted = embedding.run(case, backward=False), permitted_weight(embedding, without)
    embedding.judge_rows("the weight", permitted, observed.weight, rows_looked_up(case), of=without)


@clause(
    INFO,
    Domain(max_norm=ON, freeze=ON, weights=palettes.MODERATE_OR_NEAR),
    faults=IGNORED,
    answered=_trained,
    section="max_norm",
)
def test_frozen(embedding: Subject, case: Case) -> None:
    """A frozen weight is rescaled like any other."""
    trained = _trained(case)
    observed, permitted = embedding.run(case, backward=False), permitted_weight(embedding, trained)
    embedding.judge_rows("the weight", permitted, observed.weight, rows_looked_up(case), of=trained)


@clause(INFO, _special_rows("nan"), section="max_norm")
def test_nan_row(embedding: Subject, case: Case) -> None:
    """A row with NaN, and without infinity, stays as it is, bit for bit."""
    _judge_unchanged(embedding, case, _rows_with(case, "nan"))


@clause(INFO, _special_rows("inf"), section="max_norm")
def test_infinite_row(embedding: Subject, case: Case) -> None:
    """A row with infinity, and without NaN, stays as it is, bit for bit."""
    _judge_unchanged(embedding, case, _rows_with(case, "inf"))


@clause(
    INFO, Domain(max_norm=ON, freeze=ANY, no_grad=ANY, indices=1, large=False, where=is_nonempty), section="max_norm"
)
def test_not_finite(embedding: Subject, case: Case) -> None:
    """With a max_norm of infinity or NaN every row stays as it is, bit for bit."""
    for limit in (math.inf, math.nan):
        _judge_unchanged(embedding, replace(case, config=replace(case.config, max_norm=limit)), rows_looked_up(case))


@clause(
    INFO,
    Domain(max_norm=ON, freeze=ANY, indices=1, weights=palettes.MODERATE, large=False, where=is_nonempty),
    section="max_norm",
)
def test_negative(embedding: Subject, case: Case) -> None:
    """A negative max_norm is refused, by the call at the latest."""
    judge_refused(embedding, replace(case, config=replace(case.config, max_norm=-1.0)))


def _judge_unchanged(embedding: Subject, case: Case, rows: Sequence[int]) -> None:
    weight = embedding.run(case, backward=False).weight
    permitted = Rows(case.weight.dtype, case.weight.shape, AllBut(case.weight, {}))
    embedding.judge_rows("the weight", permitted, weight, rows, of=case)
