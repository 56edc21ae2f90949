"""The dense gradient of the weight."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from embedding_conformance.boundary.observations import Backward
from embedding_conformance.boundary.refusals import Unsupported
from embedding_conformance.cases import palettes
from embedding_conformance.cases.case import Case
from embedding_conformance.cases.domain import OFF, ON, Domain
from embedding_conformance.judging import compare
from embedding_conformance.judging.clause import ACCURACY, DOCUMENTED, INFO, MUST, SAFETY, SHOULD, clause
from embedding_conformance.judging.expectations import reversed_order
from embedding_conformance.judging.subject import Subject
from embedding_conformance.suite.shared import emptied, has_duplicates, is_nonempty, judge_requires_grad
from embedding_reference import Exactly, Interval
from embedding_reference.fault_models import GRADIENT, accumulation, gradients


@clause(
    MUST,
    Domain(sparse=OFF, climbs=("sizes",)),
    faults={GRADIENT: (gradients.GivesNoGradient,)},
    every=True,
    doc="autograd",
)
def test_sum(embedding: Subject, case: Case) -> None:
    """A row's gradient is the sum of the upstream gradients of its lookups, up to the rounding of any order."""
    embedding.judge_gradient(case, embedding.permits(case).gradient, embedding.run(case))


@clause(
    MUST,
    Domain(
        sparse=OFF, upstreams=palettes.ANY, where=lambda case: len(set(case.positions)) < case.config.num_embeddings
    ),
    faults={GRADIENT: (accumulation.LeavesDustInRows,)},
    doc="autograd",
)
def test_untouched_rows(embedding: Subject, case: Case) -> None:
    """A row that was not looked up gets a gradient of exactly zero."""
    observed = embedding.run(case)
    untouched = set(range(case.config.num_embeddings)) - set(case.positions)
    embedding.judge_gradient_rows(case, observed, untouched, Interval.exactly(Fraction(0)))


@clause(MUST, Domain(sparse=OFF, upstreams=("zeros", *palettes.ANY)), argument="sparse")
def test_form(embedding: Subject, case: Case) -> None:
    """Without sparse, the gradient is dense and has the weight's shape, dtype and device."""
    embedding.judge_gradient_form(case, embedding.run(case))


@clause(
    MUST,
    Domain(
        sparse=OFF,
        large=False,
        layouts=ON,
        where=lambda case: case.lookups[0].upstream_layout != "contiguous",
    ),
    faults={GRADIENT: (gradients.GivesNoGradient,)},
    doc="autograd",
)
def test_upstream_layout(embedding: Subject, case: Case) -> None:
    """How the upstream gradient lies in memory (transposed, strided, sliced, expanded) does not matter."""
    embedding.judge_gradient(case, embedding.permits(case).gradient, embedding.run(case))


@clause(
    MUST,
    Domain(lookups=2, max_norm=OFF, sparse=OFF),
    faults={GRADIENT: (accumulation.ForgetsEarlierLookups,)},
    every=True,
    doc="Tensor.backward",
)
def test_accumulates(embedding: Subject, case: Case) -> None:
    """A second backward adds to the gradient that is there."""
    embedding.judge_gradient(case, embedding.permits(case).gradient, embedding.run(case))


@clause(
    MUST,
    Domain(lookups=2, max_norm=OFF, sparse=OFF),
    faults={GRADIENT: (accumulation.ForgetsEarlierLookups,)},
    doc="autograd",
)
def test_one_graph(embedding: Subject, case: Case) -> None:
    """Two lookups differentiated in one backward add up."""
    embedding.judge_gradient(case, embedding.permits(case).gradient, embedding.run(case, together=True))


@clause(MUST, Domain(lookups=2), faults={GRADIENT: (gradients.GivesNoGradient,)}, needs=("beside",), doc="autograd")
def test_two_tables(embedding: Subject, case: Case) -> None:
    """Two embeddings differentiated in one backward get each the gradient of its own lookups."""
    mine, other = (replace(case, lookups=(lookup,)) for lookup in case.lookups)
    other = replace(other, weight=reversed_order(case.weight))
    both = embedding.make(case).beside(weight=other.weight, lookups=case.lookups)
    for which, observed in zip((mine, other), both):
        embedding.judge("output", embedding.permits(which).output, observed.output, of=which)
        embedding.judge_gradient(which, embedding.permits(which).gradient, observed)


@clause(MUST, Domain(), faults={GRADIENT: (gradients.GivesNoGradient,)}, needs=("again",), doc="Tensor.backward")
def test_one_graph_twice(embedding: Subject, case: Case) -> None:
    """A second backward through a graph that was retained gives the same gradient again."""
    for observed in embedding.make(case).again(lookup=case.lookups[0]):
        embedding.judge_gradient(case, embedding.permits(case).gradient, observed)


@clause(
    SHOULD,
    Domain(indices=2, where=has_duplicates),
    doc="use_deterministic_algorithms",
    needs=("again",),
    ground=DOCUMENTED,
)
def test_deterministic(embedding: Subject, case: Case) -> None:
    """Where deterministic algorithms are asked for, the same backward gives the same bits."""
    _judge_same_bits(embedding, *embedding.make(case).again(lookup=case.lookups[0], deterministic=True))


@clause(INFO, Domain(indices=2, where=has_duplicates), doc="use_deterministic_algorithms", needs=("again",))
def test_repeatable(embedding: Subject, case: Case) -> None:
    """The same backward gives the same bits, even where deterministic algorithms are not asked for."""
    _judge_same_bits(embedding, *embedding.make(case).again(lookup=case.lookups[0]))


def _judge_same_bits(embedding: Subject, first: Backward, second: Backward) -> None:
    if first.gradient and second.gradient:
        embedding.judge("the second gradient", Exactly(first.gradient.values), second.gradient.values)
    compare.equal("the second gradient", first.gradient, second.gradient)


@clause(MUST, Domain(upstreams=palettes.ANY, where=is_nonempty), ground=SAFETY)
def test_inputs_unchanged(embedding: Subject, case: Case) -> None:
    """A backward leaves the upstream gradient and the index as they are."""
    inputs = embedding.make(case).gradient(lookups=case.lookups).inputs
    if not inputs:
        raise Unsupported("it is not known what became of the index and the upstream gradient")
    embedding.judge("the upstream gradient", Exactly(case.lookups[0].upstream), inputs[0].upstream)
    embedding.judge("the index", Exactly(case.index), inputs[0].index)


@clause(MUST, Domain(no_grad=ON), doc="no_grad")
def test_no_grad(embedding: Subject, case: Case) -> None:
    """Under no_grad the output is what it is otherwise, and does not take part in differentiation."""
    observed = embedding.make(case).forward(lookup=case.lookups[0], no_grad=True)
    judge_requires_grad(observed, expected=False)
    if case.config.max_norm is None:
        embedding.judge("output", embedding.permits(case).output, observed.output)


@clause(MUST, Domain(freeze=ON), argument="_freeze", doc="freeze")
def test_frozen(embedding: Subject, case: Case) -> None:
    """The output of a frozen embedding does not take part in differentiation."""
    observed = embedding.make(case).forward(lookup=case.lookups[0])
    judge_requires_grad(observed, expected=False)


@clause(
    MUST,
    Domain(upstreams=("specials", "bits"), weights=palettes.ANY, max_norm=OFF),
    faults={GRADIENT: (gradients.GivesNoGradient,)},
    every=True,
    doc="autograd",
)
def test_no_leak(embedding: Subject, case: Case) -> None:
    """NaN or infinity in an upstream gradient reaches the row that was looked up there, and no other."""
    embedding.judge_gradient(case, embedding.permits(case).gradient, embedding.run(case))


@clause(MUST, Domain(max_norm=OFF, weights=palettes.ANY, upstreams=palettes.ANY), ground=SAFETY)
def test_leaves_weight(embedding: Subject, case: Case) -> None:
    """Differentiating changes no bit of the weight."""
    embedding.judge("the weight", Exactly(case.weight), embedding.run(case).weight)


@clause(
    SHOULD,
    Domain(
        sparse=OFF,
        index_patterns=("equal", "two rows"),
        upstreams=palettes.SUMMABLE,
        indices=33,
        columns=1,
        where=has_duplicates,
    ),
    faults={GRADIENT: (accumulation.AddsOneByOneInBfloat16,)},
    accurate=True,
    ground=ACCURACY,
)
def test_accuracy(embedding: Subject, case: Case) -> None:
    """Duplicates in float16 and bfloat16 lose no more than a float32 accumulator would."""
    embedding.judge_gradient(case, embedding.permits(case).gradient_of(wide=True), embedding.run(case))


@clause(
    SHOULD,
    Domain(padding_idx=OFF, scale_grad_by_freq=OFF, sparse=OFF, indices=1, where=is_nonempty),
    needs=("second_order",),
)
def test_second_order(embedding: Subject, case: Case) -> None:
    """The gradient can be differentiated by the upstream gradient, in which it is linear."""
    embedding.judge_second_order(case)


@clause(SHOULD, Domain(sparse=OFF, large=False, made=emptied), needs=("second_order",))
def test_second_order_empty(embedding: Subject, case: Case) -> None:
    """The gradient of an empty index can be differentiated too, which gives an empty derivative."""
    embedding.judge_second_order(case)


@clause(
    SHOULD,
    Domain(
        padding_idx=ON,
        scale_grad_by_freq=OFF,
        sparse=OFF,
        indices=1,
        index_patterns=("some pads", "only pads"),
        where=lambda case: is_nonempty(case) and case.features()["pads"] > 0,
    ),
    argument="padding_idx",
    needs=("second_order",),
)
def test_second_order_padding(embedding: Subject, case: Case) -> None:
    """The gradient's derivative by the upstream gradient is zero at pads."""
    embedding.judge_second_order(case)
