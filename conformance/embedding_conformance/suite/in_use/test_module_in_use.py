"""What `nn.Module` lets people do with an embedding between two calls."""

from __future__ import annotations

from dataclasses import replace

from embedding_conformance.boundary.refusals import Unsupported
from embedding_conformance.cases import palettes
from embedding_conformance.cases.case import Case
from embedding_conformance.cases.domain import ANY, OFF, Domain
from embedding_conformance.judging import compare
from embedding_conformance.judging.clause import MUST, clause
from embedding_conformance.judging.subject import Subject
from embedding_conformance.suite.shared import GIVES_NONE
from embedding_reference import Exactly


@clause(
    MUST,
    Domain(weights=palettes.MODERATE, upstreams=palettes.MODERATE, lookups=2, indices=1, columns=1, large=False),
    section="module",
    faults=GIVES_NONE,
    argument="_weight",
    doc="Module.register_parameter",
    needs=("replace_weight", "state"),
)
def test_replaced(embedding: Subject, case: Case) -> None:
    """A parameter put in the place of the weight is what lookups, gradients and the state are about from then on."""
    first, second = (replace(case, lookups=(lookup,)) for lookup in case.lookups)
    instance, other = embedding.make(case), palettes.inverted(case.weight)
    embedding.use(first, instance)
    instance.replace_weight(weight=other)
    embedding.judge("the weight in the state", Exactly(other), instance.state()["weight"])
    embedding.use(replace(second, weight=other, weight_layout="contiguous"), instance)


@clause(
    MUST,
    Domain(weights=palettes.MODERATE, indices=1, columns=1),
    section="module",
    faults=GIVES_NONE,
    doc="Module.requires_grad_",
    needs=("freeze",),
)
def test_thawed(embedding: Subject, case: Case) -> None:
    """Frozen, looked up in, and thawed again, an embedding gives the gradient that any other would."""
    instance = embedding.make(case)
    instance.freeze(frozen=True)
    instance.forward(lookup=case.lookups[0])
    instance.freeze(frozen=False)
    embedding.use(replace(case, weight=instance.weight()), instance)


@clause(MUST, Domain(freeze=ANY), section="module", enough=1, doc="Module.train", needs=("chains",))
def test_chains(embedding: Subject, case: Case) -> None:
    """Methods that change an embedding, train(), eval(), requires_grad_() and to(), return the embedding itself."""
    returned = embedding.make(case).chains()
    others = [name for name, itself in returned.items() if not itself]
    compare.equal("the methods that return something else", [], others)


@clause(
    MUST,
    Domain(freeze=ANY, weights=palettes.ANY, max_norm=OFF, writable=True),
    section="module",
    argument="_weight",
    doc="Module.load_state_dict",
    needs=("load_partly", "state"),
)
def test_load_partly(embedding: Subject, case: Case) -> None:
    """With strict=False a key too many is told and the rest loaded, and a missing weight is told and stays."""
    instance, other = embedding.make(case), palettes.inverted(case.weight)
    if list(instance.state()) != ["weight"]:
        raise Unsupported("its state does not consist of the weight alone")
    told = instance.load_partly(state={"table": case.weight})
    compare.equal("what is told", {"missing": ["weight"], "unexpected": ["table"]}, dict(told))
    embedding.judge("the weight", Exactly(case.weight), instance.weight())
    told = instance.load_partly(state={"weight": other, "table": case.weight})
    compare.equal("what is told", {"missing": [], "unexpected": ["table"]}, dict(told))
    embedding.judge("the weight", Exactly(other), instance.weight())
