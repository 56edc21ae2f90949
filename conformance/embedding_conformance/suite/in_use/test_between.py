"""Between forward and backward: what is changed there does not change the gradient, or backward is refused."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

from embedding_conformance.boundary.refusals import Refused
from embedding_conformance.cases import palettes
from embedding_conformance.cases.case import Case
from embedding_conformance.cases.domain import OFF, ON, Domain
from embedding_conformance.judging.clause import INFO, MUST, SAFETY, clause
from embedding_conformance.judging.subject import Subject
from embedding_conformance.suite.shared import GIVES_NONE, of_the_next_rows, with_writable_index
from embedding_reference import Tensor


def _names_others(case: Case) -> bool:
    """Whether an index of zeros would name other rows."""
    return any(case.positions) and case.config.embedding_dim > 0


def _between(section: str = "gradient", level: str = MUST, **more: Any) -> Callable[[Any], Any]:
    """The decorator of a clause on what happens between forward and backward."""
    moderate: dict[str, Any] = {"weights": palettes.MODERATE, "upstreams": palettes.MODERATE}
    domain = Domain(max_norm=OFF, indices=1, writable=True, **moderate, **more.pop("domain", {}))
    more = {"doc": "autograd", "faults": GIVES_NONE, **more}
    return clause(level, domain, section=section, needs=("between",), **more)


def _judge(embedding: Subject, case: Case, change: str, expected: Case | None = None) -> None:
    observed = embedding.make(case).between(lookup=case.lookups[0], change=change)
    wanted = expected or case
    embedding.judge_gradient(wanted, embedding.permits(wanted).gradient, observed, alone=False)


def _judge_unless_refused(embedding: Subject, case: Case, change: str) -> None:
    """Judge the gradient unless backward is refused for the change; without it, it must not be."""
    embedding.make(case).between(lookup=case.lookups[0], change="nothing")
    with suppress(Refused):
        _judge(embedding, case, change)


@_between(domain={"made": with_writable_index, "where": _names_others}, ground=SAFETY)
def test_index_changed(embedding: Subject, case: Case) -> None:
    """If the index is overwritten before backward, the gradient is that of the index as it was, or is refused."""
    _judge_unless_refused(embedding, case, "index")


@_between(
    "sparse", level=INFO, domain={"sparse": ON, "made": with_writable_index, "where": _names_others}, ground=SAFETY
)
def test_index_changed_later(embedding: Subject, case: Case) -> None:
    """If the index is overwritten after backward, the sparse gradient stays as it is."""
    _judge(embedding, case, "index after backward")


@_between(ground=SAFETY)
def test_weight_changed(embedding: Subject, case: Case) -> None:
    """If the weight is changed in place before backward, the gradient is what it would have been, or is refused."""
    _judge_unless_refused(embedding, case, "weight")


@_between(doc="Module.train")
def test_mode_changed(embedding: Subject, case: Case) -> None:
    """Changing between train() and eval() before backward does not change the gradient."""
    _judge(embedding, case, "mode")


@_between()
def test_later_lookup(embedding: Subject, case: Case) -> None:
    """A later lookup that is not differentiated does not change the gradient of an earlier one."""
    _judge(embedding, case, "lookup")


@_between(domain={"sparse": OFF})
def test_either_order(embedding: Subject, case: Case) -> None:
    """Of two lookups the second may be differentiated first: their gradients add up all the same."""
    both = replace(case, lookups=(case.lookups[0], of_the_next_rows(_negated(case))))
    _judge(embedding, case, "backward of a lookup", both)


@_between(doc="Tensor.register_hook")
def test_output_hook(embedding: Subject, case: Case) -> None:
    """A hook on the output that changes the sign of its gradient changes that of the weight's."""
    _judge(embedding, case, "output hook", _negated(case))


@_between(doc="Tensor.register_hook")
def test_weight_hook(embedding: Subject, case: Case) -> None:
    """A hook on the weight that changes the sign of its gradient is called once, with all of it."""
    _judge(embedding, case, "weight hook", _negated(case))


def _negated(case: Case) -> Case:
    """The case with the upstream gradient of the other sign, whose gradient has the other sign too, exactly."""
    lookup = case.lookups[0]
    other = Tensor.of(lookup.upstream.dtype, lookup.upstream.shape, [-value for value in lookup.upstream.values()])
    return replace(case, lookups=(replace(lookup, upstream=other),))
