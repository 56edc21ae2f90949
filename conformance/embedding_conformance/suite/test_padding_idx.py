"""The row at padding_idx: stored and looked up like any other, but not trained."""

from __future__ import annotations

from fractions import Fraction

from embedding_conformance.boundary.adapter import Instance
from embedding_conformance.boundary.refusals import MissingVerb, Unsupported
from embedding_conformance.cases import palettes
from embedding_conformance.cases.case import Case
from embedding_conformance.cases.domain import ANY, OFF, ON, Domain
from embedding_conformance.cases.optimisers import DECAYING, OTHERS, Optimizer, optimizers_for
from embedding_conformance.judging import compare
from embedding_conformance.judging.clause import INFO, MUST, SHOULD, clause
from embedding_conformance.judging.subject import Subject
from embedding_reference import Exactly, Interval
from embedding_reference.fault_models import GRADIENT, OUTPUT, gradients, padding_idx

PADS = ("some pads", "only pads")


def _pads(case: Case) -> bool:
    return case.features()["pads"] > 0 and case.config.embedding_dim > 0


@clause(
    MUST,
    Domain(
        padding_idx=ON,
        index_patterns=PADS,
        indices=1,
        columns=1,
        upstreams=palettes.ANY,
        weights=palettes.ANY,
        max_norm=OFF,
    ),
    faults={GRADIENT: (padding_idx.IgnoresPadding,)},
)
def test_no_gradient(embedding: Subject, case: Case) -> None:
    """The row at padding_idx receives a zero gradient, however often it is looked up."""
    zero = Interval.exactly(Fraction(0))
    embedding.judge_gradient_rows(case, embedding.run(case), {_row(case)}, zero)


@clause(
    MUST,
    Domain(padding_idx=ON, index_patterns=("some pads",), indices=2, columns=1),
    faults={GRADIENT: (padding_idx.LosesTheIndexAfterAPad, padding_idx.StopsAtAPad)},
)
def test_others(embedding: Subject, case: Case) -> None:
    """Pads in the batch change nothing about the gradient of the other rows."""
    embedding.judge_gradient(case, embedding.permits(case).gradient, embedding.run(case))


@clause(
    MUST,
    Domain(
        padding_idx=ON,
        index_patterns=PADS,
        indices=1,
        columns=1,
        weights=palettes.ANY,
        max_norm=OFF,
        freeze=ANY,
        pads_hold=ON,
    ),
    faults={OUTPUT: (padding_idx.ZeroesTheOutputOfPads,)},
)
def test_output(embedding: Subject, case: Case) -> None:
    """The output at a pad is the row at padding_idx as it is stored, zero or not."""
    embedding.judge("output", embedding.permits(case).output, embedding.run(case, backward=False).output)


@clause(
    SHOULD,
    Domain(
        padding_idx=ON,
        corner="negative padding_idx",
        index_patterns=("some pads", "counting"),
        indices=2,
        columns=1,
        upstreams=palettes.ANY,
        weights=palettes.ANY,
    ),
    faults={GRADIENT: (padding_idx.IgnoresPadding,)},
)
def test_negative(embedding: Subject, case: Case) -> None:
    """A padding_idx below zero counts from the end: the row that it names gets no gradient, and all others theirs."""
    permitted, observed = embedding.permits(case), embedding.run(case)
    embedding.judge_gradient(case, permitted.gradient, observed)
    embedding.judge("output", permitted.output, observed.output)
    embedding.judge("the weight", permitted.weight, observed.weight)


@clause(MUST, Domain(padding_idx=OFF), faults={GRADIENT: (gradients.LosesTheFirstRow, gradients.LosesTheLastRow)})
def test_none(embedding: Subject, case: Case) -> None:
    """Without padding_idx every row that is looked up gets its gradient, the first and the last too."""
    embedding.judge_gradient(case, embedding.permits(case).gradient, embedding.run(case))


@clause(
    MUST,
    Domain(
        padding_idx=ON,
        index_patterns=PADS,
        indices=1,
        columns=1,
        weights=palettes.MODERATE,
        upstreams=palettes.MODERATE,
        max_norm=OFF,
        writable=True,
    ),
    faults={GRADIENT: (padding_idx.IgnoresPadding,)},
    needs=("step",),
)
def test_training(embedding: Subject, case: Case) -> None:
    """Two steps of an optimiser without weight decay leave the row at padding_idx as it was, bit for bit."""
    row = _row(case)
    for name, optimizer in optimizers_for(case.config).items():
        instance = embedding.make(case)
        for _ in range(2):
            instance.step(optimizer=optimizer.name, options=optimizer.options, lookups=case.lookups)
        weight = instance.weight()
        what = f"the row at padding_idx after {name}"
        embedding.judge(what, Exactly(case.weight.entry(row)), weight.entry(row))


@clause(
    MUST,
    Domain(
        padding_idx=ON,
        sparse=OFF,
        max_norm=OFF,
        index_patterns=PADS,
        indices=1,
        columns=1,
        weights=palettes.MODERATE,
        upstreams=palettes.MODERATE,
        large=False,
        writable=True,
    ),
    faults={GRADIENT: (padding_idx.IgnoresPadding,)},
    enough=2,
    needs=("step",),
)
def test_every_optimizer(embedding: Subject, case: Case) -> None:
    """No other optimiser of torch.optim without weight decay moves the row at padding_idx either, in two steps."""
    row = _row(case)
    for optimizer in OTHERS:
        instance = embedding.make(case)
        if all(_steps(instance, optimizer, case) for _ in range(2)):
            what = f"the row at padding_idx after {optimizer.name}"
            embedding.judge(what, Exactly(case.weight.entry(row)), instance.weight().entry(row))


def _steps(instance: Instance, optimizer: Optimizer, case: Case) -> bool:
    """Take a step; whether there is such an optimiser in this release, and for this dtype."""
    try:
        instance.step(optimizer=optimizer.name, options=optimizer.options, lookups=case.lookups)
    except MissingVerb:
        raise
    except Unsupported:
        return False
    return True


@clause(
    INFO,
    Domain(
        padding_idx=ON,
        sparse=OFF,
        max_norm=OFF,
        index_patterns=PADS,
        indices=1,
        columns=1,
        weights=("counting",),
        upstreams=palettes.MODERATE,
        writable=True,
        pads_hold=ON,
        where=_pads,
    ),
    needs=("step",),
)
def test_weight_decay(embedding: Subject, case: Case) -> None:
    """Weight decay moves the row at padding_idx although it has no gradient, unless it is zero."""
    row = _row(case)
    for optimizer in DECAYING:
        instance = embedding.make(case)
        if not _steps(instance, optimizer, case):
            continue
        instance.forward(lookup=case.lookups[0])
        moved = instance.weight().entry(row) != case.weight.entry(row)
        compare.equal(f"whether {optimizer.name} moves the row at padding_idx", expected=True, observed=moved)


def _row(case: Case) -> int:
    row = case.config.padding_row
    assert row is not None
    return row
