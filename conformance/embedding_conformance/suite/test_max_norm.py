"""max_norm: rows that are looked up are rescaled, in the weight itself."""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import replace
from fractions import Fraction

from embedding_conformance.boundary.refusals import Refused
from embedding_conformance.cases import palettes
from embedding_conformance.cases.case import Case
from embedding_conformance.cases.domain import ANY, OFF, ON, Domain
from embedding_conformance.judging.clause import ACCURACY, INFO, MUST, SHOULD, clause
from embedding_conformance.judging.subject import Subject
from embedding_conformance.suite.shared import (
    IGNORED,
    is_above,
    judge_used_first,
    permitted_weight,
    rows_looked_up,
)
from embedding_reference import Exactly, Interval, Rows, Tensor, Within
from embedding_reference.fault_models import (
    GRADIENT,
    OUTPUT,
    WEIGHT,
    accumulation,
    gradients,
    max_norm,
    rescaled_rows,
)


def _whole(case: Case) -> Case:
    """The case with integers for max_norm and norm_type, at least 1 each."""
    limit, p = case.config.max_norm or 1, case.config.norm_type
    order = int(p) if 1 <= p < 10 else 2
    return replace(case, config=replace(case.config, max_norm=max(int(limit), 1), norm_type=order))


def _above_in_the_second(case: Case) -> bool:
    """Whether the second lookup has a row above max_norm that the first one does not have."""
    first, second = (replace(case, lookups=(lookup,)) for lookup in case.lookups)
    return is_above(case, set(second.positions) - set(first.positions))


def _looked_up_anew(case: Case) -> Case:
    """The second lookup alone, without the rows that the first one has."""
    first, second = ([int(i) for i in lookup.index.components()] for lookup in case.lookups)
    fresh = [row for row in second if row not in set(first)]
    return replace(case, lookups=(replace(case.lookups[1], index=Tensor.of("int64", (len(fresh),), fresh)),))


def _with_limit_zero(case: Case) -> Case:
    return replace(case, config=replace(case.config, max_norm=0.0))


def _within_reach(case: Case) -> Case:
    """The case, with a smaller max_norm where no row that is looked up exceeds it: half of the largest norm."""
    largest = max(case.norms().values(), default=0.0)
    if is_above(case) or not 0 < largest < math.inf:
        return case
    return replace(case, config=replace(case.config, max_norm=largest / 2))


def _leaves_the_range(case: Case) -> bool:
    """Whether the power of a norm overflows or underflows in the weight's own dtype."""
    form, p = case.weight.format, case.config.norm_type
    exponents = [math.log2(norm) * (max(p, 1.0) if p < math.inf else 1.0) for norm in case.norms().values() if norm]
    return any(not form.emin <= exponent < form.emax for exponent in exponents)


@clause(
    MUST,
    Domain(
        max_norm=ON, indices=1, freeze=ANY, no_grad=ANY, weights=palettes.MODERATE_OR_NEAR, climbs=("sizes", "limits")
    ),
    faults=IGNORED,
)
def test_renormalises(embedding: Subject, case: Case) -> None:
    """A row that is looked up and whose norm is above max_norm ends with norm max_norm, its direction kept."""
    observed = embedding.run(case, backward=False)
    embedding.judge_rows("the weight", permitted_weight(embedding, case), observed.weight, rows_looked_up(case))


@clause(
    MUST,
    Domain(max_norm=ON, freeze=ANY, no_grad=ANY, weights=(palettes.NEAR, "normal", "tiny")),
    faults={WEIGHT: (rescaled_rows.RewritesRowsBelow, rescaled_rows.RescalesUp)},
)
def test_below(embedding: Subject, case: Case) -> None:
    """A row that is looked up and whose norm is at or below max_norm stays as it is, bit for bit."""
    permitted = permitted_weight(embedding, case)
    unchanged = [r for r in rows_looked_up(case) if isinstance(permitted.rows[r], Exactly)]
    embedding.judge_rows("the weight", permitted, embedding.run(case, backward=False).weight, unchanged)


@clause(
    MUST,
    Domain(
        max_norm=ON,
        indices=1,
        freeze=ANY,
        no_grad=ANY,
        weights=palettes.ANY,
    ),
    faults={WEIGHT: (max_norm.RescalesNeighbours,)},
)
def test_other_rows(embedding: Subject, case: Case) -> None:
    """A row that is not looked up stays as it is, bit for bit, whatever its norm."""
    weight = embedding.run(case, backward=False).weight
    others = [r for r in range(case.config.num_embeddings) if r not in set(case.positions)]
    embedding.judge_rows("the weight", permitted_weight(embedding, case), weight, others)


@clause(
    MUST,
    Domain(max_norm=ON, indices=1, freeze=ANY, no_grad=ANY, weights=(*palettes.FINITE, palettes.NEAR)),
    faults={OUTPUT: (max_norm.RescalesTheWeightAlone,)},
    every=True,
)
def test_output(embedding: Subject, case: Case) -> None:
    """The weight is changed in place before the lookup: the output holds its rows as they are after the call."""
    observed, permitted = embedding.run(case, backward=False), embedding.permits(case)
    embedding.judge("the weight", permitted.weight, observed.weight)
    embedding.judge("output", permitted.output_from(observed.weight), observed.output)


@clause(
    MUST,
    Domain(
        max_norm=ON,
        indices=2,
        freeze=ANY,
        no_grad=ANY,
        weights=palettes.MODERATE_OR_NEAR,
        index_patterns=("equal", "two rows", "some pads"),
    ),
    faults={WEIGHT: (rescaled_rows.RescalesEachDuplicate,)},
)
def test_once(embedding: Subject, case: Case) -> None:
    """A row is rescaled once, however often it is looked up in a call."""
    observed = embedding.run(case, backward=False)
    embedding.judge_rows("the weight", permitted_weight(embedding, case), observed.weight, rows_looked_up(case))


@clause(
    MUST, Domain(max_norm=ON, indices=1, freeze=ANY, no_grad=ANY, weights=palettes.MODERATE_OR_NEAR), faults=IGNORED
)
def test_again(embedding: Subject, case: Case) -> None:
    """Looking the same rows up again changes nothing beyond rounding."""
    instance = embedding.make(case)
    embedding.look_up(case, instance)
    between = replace(case, weight=instance.weight())
    embedding.look_up(case, instance)
    embedding.judge("the weight", embedding.permits(between).weight, instance.weight(), of=between)


@clause(
    MUST,
    Domain(
        max_norm=ON,
        freeze=ANY,
        no_grad=ANY,
        indices=1,
        lookups=2,
        index_patterns=("equal", "two rows", "uniform"),
        weights=palettes.MODERATE,
    ),
    faults=IGNORED,
    answered=_looked_up_anew,
)
def test_each_call(embedding: Subject, case: Case) -> None:
    """Every call rescales the rows that it looks up, those too that no earlier call did."""
    instance = embedding.make(case)
    embedding.look_up(case, instance)
    between = replace(case, weight=instance.weight(), lookups=case.lookups[1:])
    embedding.look_up(between, instance)
    embedding.judge("the weight", embedding.permits(between).weight, instance.weight(), of=between)


@clause(MUST, Domain(max_norm=ON, indices=1, freeze=ANY, no_grad=ON, weights=palettes.MODERATE_OR_NEAR), faults=IGNORED)
def test_no_grad(embedding: Subject, case: Case) -> None:
    """A lookup under no_grad rescales rows like any other."""
    instance = embedding.make(case)
    instance.forward(lookup=case.lookups[0], no_grad=True)
    embedding.judge_rows("the weight", permitted_weight(embedding, case), instance.weight(), rows_looked_up(case))


@clause(
    MUST,
    Domain(max_norm=ON, no_grad=ANY, padding_idx=OFF, weights=palettes.MODERATE, made=_with_limit_zero),
    faults=IGNORED,
)
def test_zero(embedding: Subject, case: Case) -> None:
    """With max_norm=0 every row that is looked up becomes zero."""
    observed = embedding.run(case, backward=False)
    zero = (Interval.exactly(Fraction(0)),) * (case.config.embedding_dim * case.weight.format.components)
    rows = (Within(case.weight.dtype, case.weight.shape[1:], zero),) * case.config.num_embeddings
    permitted = Rows(case.weight.dtype, case.weight.shape, rows)
    embedding.judge_rows("the weight", permitted, observed.weight, rows_looked_up(case))


@clause(
    MUST,
    Domain(max_norm=ON, indices=1, weights=palettes.MODERATE, where=is_above),
    faults={GRADIENT: (gradients.GivesNoGradient,)},
)
def test_gradient(embedding: Subject, case: Case) -> None:
    """The gradient is that of a plain lookup: the rescaling is not differentiated."""
    embedding.judge_gradient(case, embedding.permits(case).gradient, embedding.run(case))


@clause(
    SHOULD,
    Domain(max_norm=ON, sparse=OFF, indices=1, lookups=2, weights=palettes.MODERATE, where=_above_in_the_second),
    faults={GRADIENT: (accumulation.ForgetsEarlierLookups,)},
)
def test_one_graph(embedding: Subject, case: Case) -> None:
    """Two lookups can be differentiated in one backward, although the second rescales rows after the first."""
    embedding.judge_gradient(case, embedding.permits(case).gradient, embedding.run(case, together=True))


@clause(
    MUST,
    Domain(max_norm=ON, padding_idx=OFF, sparse=OFF, indices=1, weights=palettes.MODERATE),
    faults=IGNORED,
    needs=("use_first",),
)
def test_clone_used_first(embedding: Subject, case: Case) -> None:
    """A clone of the weight that was used before the lookup is differentiated with the values that it had."""
    backward = embedding.make(case).use_first(lookup=case.lookups[0], clone=True)
    judge_used_first(embedding, case, backward)


@clause(
    INFO,
    Domain(max_norm=ON, padding_idx=OFF, sparse=OFF, indices=1, weights=palettes.MODERATE),
    faults=IGNORED,
    needs=("use_first",),
)
def test_used_first(embedding: Subject, case: Case) -> None:
    """Without the clone backward is refused, or right; it never takes the rescaled values for those that were used."""
    with suppress(Refused):
        backward = embedding.make(case).use_first(lookup=case.lookups[0], clone=False)
        judge_used_first(embedding, case, backward)


@clause(
    SHOULD,
    Domain(max_norm=ON, indices=1, freeze=ANY, no_grad=ANY, weights=palettes.MODERATE_OR_NEAR, made=_whole),
    faults=IGNORED,
)
def test_whole_number(embedding: Subject, case: Case) -> None:
    """max_norm and norm_type may be given as integers."""
    observed = embedding.run(case, backward=False)
    embedding.judge("the weight", permitted_weight(embedding, case), observed.weight)


@clause(
    SHOULD, Domain(max_norm=ON, no_grad=ANY, corner="max_norm without columns", where=lambda case: case.index.numel > 0)
)
def test_no_columns(embedding: Subject, case: Case) -> None:
    """Rows without elements have norm 0, whatever norm_type is, and are looked up as they are."""
    observed = embedding.run(case, backward=not case.no_grad)
    embedding.judge("output", embedding.permits(case).output, observed.output)


@clause(
    INFO,
    Domain(
        max_norm=ON,
        no_grad=ANY,
        indices=1,
        weights=(*palettes.FINITE, *palettes.EXTREME),
        made=_within_reach,
        where=_leaves_the_range,
    ),
    faults=IGNORED,
    accurate=True,
    ground=ACCURACY,
)
def test_accuracy(embedding: Subject, case: Case) -> None:
    """Rows with a huge or tiny norm still end at max_norm, as if nothing overflowed or underflowed on the way."""
    permitted = embedding.permits(case).weight_after(wide=True)
    embedding.judge("the weight", permitted, embedding.run(case, backward=False).weight)


@clause(
    MUST,
    Domain(max_norm=ON, no_grad=ANY, indices=1, weights=palettes.MODERATE),
    faults=IGNORED,
    needs=("edit", "given"),
)
def test_in_place(embedding: Subject, case: Case) -> None:
    """Rescaled rows are written into the weight's own memory, so that whatever shares it sees them."""
    instance = embedding.make(case)
    embedding.require_shared_memory(case, instance)
    embedding.look_up(case, instance)
    embedding.judge("the weight", embedding.permits(case).weight, instance.weight())
    embedding.judge("the tensor that the weight lies in", Exactly(instance.weight()), instance.given())
