"""Ways of calling: what a lookup gives under each, and what it leaves behind."""

from __future__ import annotations

from dataclasses import replace

from embedding_conformance.boundary.refusals import Refused, Unsupported
from embedding_conformance.cases import palettes
from embedding_conformance.cases.case import Case, Config, Lookup
from embedding_conformance.cases.domain import ANY, OFF, Domain
from embedding_conformance.judging import compare
from embedding_conformance.judging.clause import MUST, SAFETY, SHOULD, clause
from embedding_conformance.judging.expectations import reversed_order
from embedding_conformance.judging.subject import Subject
from embedding_conformance.suite.shared import GIVES_NONE, judge_requires_grad, of_the_next_rows, with_writable_index
from embedding_reference import Tensor
from embedding_reference.fault_models import OUTPUT, lookups, outputs

CALLS = 512
"""Calls that may fill a cache, and after which what is left behind is counted."""

TIMES = 20
"""How often a large lookup is made."""

RANDOM = "random state"
"""What adapters call the state of the random generator among the settings."""


@clause(
    MUST,
    Domain(max_norm=OFF, sparse=OFF, indices=1, columns=1, large=False, made=with_writable_index),
    section="lookup",
    faults=GIVES_NONE,
    needs=("reuse",),
)
def test_reused_index(embedding: Subject, case: Case) -> None:
    """An index tensor that is filled anew and looked up again gives the rows, and the gradient, of what it holds."""
    both = replace(case, lookups=(case.lookups[0], of_the_next_rows(case)))
    observed = embedding.make(case).reuse(lookups=both.lookups)
    for lookup, output in zip(both.lookups, observed.outputs):
        one = replace(case, lookups=(lookup,))
        embedding.judge("output", embedding.permits(one).output, output, of=one)
    embedding.judge_gradient(both, embedding.permits(both).gradient, observed)


@clause(
    MUST,
    Domain(freeze=ANY, weights=palettes.MODERATE),
    section="lookup",
    faults={OUTPUT: (outputs.ZeroesTheOutput, lookups.ReadsTheNextRow)},
    doc="inference_mode",
    needs=("infer",),
)
def test_inference_mode(embedding: Subject, case: Case) -> None:
    """In inference mode the output and the weight are what they are otherwise, without differentiation."""
    instance = embedding.make(case)
    observed = instance.infer(lookup=case.lookups[0])
    judge_requires_grad(observed, expected=False)
    embedding.judge("output", embedding.permits(case).output, observed.output)
    embedding.judge("the weight", embedding.permits(case).weight, instance.weight())


@clause(
    SHOULD,
    Domain(padding_idx=OFF, max_norm=OFF, sparse=OFF, indices=1, columns=1, weights=palettes.MODERATE),
    section="lookup",
    faults={OUTPUT: (lookups.ReadsTheNextRow,)},
    doc="autograd.forward_ad",
    needs=("jvp",),
)
def test_forward_mode(embedding: Subject, case: Case) -> None:
    """In forward mode, the output's derivative along a tangent of the weight is the tangent's rows."""
    tangent = reversed_order(case.weight)
    try:
        derivative = embedding.make(case).jvp(lookup=case.lookups[0], tangent=tangent)
    except Refused as refused:
        raise Unsupported(f"it has no derivative in forward mode: {refused}", asked=True) from None
    embedding.judge("the derivative of the output", embedding.permits(case).output_from(tangent), derivative)


@clause(
    SHOULD,
    Domain(max_norm=OFF, lookups=2, indices=1, columns=1, freeze=ANY, large=False),
    section="lookup",
    faults={OUTPUT: (lookups.ReadsTheNextRow,)},
    enough=2,
    needs=("at_once",),
)
def test_threads(embedding: Subject, case: Case) -> None:
    """Threads that look up in one embedding at the same time get each the output of their own index."""
    outputs_of_each = embedding.make(case).at_once(lookups=case.lookups).outputs
    for lookup, output in zip(case.lookups, outputs_of_each):
        one = replace(case, lookups=(lookup,))
        embedding.judge("output", embedding.permits(one).output, output, of=one)


@clause(MUST, Domain(freeze=ANY), section="lookup", enough=2, ground=SAFETY, needs=("disturbs",))
def test_leaves_settings(embedding: Subject, case: Case) -> None:
    """A lookup and its backward leave default dtype and device, grad mode, determinism and threads as they were."""
    changed = embedding.make(case).disturbs(lookup=case.lookups[0])
    compare.equal("the settings changed", {}, {name: both for name, both in changed.items() if name != RANDOM})


@clause(MUST, section="gradient", doc="autograd")
def test_each_time(embedding: Subject) -> None:
    """A large lookup has the right gradient each time that it is made, as where threads add to one row."""
    dtype, shape = embedding.dtype, (2**14,)
    index = Tensor.repeating("int64", shape, [place * 7 % 61 for place in range(61)])
    upstream = Tensor.repeating(dtype, (*shape, 2), range(1, 18))
    case = Case(Config(61, 2), Tensor.repeating(dtype, (61, 2), range(5)), (Lookup(index, upstream),))
    embedding.declarations.require(case)
    for _ in range(TIMES):
        embedding.driver.calls.clear()  # a script of the last is enough
        embedding.judge_gradient(case, embedding.permits(case).gradient, embedding.run(case))


@clause(SHOULD, Domain(freeze=ANY), section="lookup", enough=2, needs=("disturbs",))
def test_draws_nothing(embedding: Subject, case: Case) -> None:
    """A lookup and its backward leave the framework's random generator as it was."""
    changed = embedding.make(case).disturbs(lookup=case.lookups[0])
    compare.equal("whether random numbers were drawn", expected=False, observed=RANDOM in changed)


@clause(SHOULD, dtypes="none", section="lookup", needs=("leaves",))
def test_leaves_nothing(embedding: Subject) -> None:
    """Calls leave no tensors behind, but for a cache of some hundred, which may fill first."""
    dtype = embedding.dtype
    index = Tensor.of("int64", (3,), [0, 2, 0])
    lookup = Lookup(index, Tensor.of(dtype, (3, 2), range(6)))
    left = embedding.fresh(Config(4, 2)).leaves(lookup=lookup, calls=CALLS)["tensors"]
    if left >= CALLS:
        raise compare.Deviation("calls leave tensors behind", expected=f"none after {CALLS} calls", observed=str(left))
