"""sparse: the gradient, not the weight, is a sparse tensor."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given

from conformance import judge, palettes
from conformance.case import Case
from conformance.clause import INFO, MUST, clause
from conformance.strategies import OFF, ON, cases
from conformance.subject import Subject
from conformance.suite.shared import emptied, judge_second_order, judge_used_first
from reference import Exactly, Tensor


def _some(case: Case) -> bool:
    return case.index.numel > 0 and case.config.embedding_dim > 0


def _duplicates(case: Case) -> bool:
    return case.features()["duplicates"] and case.config.embedding_dim > 0


def _out_of_order(case: Case) -> bool:
    return case.positions != sorted(set(case.positions))


@clause("sparse.layout", MUST, argument="sparse", doc="sparse")
@given(cases(sparse=ON, upstreams=("zeros", *palettes.ANY)))
def test_layout(embedding: Subject, case: Case) -> None:
    """The gradient is sparse over rows, and has the weight's shape, dtype and device."""
    embedding.judge_gradient_form(case, embedding.run(case))


@clause("sparse.values", MUST, argument="sparse", doc="sparse", when=_duplicates)
@given(cases(sparse=ON, indices=1, columns=1))
def test_values(embedding: Subject, case: Case) -> None:
    """The entries of a row, summed, are the gradient that the row would have without sparse."""
    embedding.judge_gradient(case, embedding.predict(case).gradient, embedding.run(case))


@clause("sparse.rows", MUST, argument="sparse", doc="sparse", when=_some)
@given(cases(sparse=ON, upstreams=palettes.ANY))
def test_rows(embedding: Subject, case: Case) -> None:
    """Every entry of the gradient belongs to a row of the weight."""
    gradient = embedding.run(case).gradient
    rows = gradient.rows.components() if gradient and gradient.rows else ()
    judge.equal("rows beyond the weight", [], sorted(set(rows) - set(range(case.config.num_embeddings))))


@clause("sparse.coalesced", MUST, argument="sparse", doc="sparse", when=_out_of_order)
@given(cases(sparse=ON, indices=2, upstreams=palettes.ANY, index_patterns=("equal", "two rows", "uniform")))
def test_coalesced(embedding: Subject, case: Case) -> None:
    """A gradient that claims to be coalesced has its rows in order, and each once."""
    came, _ = embedding.make(case).again(lookup=case.lookups[0])  # autograd forgets the claim when it accumulates
    gradient = came.gradient
    if gradient and gradient.rows and gradient.coalesced:
        rows = list(gradient.rows.components())
        judge.equal("the rows of a coalesced gradient", sorted(set(rows)), rows)


@clause("sparse.padding", MUST, argument="sparse", doc="padding_idx", when=lambda case: case.features()["pads"] > 0)
@given(
    cases(
        sparse=ON,
        padding_idx=ON,
        index_patterns=("some pads", "only pads"),
        indices=1,
        columns=1,
        upstreams=palettes.ANY,
    )
)
def test_padding(embedding: Subject, case: Case) -> None:
    """The row at padding_idx is absent from the gradient, or zero."""
    embedding.judge_gradient(case, embedding.predict(case).gradient, embedding.run(case))


@clause("sparse.padding-scalar", MUST, argument="sparse", doc="padding_idx")
@given(cases(sparse=ON, padding_idx=ON, corner="sparse padding of a scalar", indices=1, columns=1))
def test_padding_scalar(embedding: Subject, case: Case) -> None:
    """Together with padding_idx a 0-d index gives its row its gradient, or none where it is padding_idx."""
    embedding.judge_gradient(case, embedding.predict(case).gradient, embedding.run(case))


@clause("sparse.empty", MUST, argument="sparse", doc="sparse", when=lambda case: case.index.numel == 0)
@given(cases(sparse=ON, large=False).map(emptied))
def test_empty(embedding: Subject, case: Case) -> None:
    """An empty index gives a gradient without entries, or of zeros."""
    embedding.judge_gradient(case, embedding.predict(case).gradient, embedding.run(case))


@clause("sparse.accumulates", MUST, argument="sparse", doc="sparse", when=_some)
@given(cases(sparse=ON, lookups=2, max_norm=OFF))
def test_accumulates(embedding: Subject, case: Case) -> None:
    """A second backward adds to a sparse gradient, which stays sparse."""
    embedding.judge_gradient(case, embedding.predict(case).gradient, embedding.run(case))


@clause("sparse.mixed", INFO, argument="sparse", doc="sparse", when=_some)
@given(cases(sparse=ON, max_norm=OFF, padding_idx=OFF, weights=palettes.MODERATE))
def test_mixed(embedding: Subject, case: Case) -> None:
    """Where the weight is used in another way too, both gradients add up to a dense one."""
    came = embedding.make(case).use_first(lookup=case.lookups[0], clone=False)
    judge_used_first(embedding, replace(case, config=replace(case.config, sparse=False)), came)


@clause("sparse.second-order", INFO, argument="sparse", doc="sparse", when=_some)
@given(cases(sparse=ON, indices=1))
def test_second_order(embedding: Subject, case: Case) -> None:
    """The gradient's derivative by the upstream gradient is that of a dense gradient."""
    judge_second_order(embedding, case)


@clause("sparse.step", MUST, argument="sparse", doc="sparse", when=_some)
@given(
    cases(
        sparse=ON,
        max_norm=OFF,
        weights=("counting",),
        upstreams=("counting",),
        index_patterns=("counting",),
        large=False,
        writable=True,
    )
)
def test_step(embedding: Subject, case: Case) -> None:
    """SGD takes the sparse gradient, and steps to what the dense one gives."""
    # Each row once, integers up to 64 and a step of 1: exact in every dtype, so both steps give the same bits.
    count = min(case.index.numel, case.config.num_embeddings)
    call = case.lookups[0]
    index = Tensor.of(call.index.dtype, (count,), case.positions[:count])
    upstream = Tensor.of(
        embedding.dtype, (count, case.config.embedding_dim), call.upstream.values()[: count * case.config.embedding_dim]
    )
    once = replace(case, lookups=(replace(call, index=index, upstream=upstream),))
    if len(set(once.positions)) < count:
        return  # an expanded index repeats its first row
    stepped = []
    for sparse in (False, True):
        instance = embedding.make(replace(once, config=replace(case.config, sparse=sparse)))
        instance.step(optimizer="SGD", options={"lr": 1.0}, lookups=once.lookups)
        stepped.append(instance.weight())
    embedding.judge("the weight after a step", Exactly(stepped[0]), stepped[1])
