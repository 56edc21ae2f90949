"""sparse: the gradient, not the weight, is a sparse tensor."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from embedding_conformance.cases import palettes
from embedding_conformance.cases.case import Case
from embedding_conformance.cases.domain import OFF, ON, Domain
from embedding_conformance.cases.optimisers import optimizers_for
from embedding_conformance.judging import compare
from embedding_conformance.judging.clause import INFO, MUST, SAFETY, clause
from embedding_conformance.judging.subject import Subject
from embedding_conformance.suite.shared import (
    emptied,
    is_nonempty,
    judge_used_first,
)
from embedding_reference import Exactly, Tensor
from embedding_reference.fault_models import GRADIENT, accumulation, gradients, padding_idx

PAIRS = (
    ("SGD", "SGD", {"lr": 1.0}),
    ("SparseAdam", "Adam", {"lr": 1.0, "betas": (0.0, 0.0), "eps": 1.0}),
    ("Adagrad", "Adagrad", {"lr": 1.0, "eps": 1.0}),
)
"""An optimiser for sparse gradients, its dense counterpart, and options with which they step alike (`_exact`)."""


def _out_of_order(case: Case) -> bool:
    return case.positions != sorted(set(case.positions))


def _moves_on(case: Case) -> bool:
    """Whether the first lookup has a row that the second does not have."""
    first, second = ({int(i) for i in lookup.index.components()} for lookup in case.lookups)
    return bool(first - second - {case.config.padding_row})


@clause(MUST, Domain(sparse=ON, upstreams=("zeros", *palettes.ANY)))
def test_layout(embedding: Subject, case: Case) -> None:
    """The gradient is sparse over rows, and has the weight's shape, dtype and device."""
    embedding.judge_gradient_form(case, embedding.run(case))


@clause(
    MUST,
    Domain(sparse=ON, indices=1, columns=1, climbs=("sizes",)),
    faults={GRADIENT: (gradients.KeepsTheLastDuplicate,)},
    every=True,
)
def test_values(embedding: Subject, case: Case) -> None:
    """The entries of a row, summed, are the gradient that the row would have without sparse."""
    embedding.judge_gradient(case, embedding.permits(case).gradient, embedding.run(case))


@clause(MUST, Domain(sparse=ON, upstreams=palettes.ANY, where=is_nonempty), ground=SAFETY)
def test_rows(embedding: Subject, case: Case) -> None:
    """Every entry of the gradient belongs to a row of the weight."""
    gradient = embedding.run(case).gradient
    rows = gradient.rows.components() if gradient and gradient.rows else ()
    compare.equal("rows beyond the weight", [], sorted(set(rows) - set(range(case.config.num_embeddings))))


@clause(
    MUST,
    Domain(
        sparse=ON,
        indices=2,
        upstreams=palettes.ANY,
        index_patterns=("equal", "two rows", "uniform"),
        where=_out_of_order,
    ),
    needs=("again",),
    doc="Tensor.is_coalesced",
)
def test_coalesced(embedding: Subject, case: Case) -> None:
    """A gradient that claims to be coalesced has its rows in order, and each once."""
    backward, _ = embedding.make(case).again(lookup=case.lookups[0])  # autograd drops the claim when it accumulates
    gradient = backward.gradient
    if gradient and gradient.rows and gradient.coalesced:
        rows = list(gradient.rows.components())
        compare.equal("the rows of a coalesced gradient", sorted(set(rows)), rows)


@clause(
    MUST,
    Domain(
        sparse=ON,
        padding_idx=ON,
        index_patterns=("some pads", "only pads"),
        indices=1,
        columns=1,
        upstreams=palettes.ANY,
    ),
    faults={GRADIENT: (padding_idx.IgnoresPadding,)},
    doc="padding_idx",
)
def test_padding(embedding: Subject, case: Case) -> None:
    """The row at padding_idx is absent from the gradient, or zero."""
    embedding.judge_gradient(case, embedding.permits(case).gradient, embedding.run(case))


@clause(
    MUST,
    Domain(sparse=ON, padding_idx=ON, corner="sparse padding of a scalar", indices=1, columns=1),
    faults={GRADIENT: (padding_idx.IgnoresPadding, gradients.GivesNoGradient)},
    doc="padding_idx",
)
def test_padding_scalar(embedding: Subject, case: Case) -> None:
    """Together with padding_idx a 0-d index gives its row its gradient, or none where it is padding_idx."""
    embedding.judge_gradient(case, embedding.permits(case).gradient, embedding.run(case))


@clause(MUST, Domain(sparse=ON, large=False, made=emptied, where=lambda case: case.index.numel == 0))
def test_empty(embedding: Subject, case: Case) -> None:
    """An empty index gives a gradient without entries, or of zeros."""
    embedding.judge_gradient(case, embedding.permits(case).gradient, embedding.run(case))


@clause(
    MUST,
    Domain(sparse=ON, lookups=2, max_norm=OFF),
    faults={GRADIENT: (accumulation.ForgetsEarlierLookups,)},
    every=True,
)
def test_accumulates(embedding: Subject, case: Case) -> None:
    """A second backward adds to a sparse gradient, which stays sparse."""
    embedding.judge_gradient(case, embedding.permits(case).gradient, embedding.run(case))


@clause(MUST, Domain(sparse=ON, lookups=2, max_norm=OFF), faults={GRADIENT: (accumulation.ForgetsEarlierLookups,)})
def test_one_graph(embedding: Subject, case: Case) -> None:
    """Two lookups differentiated in one backward add up, and their gradient stays sparse."""
    embedding.judge_gradient(case, embedding.permits(case).gradient, embedding.run(case, together=True))


@clause(
    INFO,
    Domain(sparse=ON, max_norm=OFF, padding_idx=OFF, weights=palettes.MODERATE),
    faults={GRADIENT: (gradients.GivesNoGradient,)},
    needs=("use_first",),
)
def test_mixed(embedding: Subject, case: Case) -> None:
    """Where the weight is used in another way too, both gradients add up to a dense one."""
    backward = embedding.make(case).use_first(lookup=case.lookups[0], clone=False)
    judge_used_first(embedding, replace(case, config=replace(case.config, sparse=False)), backward)


@clause(INFO, Domain(sparse=ON, indices=1, where=is_nonempty), needs=("second_order",))
def test_second_order(embedding: Subject, case: Case) -> None:
    """The gradient's derivative by the upstream gradient is that of a dense gradient."""
    embedding.judge_second_order(case)


@clause(MUST, Domain(sparse=ON, max_norm=OFF, large=False, writable=True, where=is_nonempty), needs=("step",))
def test_step(embedding: Subject, case: Case) -> None:
    """SGD, SparseAdam and Adagrad take the sparse gradient, and step to what the dense one gives."""
    exact = _exact(case)
    for sparse_optimizer, dense_optimizer, options in PAIRS:
        stepped = []
        for optimizer, sparse in ((dense_optimizer, False), (sparse_optimizer, True)):
            instance = embedding.make(replace(exact, config=replace(exact.config, sparse=sparse)))
            instance.step(optimizer=optimizer, options=options, lookups=exact.lookups)
            stepped.append(instance.weight())
        embedding.judge(f"the weight after a step of {sparse_optimizer}", Exactly(stepped[0]), stepped[1])


def _summed(case: Case) -> Case:
    """The case with the upstream gradient of a sum, and a weight of small whole numbers."""
    call = case.lookups[0]
    ones = palettes.fill("ones", call.upstream.dtype, call.upstream.shape, 0)
    table = Tensor.of(case.weight.dtype, case.weight.shape, [i % 16 for i in range(case.weight.numel)])
    return replace(case, weight=table, lookups=(replace(call, upstream=ones, upstream_layout="expanded"),))


@clause(
    INFO,
    Domain(sparse=ON, max_norm=OFF, large=False, writable=True, upstreams=("ones",), made=_summed, where=is_nonempty),
    needs=("step",),
)
def test_step_of_a_sum(embedding: Subject, case: Case) -> None:
    """After the backward of a sum, SGD steps with the sparse gradient to what the dense one gives."""
    stepped = []
    for sparse in (False, True):
        instance = embedding.make(replace(case, config=replace(case.config, sparse=sparse)))
        instance.step(optimizer="SGD", options={"lr": 1.0}, lookups=case.lookups)
        stepped.append(instance.weight())
    embedding.judge("the weight after a step", Exactly(stepped[0]), stepped[1])


@clause(
    MUST,
    Domain(
        sparse=ON,
        large=False,
        weights=palettes.FINITE,
        writable=True,
        made=emptied,
        where=lambda case: case.index.numel == 0,
    ),
    needs=("step",),
)
def test_empty_step(embedding: Subject, case: Case) -> None:
    """SGD, SparseAdam and Adagrad take the gradient of an empty index, and leave the weight as it is."""
    for name, optimizer in optimizers_for(case.config).items():
        instance = embedding.make(case)
        instance.step(optimizer=optimizer.name, options=optimizer.options, lookups=case.lookups)
        embedding.judge(f"the weight after a step of {name}", Exactly(case.weight), instance.weight())


@clause(
    MUST,
    Domain(
        sparse=ON,
        max_norm=OFF,
        lookups=2,
        indices=1,
        columns=1,
        weights=palettes.ANY,
        upstreams=palettes.MODERATE,
        large=False,
        writable=True,
        where=_moves_on,
    ),
    needs=("step",),
    doc="Optimizer.step",
)
def test_other_rows(embedding: Subject, case: Case) -> None:
    """A step of SGD, SparseAdam or Adagrad leaves every row as it is that was not looked up since the last step."""
    first, second = case.lookups
    looked_up = {int(i) for i in second.index.components()}
    for name, optimizer in optimizers_for(case.config).items():
        instance = embedding.make(case)
        instance.step(optimizer=optimizer.name, options=optimizer.options, lookups=(first,))
        before = instance.weight()
        instance.step(optimizer=optimizer.name, options=optimizer.options, lookups=(second,))
        after = instance.weight()
        for row in set(range(case.config.num_embeddings)) - looked_up:
            embedding.judge(f"row {row} after {name}", Exactly(before.entry(row)), after.entry(row))


def _exact(case: Case) -> Case:
    """The case with a weight and upstream gradients for which the optimisers in `PAIRS` step exactly in every dtype.

    Each element of a row that is looked up gets a gradient g of 1, 3 or 7, as a sum of integers. SGD subtracts g. Adam
    and SparseAdam with betas of 0, with which both add eps in the same place, and Adagrad in its first step subtract
    g / (|g| + 1), which is 1/2, 3/4 or 7/8. The elements of the weight are integers up to 15, so that no intermediate
    result needs more than the 8 significant bits of bfloat16.
    """
    call, dim = case.lookups[0], case.config.embedding_dim
    table = Tensor.of(case.weight.dtype, case.weight.shape, [i % 16 for i in range(case.weight.numel)])
    rest = {row: count - 1 for row, count in Counter(case.positions).items()}
    upstream = []
    for row in case.positions:
        # The first upstream gradient of a row makes up for the others, which are 1 each.
        upstream += [1 if row not in rest else (1, 3, 7)[(row + column) % 3] - rest[row] for column in range(dim)]
        rest.pop(row, None)
    given = Tensor.of(call.upstream.dtype, call.upstream.shape, upstream)
    layout = "contiguous" if call.upstream_layout == "expanded" else call.upstream_layout
    exact = replace(call, upstream=given, upstream_layout=layout)
    return replace(case, weight=table, lookups=(exact,))
