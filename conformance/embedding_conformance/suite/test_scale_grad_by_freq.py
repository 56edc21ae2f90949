"""scale_grad_by_freq: the gradient of a row is divided by how often the row was looked up."""

from __future__ import annotations

from embedding_conformance.boundary.refusals import Refused
from embedding_conformance.cases import palettes
from embedding_conformance.cases.case import Case
from embedding_conformance.cases.domain import ANY, OFF, ON, Domain
from embedding_conformance.judging.clause import INFO, MUST, SAFETY, SHOULD, clause
from embedding_conformance.judging.subject import Subject
from embedding_conformance.suite.shared import has_duplicates
from embedding_reference.fault_models import GRADIENT, OUTPUT, outputs, padding_idx, scale_grad_by_freq
from embedding_reference.model import WRONG_ARGUMENT


@clause(
    MUST,
    Domain(scale_grad_by_freq=ON, indices=2, columns=1, sparse=OFF),
    faults={GRADIENT: (scale_grad_by_freq.IgnoresFrequency,)},
)
def test_divides(embedding: Subject, case: Case) -> None:
    """Each row's gradient is divided by how often the row occurs in the whole index tensor of the call."""
    embedding.judge_gradient(case, embedding.permits(case).gradient, embedding.run(case))


@clause(
    MUST,
    Domain(
        scale_grad_by_freq=ON,
        columns=1,
        sparse=OFF,
        large=False,
        where=lambda case: case.index.numel == 0 or case.index.shape == (),
    ),
    faults={GRADIENT: (scale_grad_by_freq.DividesNothingByNothing, scale_grad_by_freq.DividesByOneMore)},
)
def test_one_or_none(embedding: Subject, case: Case) -> None:
    """A 0-d index counts as one occurrence, and an empty one, of any shape, gives zeros."""
    embedding.judge_gradient(case, embedding.permits(case).gradient, embedding.run(case))


@clause(
    MUST,
    Domain(
        scale_grad_by_freq=ON,
        indices=2,
        columns=1,
        max_norm=OFF,
        freeze=ANY,
        weights=palettes.ANY,
    ),
    faults={OUTPUT: (outputs.DividesTheOutputByFrequency,)},
)
def test_forward(embedding: Subject, case: Case) -> None:
    """The output is that of a plain lookup."""
    embedding.judge("output", embedding.permits(case).output, embedding.run(case, backward=False).output)


@clause(
    MUST,
    Domain(scale_grad_by_freq=ON, indices=2, columns=1, sparse=OFF, max_norm=OFF, lookups=2),
    faults={GRADIENT: (scale_grad_by_freq.KeepsCounting, scale_grad_by_freq.CountsTheFirstLookup)},
)
def test_each_call(embedding: Subject, case: Case) -> None:
    """Occurrences are counted for each call by itself; those of an earlier call do not carry over."""
    embedding.judge_gradient(case, embedding.permits(case).gradient, embedding.run(case))


@clause(
    MUST,
    Domain(
        scale_grad_by_freq=ON,
        indices=2,
        columns=1,
        sparse=OFF,
        padding_idx=ON,
        index_patterns=("some pads", "only pads"),
    ),
    faults={GRADIENT: (padding_idx.IgnoresPadding, scale_grad_by_freq.CountsPadsWithEveryRow)},
)
def test_with_padding(embedding: Subject, case: Case) -> None:
    """Together with padding_idx, that row gets no gradient and the others are divided by their own counts."""
    embedding.judge_gradient(case, embedding.permits(case).gradient, embedding.run(case))


@clause(
    MUST,
    Domain(scale_grad_by_freq=ON, indices=2, columns=1, sparse=ON, corner="sparse with scale"),
    faults={GRADIENT: (scale_grad_by_freq.IgnoresFrequency,)},
    ground=SAFETY,
)
def test_with_sparse(embedding: Subject, case: Case) -> None:
    """Together with sparse it is refused, or right; never silently wrong."""
    try:
        observed = embedding.run(case)
    except Refused:
        return
    embedding.judge_gradient(case, embedding.permits(case).gradient, observed)


@clause(
    INFO,
    Domain(scale_grad_by_freq=ON, indices=2, columns=1, sparse=ON, corner="sparse with scale", where=has_duplicates),
)
def test_sparse_refused(embedding: Subject, case: Case) -> None:
    """Together with sparse it is refused, by the backward at the latest."""
    embedding.refuses("scale_grad_by_freq with sparse", WRONG_ARGUMENT, lambda: embedding.run(case))


@clause(
    SHOULD,
    Domain(scale_grad_by_freq=ON, indices=2, columns=1, sparse=OFF, where=has_duplicates),
    needs=("second_order",),
)
def test_second_order(embedding: Subject, case: Case) -> None:
    """The gradient's derivative by the upstream gradient is divided by the same counts as the gradient."""
    embedding.judge_second_order(case)
