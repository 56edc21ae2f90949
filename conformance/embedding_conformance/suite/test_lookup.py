"""Looking up: which bits come back, in which shape, and what is refused."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from fractions import Fraction
from functools import partial
from typing import Any

from hypothesis import given

from embedding_conformance.boundary.adapter import LOST, Lost, Refused, Unsupported
from embedding_conformance.cases import palettes
from embedding_conformance.cases.case import Case
from embedding_conformance.cases.strategies import ANY, OFF, ON, cases, out_of_range
from embedding_conformance.judging import compare
from embedding_conformance.judging.clause import INFO, MUST, SHOULD, clause
from embedding_conformance.judging.subject import Subject
from embedding_conformance.suite.shared import emptied
from embedding_reference import Exactly, Interval, Tensor, Within
from embedding_reference.model import OPTIONAL_INDEX_DTYPES, OUT_OF_RANGE, WRONG_ARGUMENT, WRONG_DTYPE


def _some(case: Case) -> bool:
    return case.index.numel > 0 and case.config.embedding_dim > 0


def _odd_layout(case: Case) -> bool:
    return _some(case) and (case.weight_layout, case.lookups[0].index_layout) != ("contiguous", "contiguous")


def _without_rows(case: Case) -> Case:
    dim = case.config.embedding_dim
    return replace(
        emptied(case),
        config=replace(case.config, num_embeddings=0),
        weight=Tensor(case.weight.dtype, (0, dim), b""),
        weight_layout="contiguous",
    )


def _in_use(embedding: Subject, case: Case) -> Any:
    """The embedding as it is used: in training, or frozen and in evaluation."""
    instance = embedding.make(case)
    if case.config.freeze:
        with suppress(Unsupported):
            instance.mode(training=False)
    return instance


@clause("lookup.bits", MUST, argument="num_embeddings", doc="Embedding", when=_some)
@given(cases(max_norm=OFF, freeze=ANY, weights=palettes.ANY))
def test_bits(embedding: Subject, case: Case) -> None:
    """Each output row is the weight's row at its index, bit for bit: NaN payloads, infinities, -0.0 and subnormals."""
    output = _in_use(embedding, case).forward(lookup=case.lookups[0]).output
    embedding.judge("output", embedding.predict(case).output, output)


@clause("lookup.shape", MUST, argument="embedding_dim", doc="Shape")
@given(cases(freeze=ANY))
def test_shape(embedding: Subject, case: Case) -> None:
    """The output has the index's shape with embedding_dim appended (0-d and empty ones too) and the weight's dtype."""
    output = embedding.run(case, backward=False).output
    compare.equal("the output's shape", (*case.index.shape, case.config.embedding_dim), output.shape)
    compare.equal("the output's dtype", embedding.dtype, output.dtype)


@clause("lookup.device", MUST, argument="device", doc="device")
@given(cases(freeze=ANY))
def test_device(embedding: Subject, case: Case) -> None:
    """The output lives where the weight does, and requires a gradient just when the weight does."""
    came = embedding.make(case).forward(lookup=case.lookups[0])
    compare.equal("the output's device", embedding.device, came.device)
    if came.requires_grad is None:
        raise Unsupported("an output does not say whether it takes part in differentiation")
    compare.equal("requires_grad of the output", not case.config.freeze, came.requires_grad)


@clause("lookup.index-dtype", MUST, argument="num_embeddings", doc="Shape", when=_some)
@given(cases(freeze=ANY, weights=palettes.ANY, max_norm=OFF))
def test_index_dtype(embedding: Subject, case: Case) -> None:
    """int32 and int64 indices give the same output."""
    outputs = []
    for dtype in ("int32", "int64"):
        index = Tensor.of(dtype, case.index.shape, case.index.values())
        same = replace(case, lookups=(replace(case.lookups[0], index=index),))
        outputs.append(embedding.run(same, backward=False).output)
    embedding.judge("output for int32", Exactly(outputs[1]), outputs[0])


@clause("lookup.layout", MUST, argument="num_embeddings", doc="Embedding", when=_odd_layout)
@given(cases(freeze=ANY, weights=palettes.ANY, max_norm=OFF, layouts=ON))
def test_layout(embedding: Subject, case: Case) -> None:
    """How index and weight lie in memory (transposed, strided, sliced, expanded) does not change the output."""
    output = embedding.run(case, backward=False).output
    plain = replace(case, weight_layout="contiguous", lookups=(replace(case.lookups[0], index_layout="contiguous"),))
    embedding.judge("output", Exactly(embedding.run(plain, backward=False).output), output)


@clause("lookup.out-of-range", MUST, argument="num_embeddings", doc="num_embeddings", may_crash=True)
@given(out_of_range())
def test_out_of_range(embedding: Subject, case: Case) -> None:
    """An index below 0, or num_embeddings and above, is refused."""
    instance = _in_use(embedding, case)
    embedding.refuses("an index out of range", OUT_OF_RANGE, lambda: instance.forward(lookup=case.lookups[0]))


@clause("lookup.refusal-changes-nothing", MUST, argument="num_embeddings", doc="num_embeddings", may_crash=True)
@given(out_of_range())
def test_refusal_changes_nothing(embedding: Subject, case: Case) -> None:
    """A lookup that is refused leaves the weight as it was, bit for bit."""
    instance = embedding.make(case)
    embedding.refuses("an index out of range", OUT_OF_RANGE, lambda: instance.forward(lookup=case.lookups[0]))
    embedding.judge("the weight", Exactly(case.weight), instance.weight())


@clause("lookup.refusal-keeps-index", MUST, argument="num_embeddings", doc="num_embeddings", may_crash=True)
@given(out_of_range())
def test_refusal_keeps_index(embedding: Subject, case: Case) -> None:
    """A lookup that is refused leaves the index as it was."""
    instance = embedding.make(case)
    try:
        index = instance.index_after(lookup=case.lookups[0])
    except Lost:
        raise Unsupported(LOST) from None
    embedding.judge("the index", Exactly(case.index), index)


@clause("lookup.refusal-keeps-gradient", MUST, argument="num_embeddings", doc="num_embeddings", may_crash=True)
@given(cases(sparse=OFF, indices=1, columns=1))
def test_refusal_keeps_gradient(embedding: Subject, case: Case) -> None:
    """A lookup that is refused leaves the gradient as it was, and the next lookup is right."""
    good, instance = case.lookups[0], embedding.make(case)
    index = Tensor.of(good.index.dtype, good.index.shape, [case.config.num_embeddings] * good.index.numel)
    bad = replace(good, index=index)
    instance.gradient(lookups=(good,))
    embedding.refuses("an index out of range", OUT_OF_RANGE, lambda: instance.gradient(lookups=(bad,)))
    came = instance.gradient(lookups=(good,))
    plain = replace(case.config, max_norm=None)
    embedding.judge("the next output", plain.output(instance.weight(), good.index), came.output)
    twice = replace(case, lookups=(good, good))
    embedding.judge_gradient(twice, embedding.predict(twice).gradient, came)


@clause("lookup.other-device", SHOULD, argument="device", doc="Embedding", may_crash=True)
@given(cases(freeze=ANY, indices=1))
def test_other_device(embedding: Subject, case: Case) -> None:
    """An index on another device than the weight is refused, the meta device included."""
    for device in sorted({*embedding.description.devices, "meta"} - {embedding.device}):
        look_up = partial(embedding.make(case).forward, lookup=case.lookups[0], index_device=device)
        embedding.refuses(f"an index on {device}", WRONG_ARGUMENT, look_up)


@clause("lookup.wrong-index-dtype", SHOULD, argument="num_embeddings", doc="Shape", may_crash=True)
@given(cases(freeze=ANY, max_norm=OFF))
def test_wrong_index_dtype(embedding: Subject, case: Case) -> None:
    """Floating-point, complex and boolean indices are refused."""
    instance = embedding.make(case)
    for dtype in ("float16", "bfloat16", "float32", "float64", "complex64", "complex128", "bool"):
        index = Tensor.of(dtype, case.index.shape, [0] * case.index.numel)
        call = replace(case.lookups[0], index=index)
        embedding.refuses(f"a {dtype} index", WRONG_DTYPE, partial(instance.forward, lookup=call))


@clause("lookup.narrow-index-dtype", INFO, argument="num_embeddings", doc="Shape", may_crash=True, when=_some)
@given(cases(freeze=ANY, max_norm=OFF))
def test_narrow_index_dtype(embedding: Subject, case: Case) -> None:
    """Indices of int8, int16 and uint8 are refused, or give the rows that they name."""
    instance = embedding.make(case)
    positions = [p % 128 for p in case.positions]
    expected = case.config.output(case.weight, Tensor.of("int64", case.index.shape, positions))
    for dtype in OPTIONAL_INDEX_DTYPES:
        call = replace(case.lookups[0], index=Tensor.of(dtype, case.index.shape, positions))
        with suppress(Refused):
            embedding.judge(f"output for {dtype}", expected, instance.forward(lookup=call).output)


@clause("lookup.no-rows", MUST, argument="num_embeddings", doc="num_embeddings", may_crash=True)
@given(cases(freeze=ANY, padding_idx=OFF, large=False).map(_without_rows))
def test_no_rows(embedding: Subject, case: Case) -> None:
    """A table without rows takes an empty index, and refuses any other."""
    observed = embedding.run(case)
    embedding.judge("output", embedding.predict(case).output, observed.output)
    if not case.config.freeze:
        embedding.judge_gradient(case, embedding.predict(case).gradient, observed)
    zero = replace(case.lookups[0], index=Tensor.of(case.index.dtype, (1,), [0]))
    embedding.refuses("index 0", OUT_OF_RANGE, partial(embedding.make(case).forward, lookup=zero))


@clause("lookup.new-memory", MUST, argument="num_embeddings", doc="Embedding", when=_some)
@given(cases(freeze=ANY, max_norm=OFF))
def test_new_memory(embedding: Subject, case: Case) -> None:
    """The output is memory of its own: writing to it leaves the weight alone."""
    embedding.judge("the weight", Exactly(case.weight), embedding.make(case).overwrite(lookup=case.lookups[0]))


@clause("lookup.inputs-unchanged", MUST, argument="max_norm", doc="max_norm")
@given(cases(freeze=ANY, weights=palettes.ANY))
def test_inputs_unchanged(embedding: Subject, case: Case) -> None:
    """A lookup leaves the index as it is, and without max_norm the weight too."""
    instance = embedding.make(case)
    came = instance.forward(lookup=case.lookups[0])
    embedding.judge("the index", Exactly(case.index), came.index_after)
    if case.config.max_norm is None:
        embedding.judge("the weight", Exactly(case.weight), instance.weight())


@clause("lookup.repeatable", MUST, argument="num_embeddings", doc="Embedding", when=_some)
@given(cases(freeze=ANY, weights=palettes.ANY, max_norm=OFF))
def test_repeatable(embedding: Subject, case: Case) -> None:
    """The same lookup twice gives the same bits."""
    instance = embedding.make(case)
    first, second = (instance.forward(lookup=case.lookups[0]).output for _ in range(2))
    embedding.judge("the second output", Exactly(first), second)


@clause("lookup.functional", MUST, argument="num_embeddings", doc="functional.embedding", when=_some)
@given(cases(freeze=ANY))
def test_functional(embedding: Subject, case: Case) -> None:
    """The functional form, given weight and arguments, does to output, weight and gradient what the module does."""
    permitted = embedding.predict(case)
    for via in ("functional", "assignment"):
        observed = embedding.run(case, via=via)
        embedding.judge(f"output via {via}", permitted.output, observed.output)
        embedding.judge(f"the weight via {via}", permitted.weight, observed.weight)
        if not case.config.freeze:
            embedding.judge_gradient(case, permitted.gradient, observed)


@clause("lookup.one-hot", MUST, argument="num_embeddings", doc="Embedding", when=_some)
@given(cases(freeze=ANY, max_norm=OFF, large=False))
def test_one_hot(embedding: Subject, case: Case) -> None:
    """Looking up an index gives the exact product of its one-hot vector with the weight."""
    output = embedding.run(case, backward=False).output
    embedding.judge("output", _one_hot_product(case), output)


def _one_hot_product(case: Case) -> Within:
    """The one-hot matrix of the indices times the weight, by the definition of the matrix product."""
    width = case.config.embedding_dim * case.weight.format.components
    table = [Fraction(c) for c in case.weight.components()]
    product = []
    for position in case.positions:
        one_hot = [int(row == position) for row in range(case.config.num_embeddings)]
        for column in range(width):
            terms = (hot * table[row * width + column] for row, hot in enumerate(one_hot))
            product.append(Interval.exactly(sum(terms, Fraction(0))))
    return Within(case.weight.dtype, (*case.index.shape, case.config.embedding_dim), tuple(product))


@clause(
    "lookup.no-leak",
    MUST,
    argument="num_embeddings",
    doc="Embedding",
    when=lambda case: _some(case) and case.config.max_norm is not None,
)
@given(cases(max_norm=ON, weights=("specials",)))
def test_no_leak(embedding: Subject, case: Case) -> None:
    """A row with NaN or infinity leaks into no other row, not even where max_norm rescales rows."""
    observed = embedding.run(case, backward=False)
    permitted = embedding.predict(case)
    embedding.judge("output", permitted.output, observed.output)
    embedding.judge("the weight", permitted.weight, observed.weight)
