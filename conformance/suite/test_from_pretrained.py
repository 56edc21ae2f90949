"""`Embedding.from_pretrained`."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from hypothesis import given

from conformance import judge, palettes
from conformance.case import Case
from conformance.clause import MUST, clause
from conformance.strategies import ANY, cases
from conformance.subject import Subject
from reference import Exactly
from reference.embedding import WRONG_ARGUMENT

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


@clause("from_pretrained.signature", MUST, argument="from_pretrained", doc="from_pretrained", dtypes="none")
def test_signature(embedding: Subject) -> None:
    """from_pretrained takes the documented parameters, by these names, in this order, with these defaults."""
    found = embedding.signature("from_pretrained")[: len(SIGNATURE)]
    judge.equal("the signature of from_pretrained", SIGNATURE, found)


@clause("from_pretrained.values", MUST, argument="from_pretrained", doc="from_pretrained")
@given(cases(freeze=ANY, weights=palettes.ANY))
def test_values(embedding: Subject, case: Case) -> None:
    """from_pretrained keeps the values given bit for bit, the row at padding_idx included."""
    embedding.judge("the weight", Exactly(case.weight), embedding.make(case, via="from_pretrained").weight())


@clause("from_pretrained.freeze", MUST, argument="from_pretrained", doc="freeze")
@given(cases(freeze=ANY))
def test_freeze(embedding: Subject, case: Case) -> None:
    """from_pretrained freezes the weight unless freeze=False is given."""
    kept = embedding.make(case, via="from_pretrained").attributes()
    judge.equal("requires_grad of the weight", not case.config.freeze, kept["requires_grad"])


@clause("from_pretrained.keywords", MUST, argument="from_pretrained", doc="from_pretrained")
@given(cases(freeze=ANY))
def test_keywords(embedding: Subject, case: Case) -> None:
    """Every keyword of from_pretrained reaches the embedding; its sizes are those of the tensor."""
    embedding.judge_attributes(case, embedding.make(case, via="from_pretrained").attributes())


@clause("from_pretrained.not-2d", MUST, argument="from_pretrained", doc="embeddings")
@given(cases(freeze=ANY, padding_idx="off"))
def test_not_2d(embedding: Subject, case: Case) -> None:
    """from_pretrained refuses a tensor that does not have two dimensions."""
    rows, dim = case.weight.shape
    for shape in ((rows,), (), (rows, dim + 1, 1)):
        weight = palettes.fill("counting", embedding.dtype, shape, 0)
        wrong = replace(case, weight=weight, weight_layout="contiguous")
        embedding.refuses(f"shape {shape}", WRONG_ARGUMENT, partial(embedding.make, wrong, via="from_pretrained"))


@clause("from_pretrained.trains", MUST, argument="from_pretrained", doc="freeze")
@given(cases())
def test_trains(embedding: Subject, case: Case) -> None:
    """With freeze=False the weight gets the gradient that any other embedding's would."""
    observed = embedding.run(case, via="from_pretrained")
    embedding.judge_gradient(case, embedding.predict(case).gradient, observed)
