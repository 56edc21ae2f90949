"""max_norm: rows that are looked up are rescaled, in the weight itself."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from fractions import Fraction

from embedding_conformance.boundary.refusals import Refused
from embedding_conformance.cases import palettes
from embedding_conformance.cases.case import Case
from embedding_conformance.cases.domain import ANY, OFF, ON, Domain
from embedding_conformance.judging.clause import INFO, MUST, SHOULD, clause
from embedding_conformance.judging.subject import Subject
from embedding_conformance.suite.shared import (
    is_above,
    is_nonempty,
    judge_refused,
    judge_used_first,
    permitted_weight,
)
from embedding_reference import Exactly, Interval, Rows, Within


def _below(case: Case) -> bool:
    """Whether the norm of a row looked up is below max_norm, by more than any rounding."""
    return case.config.max_norm is not None and any(n <= 0.9 * case.config.max_norm for n in case.norms().values())


def _above_with_duplicates(case: Case) -> bool:
    return is_above(case) and case.features()["duplicates"]


def _whole(case: Case) -> Case:
    """The case with integers for max_norm and norm_type, at least 1 each."""
    limit, p = case.config.max_norm or 1, case.config.norm_type
    order = int(p) if 1 <= p < 10 else 2
    return replace(case, config=replace(case.config, max_norm=max(int(limit), 1), norm_type=order))


def _above_in_the_second(case: Case) -> bool:
    """Whether the second lookup has a row above max_norm that the first one does not have."""
    first, second = (replace(case, lookups=(lookup,)) for lookup in case.lookups)
    fresh = [p for p in second.positions if p not in set(first.positions)]
    return case.config.max_norm is not None and any(n > 1.1 * case.config.max_norm for n in case.norms(fresh).values())


def _looked_up(case: Case) -> list[int]:
    return sorted(set(case.positions))


@clause(MUST, Domain(max_norm=ON, indices=1, freeze=ANY, weights=palettes.MODERATE_OR_NEAR, where=is_above))
def test_renormalises(embedding: Subject, case: Case) -> None:
    """A row that is looked up and whose norm is above max_norm ends with norm max_norm, its direction kept."""
    observed = embedding.run(case, backward=False)
    embedding.judge_rows("the weight", permitted_weight(embedding, case), observed.weight, _looked_up(case))


@clause(MUST, Domain(max_norm=ON, freeze=ANY, weights=(palettes.NEAR, "normal", "tiny"), where=_below))
def test_below(embedding: Subject, case: Case) -> None:
    """A row that is looked up and whose norm is at or below max_norm stays as it is, bit for bit."""
    permitted = permitted_weight(embedding, case)
    unchanged = [r for r in _looked_up(case) if isinstance(permitted.rows[r], Exactly)]
    embedding.judge_rows("the weight", permitted, embedding.run(case, backward=False).weight, unchanged)


@clause(
    MUST,
    Domain(
        max_norm=ON,
        indices=1,
        freeze=ANY,
        weights=palettes.ANY,
        where=lambda case: len(set(case.positions)) < case.config.num_embeddings and case.config.embedding_dim > 0,
    ),
)
def test_other_rows(embedding: Subject, case: Case) -> None:
    """A row that is not looked up stays as it is, bit for bit, whatever its norm."""
    weight = embedding.run(case, backward=False).weight
    others = [r for r in range(case.config.num_embeddings) if r not in set(case.positions)]
    embedding.judge_rows("the weight", permitted_weight(embedding, case), weight, others)


@clause(MUST, Domain(max_norm=ON, indices=1, freeze=ANY, weights=(*palettes.FINITE, palettes.NEAR), where=is_above))
def test_output(embedding: Subject, case: Case) -> None:
    """The weight is changed in place before the lookup: the output holds its rows as they are after the call."""
    observed = embedding.run(case, backward=False)
    embedding.judge("output", embedding.permits(case).output_from(observed.weight), observed.output)


@clause(
    MUST,
    Domain(
        max_norm=ON,
        indices=2,
        freeze=ANY,
        weights=palettes.MODERATE_OR_NEAR,
        index_patterns=("equal", "two rows", "some pads"),
        where=_above_with_duplicates,
    ),
)
def test_once(embedding: Subject, case: Case) -> None:
    """A row is rescaled once, however often it is looked up in a call."""
    observed = embedding.run(case, backward=False)
    embedding.judge_rows("the weight", permitted_weight(embedding, case), observed.weight, _looked_up(case))


@clause(MUST, Domain(max_norm=ON, indices=1, freeze=ANY, weights=palettes.MODERATE_OR_NEAR, where=is_above))
def test_again(embedding: Subject, case: Case) -> None:
    """Looking the same rows up again changes nothing beyond rounding."""
    instance = embedding.make(case)
    instance.forward(lookup=case.lookups[0])
    between = replace(case, weight=instance.weight())
    instance.forward(lookup=case.lookups[0])
    embedding.judge("the weight", embedding.permits(between).weight, instance.weight(), of=between)


@clause(
    MUST, Domain(max_norm=ON, freeze=ANY, indices=1, lookups=2, weights=palettes.MODERATE, where=_above_in_the_second)
)
def test_each_call(embedding: Subject, case: Case) -> None:
    """Every call rescales the rows that it looks up, those too that no earlier call did."""
    instance = embedding.make(case)
    instance.forward(lookup=case.lookups[0])
    between = replace(case, weight=instance.weight(), lookups=case.lookups[1:])
    instance.forward(lookup=case.lookups[1])
    embedding.judge("the weight", embedding.permits(between).weight, instance.weight(), of=between)


@clause(MUST, Domain(max_norm=ON, indices=1, freeze=ANY, weights=palettes.MODERATE_OR_NEAR, where=is_above))
def test_no_grad(embedding: Subject, case: Case) -> None:
    """A lookup under no_grad rescales rows like any other."""
    instance = embedding.make(case)
    instance.forward(lookup=case.lookups[0], no_grad=True)
    embedding.judge_rows("the weight", permitted_weight(embedding, case), instance.weight(), _looked_up(case))


@clause(
    MUST, Domain(max_norm=ON, padding_idx=OFF, weights=palettes.MODERATE, where=lambda case: any(case.norms().values()))
)
def test_zero(embedding: Subject, case: Case) -> None:
    """With max_norm=0 every row that is looked up becomes zero."""
    zeroing = replace(case, config=replace(case.config, max_norm=0.0))
    observed = embedding.run(zeroing, backward=False)
    zero = (Interval.exactly(Fraction(0)),) * (case.config.embedding_dim * case.weight.format.components)
    rule = Within(case.weight.dtype, case.weight.shape[1:], zero)
    permitted = Rows(case.weight.dtype, case.weight.shape, (rule,) * case.config.num_embeddings)
    embedding.judge_rows("the weight", permitted, observed.weight, _looked_up(case), of=zeroing)


@clause(MUST, Domain(max_norm=ON, indices=1, weights=palettes.MODERATE, where=is_above))
def test_gradient(embedding: Subject, case: Case) -> None:
    """The gradient is that of a plain lookup: the rescaling is not differentiated."""
    embedding.judge_gradient(case, embedding.permits(case).gradient, embedding.run(case))


@clause(
    SHOULD,
    Domain(max_norm=ON, sparse=OFF, indices=1, lookups=2, weights=palettes.MODERATE, where=_above_in_the_second),
)
def test_one_graph(embedding: Subject, case: Case) -> None:
    """Two lookups can be differentiated in one backward, although the second rescales rows after the first."""
    embedding.judge_gradient(case, embedding.permits(case).gradient, embedding.run(case, together=True))


@clause(
    MUST,
    Domain(max_norm=ON, padding_idx=OFF, sparse=OFF, indices=1, weights=palettes.MODERATE, where=is_above),
    needs=("use_first",),
)
def test_clone_used_first(embedding: Subject, case: Case) -> None:
    """A clone of the weight that was used before the lookup is differentiated with the values that it had."""
    backward = embedding.make(case).use_first(lookup=case.lookups[0], clone=True)
    judge_used_first(embedding, case, backward)


@clause(
    MUST,
    Domain(max_norm=ON, padding_idx=OFF, sparse=OFF, indices=1, weights=palettes.MODERATE, where=is_above),
    needs=("use_first",),
)
def test_used_first(embedding: Subject, case: Case) -> None:
    """Without the clone backward is refused, or right; it never takes the rescaled values for those that were used."""
    with suppress(Refused):
        backward = embedding.make(case).use_first(lookup=case.lookups[0], clone=False)
        judge_used_first(embedding, case, backward)


@clause(
    SHOULD, Domain(max_norm=ON, indices=1, freeze=ANY, weights=palettes.MODERATE_OR_NEAR, made=_whole, where=is_above)
)
def test_whole_number(embedding: Subject, case: Case) -> None:
    """max_norm and norm_type may be given as integers."""
    observed = embedding.run(case, backward=False)
    embedding.judge("the weight", permitted_weight(embedding, case), observed.weight)


@clause(MUST, Domain(max_norm=ON, corner="max_norm without columns", where=lambda case: case.index.numel > 0))
def test_no_columns(embedding: Subject, case: Case) -> None:
    """Rows without elements have norm 0, whatever norm_type is, and are looked up as they are."""
    observed = embedding.run(case)
    embedding.judge("output", embedding.permits(case).output, observed.output)


@clause(SHOULD, Domain(max_norm=ON, indices=1, weights=palettes.FINITE, where=is_above))
def test_accuracy(embedding: Subject, case: Case) -> None:
    """Rows with a huge or tiny norm still end at max_norm, as if nothing overflowed or underflowed on the way."""
    permitted = embedding.permits(case).weight_after(wide=True)
    embedding.judge("the weight", permitted, embedding.run(case, backward=False).weight)


@clause(
    INFO,
    Domain(
        max_norm=ON,
        padding_idx=ON,
        indices=1,
        weights=palettes.MODERATE,
        index_patterns=("some pads", "only pads"),
        pads_hold=ON,
        where=lambda case: is_above(case) and case.features()["pads"] > 0,
    ),
)
def test_padding_row(embedding: Subject, case: Case) -> None:
    """The row at padding_idx is rescaled like any other."""
    without = replace(case, config=replace(case.config, padding_idx=None))
    observed = embedding.run(case, backward=False)
    embedding.judge_rows(
        "the weight", permitted_weight(embedding, without), observed.weight, _looked_up(case), of=without
    )


@clause(INFO, Domain(max_norm=ON, freeze=ON, weights=palettes.MODERATE_OR_NEAR, where=is_above))
def test_frozen(embedding: Subject, case: Case) -> None:
    """A frozen weight is rescaled like any other."""
    trained = replace(case, config=replace(case.config, freeze=False, padding_idx=None))
    observed = embedding.run(case, backward=False)
    embedding.judge_rows(
        "the weight", permitted_weight(embedding, trained), observed.weight, _looked_up(case), of=trained
    )


@clause(
    INFO,
    Domain(
        max_norm=ON,
        freeze=ANY,
        indices=2,
        weights=("specials",),
        large=False,
        where=lambda case: bool(_rows_with(case, "nan")),
    ),
)
def test_nan_row(embedding: Subject, case: Case) -> None:
    """A row with NaN, and without infinity, stays as it is, bit for bit."""
    _judge_unchanged(embedding, case, _rows_with(case, "nan"))


@clause(
    INFO,
    Domain(
        max_norm=ON,
        freeze=ANY,
        indices=2,
        weights=("specials",),
        large=False,
        where=lambda case: bool(_rows_with(case, "inf")),
    ),
)
def test_infinite_row(embedding: Subject, case: Case) -> None:
    """A row with infinity, and without NaN, stays as it is, bit for bit."""
    _judge_unchanged(embedding, case, _rows_with(case, "inf"))


@clause(INFO, Domain(max_norm=ON, freeze=ANY, indices=1, large=False, where=is_nonempty))
def test_not_finite(embedding: Subject, case: Case) -> None:
    """With a max_norm of infinity or NaN every row stays as it is, bit for bit."""
    for max_norm in (math.inf, math.nan):
        _judge_unchanged(embedding, replace(case, config=replace(case.config, max_norm=max_norm)), _looked_up(case))


@clause(INFO, Domain(max_norm=ON, freeze=ANY, indices=1, weights=palettes.MODERATE, large=False, where=is_nonempty))
def test_negative(embedding: Subject, case: Case) -> None:
    """A negative max_norm is refused, by the call at the latest."""
    judge_refused(embedding, replace(case, config=replace(case.config, max_norm=-1.0)))


def _rows_with(case: Case, special: str) -> list[int]:
    """The rows looked up that have NaN and no infinity ("nan"), or infinity and no NaN ("inf")."""
    magnitudes = {row: {str(abs(c)) for c in case.weight.entry(row).components()} for row in _looked_up(case)}
    return [row for row, found in magnitudes.items() if found & {"nan", "inf"} == {special}]


def _judge_unchanged(embedding: Subject, case: Case, rows: Sequence[int]) -> None:
    weight = embedding.run(case, backward=False).weight
    permitted = Rows(case.weight.dtype, case.weight.shape, tuple(map(Exactly, case.weight.entries())))
    embedding.judge_rows("the weight", permitted, weight, rows, of=case)


@clause(MUST, Domain(max_norm=ON, indices=1, weights=palettes.MODERATE, where=is_above), needs=("edit", "given"))
def test_in_place(embedding: Subject, case: Case) -> None:
    """Rescaled rows are written into the weight's own memory, so that whatever shares it sees them."""
    instance = embedding.make(case)
    embedding.require_shared_memory(case, instance)
    instance.forward(lookup=case.lookups[0])
    embedding.judge("the tensor that the weight lies in", Exactly(instance.weight()), instance.given())
