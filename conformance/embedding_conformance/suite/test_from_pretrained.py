"""`Embedding.from_pretrained`."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from functools import partial

from embedding_conformance.boundary.refusals import Unsupported
from embedding_conformance.cases import palettes
from embedding_conformance.cases.case import Case
from embedding_conformance.cases.domain import ANY, OFF, ON, Domain
from embedding_conformance.judging import compare
from embedding_conformance.judging.clause import INFO, MUST, SHOULD, clause
from embedding_conformance.judging.subject import Subject
from embedding_conformance.suite.shared import judge_signature
from embedding_reference import Exactly
from embedding_reference.fault_models import GRADIENT, gradients, padding_idx
from embedding_reference.model import WRONG_ARGUMENT

POSITIONAL = "POSITIONAL_OR_KEYWORD"
SIGNATURE = [
    ("embeddings", POSITIONAL, ""),
    ("freeze", POSITIONAL, "True"),
    ("padding_idx", POSITIONAL, "None"),
    ("max_norm", POSITIONAL, "None"),
    ("norm_type", POSITIONAL, "2.0"),
    ("scale_grad_by_freq", POSITIONAL, "False"),
    ("sparse", POSITIONAL, "False"),
]


@clause(MUST, dtypes="none", needs=("signature",))
def test_signature(embedding: Subject) -> None:
    """from_pretrained takes the documented parameters, by these names, in this order, with these defaults."""
    judge_signature("the signature of from_pretrained", SIGNATURE, embedding.signature("from_pretrained"))


@clause(MUST, Domain(freeze=ANY, weights=palettes.ANY))
def test_values(embedding: Subject, case: Case) -> None:
    """from_pretrained keeps the values given bit for bit, the row at padding_idx included."""
    embedding.judge("the weight", Exactly(case.weight), embedding.make(case, via="from_pretrained").weight())


@clause(MUST, Domain(freeze=ANY), doc="freeze", needs=("attributes",))
def test_freeze(embedding: Subject, case: Case) -> None:
    """from_pretrained freezes the weight unless freeze=False is given."""
    kept = embedding.make(case, via="from_pretrained").attributes()
    compare.equal("requires_grad of the weight", not case.config.freeze, kept["requires_grad"])


@clause(SHOULD, Domain(freeze=ANY), needs=("attributes",))
def test_keywords(embedding: Subject, case: Case) -> None:
    """Every keyword of from_pretrained reaches the embedding; its sizes are those of the tensor."""
    embedding.judge_attributes(case, embedding.make(case, via="from_pretrained").attributes())


@clause(SHOULD, Domain(freeze=ANY, padding_idx="off"), doc="embeddings")
def test_not_2d(embedding: Subject, case: Case) -> None:
    """from_pretrained refuses a tensor that does not have two dimensions."""
    rows, dim = case.weight.shape
    for shape in ((rows,), (), (rows, dim + 1, 1)):
        weight = palettes.fill("counting", embedding.dtype, shape, 0)
        wrong = replace(case, weight=weight, weight_layout="contiguous")
        embedding.refuses(f"shape {shape}", WRONG_ARGUMENT, partial(embedding.make, wrong, via="from_pretrained"))


@clause(MUST, Domain(), faults={GRADIENT: (gradients.GivesNoGradient,)}, doc="freeze")
def test_trains(embedding: Subject, case: Case) -> None:
    """With freeze=False, or thawed later, the weight gets the gradient that any other embedding's would."""
    gradient = embedding.permits(case).gradient
    embedding.judge_gradient(case, gradient, embedding.run(case, via="from_pretrained"))
    thawed = embedding.make(replace(case, config=replace(case.config, freeze=True)), via="from_pretrained")
    with suppress(Unsupported):
        thawed.freeze(frozen=False)
        embedding.judge_gradient(case, gradient, thawed.gradient(lookups=case.lookups))


@clause(SHOULD, Domain(freeze=ANY, weights=palettes.ANY), needs=("attributes",))
def test_subclass(embedding: Subject, case: Case) -> None:
    """Called on a class derived from the embedding's, from_pretrained makes one of that class."""
    instance = embedding.make(case, via="subclass")
    compare.equal("the class", "Derived", instance.attributes()["class"])
    embedding.judge("the weight", Exactly(case.weight), instance.weight())


@clause(
    SHOULD,
    Domain(
        padding_idx=ON,
        corner="negative padding_idx",
        index_patterns=("some pads", "only pads"),
        indices=1,
        columns=1,
    ),
    faults={GRADIENT: (padding_idx.IgnoresPadding,)},
    doc="padding_idx",
)
def test_padding_negative(embedding: Subject, case: Case) -> None:
    """A padding_idx below zero given to from_pretrained counts from the end, as it does in the constructor."""
    embedding.use(case, embedding.make(case, via="from_pretrained"))


@clause(SHOULD, Domain(freeze=ANY, padding_idx=OFF), doc="padding_idx")
def test_padding_range(embedding: Subject, case: Case) -> None:
    """from_pretrained refuses a padding_idx outside [-num_embeddings, num_embeddings), by the call at the latest."""
    embedding.declarations.require(replace(case, config=replace(case.config, padding_idx=0)))
    rows = case.config.num_embeddings
    for place in (rows, -rows - 1, rows + 1000):
        wrong = replace(case, config=replace(case.config, padding_idx=place))
        run = partial(embedding.run, wrong, via="from_pretrained")
        embedding.refuses(f"padding_idx={place}", WRONG_ARGUMENT, run)


@clause(INFO, Domain(freeze=ANY, weights=palettes.ANY, columns=1, writable=True), needs=("edit", "given"))
def test_shared(embedding: Subject, case: Case) -> None:
    """The weight shares its memory with the tensor given to from_pretrained."""
    instance, other = embedding.make(case, via="from_pretrained"), palettes.inverted(case.weight)
    instance.edit(weight=other)
    embedding.judge("the tensor given", Exactly(other), instance.given())
