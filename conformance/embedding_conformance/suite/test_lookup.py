"""Looking up: the bits and the shape of the output, and what is refused."""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import replace
from fractions import Fraction
from functools import partial
from typing import Any

from embedding_conformance.boundary.refusals import LOST, Lost, Refused, Unsupported
from embedding_conformance.cases import palettes
from embedding_conformance.cases.case import Case
from embedding_conformance.cases.domain import ANY, OFF, ON, Domain, OneOutOfRange
from embedding_conformance.judging import compare
from embedding_conformance.judging.clause import INFO, MUST, SAFETY, SHOULD, clause
from embedding_conformance.judging.subject import Subject
from embedding_conformance.suite.shared import emptied, is_nonempty, judge_requires_grad
from embedding_reference import Exactly, Interval, Tensor, Within
from embedding_reference.fault_models import OUTPUT, lookups, outputs, rescaled_rows
from embedding_reference.model import OPTIONAL_INDEX_DTYPES, OUT_OF_RANGE, WRONG_ARGUMENT, WRONG_DTYPE


def _odd_layout(case: Case) -> bool:
    return is_nonempty(case) and (case.weight_layout, case.lookups[0].index_layout) != ("contiguous", "contiguous")


def _without_rows(case: Case) -> Case:
    """The case with an empty index and a table without rows."""
    dim = case.config.embedding_dim
    return replace(
        emptied(case),
        config=replace(case.config, num_embeddings=0),
        weight=Tensor(case.weight.dtype, (0, dim), b""),
        weight_layout="contiguous",
    )


def _in_use(embedding: Subject, case: Case) -> Any:
    """An embedding in training mode, or a frozen one in evaluation mode."""
    instance = embedding.make(case)
    if case.config.freeze:
        with suppress(Unsupported):
            instance.mode(training=False)
    return instance


@clause(
    MUST,
    Domain(max_norm=OFF, freeze=ANY, no_grad=ANY, weights=palettes.ANY, climbs=("sizes",)),
    faults={OUTPUT: (outputs.ZeroesTheOutput, lookups.ReadsTheNextRow)},
    every=True,
)
def test_bits(embedding: Subject, case: Case) -> None:
    """Each output row is the weight's row at its index: infinities, -0.0 and subnormals too, and a NaN is one."""
    output = embedding.look_up(case, _in_use(embedding, case)).output
    embedding.judge("output", embedding.permits(case).output, output)


@clause(
    SHOULD,
    Domain(max_norm=OFF, freeze=ANY, no_grad=ANY, weights=("specials", "few specials"), indices=1, columns=1),
    faults={OUTPUT: (outputs.QuietsNaN, outputs.KeepsOnlyTheSignOfNaN, outputs.LosesThePayloadOfNaN)},
)
def test_nan_payload(embedding: Subject, case: Case) -> None:
    """A NaN comes out with the bits that it has in the weight: its sign, its payload, and whether it signals."""
    output = embedding.look_up(case, embedding.make(case)).output
    permitted = embedding.permits(case).output
    assert isinstance(permitted, Exactly)
    embedding.judge("a NaN in the output", Exactly(_with_nans_of(permitted.tensor, output)), output, payloads=True)


def _with_nans_of(expected: Tensor, observed: Tensor) -> Tensor:
    """What was observed, with the bits that are expected where both are NaN."""
    size = expected.format.component_size
    data = bytearray(observed.data)
    for place, (one, other) in enumerate(zip(expected.components(), observed.components())):
        if math.isnan(one) and math.isnan(other):
            data[place * size : (place + 1) * size] = expected.data[place * size : (place + 1) * size]
    return Tensor(observed.dtype, observed.shape, bytes(data))


@clause(MUST, Domain(freeze=ANY, no_grad=ANY), argument="embedding_dim", doc="Shape")
def test_shape(embedding: Subject, case: Case) -> None:
    """The output has the index's shape with embedding_dim appended (0-d and empty ones too) and the weight's dtype."""
    output = embedding.run(case, backward=False).output
    compare.equal("the output's shape", (*case.index.shape, case.config.embedding_dim), output.shape)
    compare.equal("the output's dtype", embedding.dtype, output.dtype)


@clause(MUST, Domain(freeze=ANY), argument="device")
def test_device(embedding: Subject, case: Case) -> None:
    """The output lives where the weight does, and requires a gradient just when the weight does."""
    observed = embedding.make(case).forward(lookup=case.lookups[0])
    compare.equal("the output's device", embedding.device, observed.device)
    judge_requires_grad(observed, expected=not case.config.freeze)


@clause(MUST, Domain(freeze=ANY, weights=palettes.ANY, max_norm=OFF, where=is_nonempty), doc="Shape")
def test_index_dtype(embedding: Subject, case: Case) -> None:
    """int32 and int64 indices give the same output."""
    outputs = []
    for dtype in ("int32", "int64"):
        index = Tensor.of(dtype, case.index.shape, case.index.values())
        same = replace(case, lookups=(replace(case.lookups[0], index=index),))
        outputs.append(embedding.run(same, backward=False).output)
    embedding.judge("output for int32", Exactly(outputs[1]), outputs[0])


@clause(
    MUST,
    Domain(freeze=ANY, no_grad=ANY, weights=palettes.ANY, max_norm=OFF, layouts=ON, where=_odd_layout),
    doc="Tensor views",
)
def test_layout(embedding: Subject, case: Case) -> None:
    """How index and weight lie in memory (transposed, strided, sliced, expanded) does not change the output."""
    output = embedding.run(case, backward=False).output
    plain = replace(case, weight_layout="contiguous", lookups=(replace(case.lookups[0], index_layout="contiguous"),))
    embedding.judge("output", Exactly(embedding.run(plain, backward=False).output), output)


@clause(MUST, OneOutOfRange(), argument="num_embeddings", may_crash=True, ground=SAFETY)
def test_out_of_range(embedding: Subject, case: Case) -> None:
    """An index below 0, or num_embeddings and above, is refused."""
    instance = _in_use(embedding, case)
    embedding.refuses("an index out of range", OUT_OF_RANGE, lambda: instance.forward(lookup=case.lookups[0]), of=case)


@clause(SHOULD, OneOutOfRange(), argument="num_embeddings", may_crash=True)
def test_refusal_class(embedding: Subject, case: Case) -> None:
    """An index out of range is refused with IndexError, ValueError or RuntimeError, or an exception of its own."""
    look_up = partial(embedding.make(case).forward, lookup=case.lookups[0])
    embedding.refuses("an index out of range", OUT_OF_RANGE, look_up, of=case, by_class=True)


@clause(MUST, OneOutOfRange(), argument="num_embeddings", may_crash=True, ground=SAFETY)
def test_refusal_changes_nothing(embedding: Subject, case: Case) -> None:
    """A lookup that is refused leaves the weight as it was, bit for bit."""
    instance = embedding.make(case)
    embedding.refuses("an index out of range", OUT_OF_RANGE, lambda: instance.forward(lookup=case.lookups[0]), of=case)
    embedding.judge("the weight", Exactly(case.weight), instance.weight())


@clause(MUST, OneOutOfRange(), argument="num_embeddings", may_crash=True, needs=("index_after",), ground=SAFETY)
def test_refusal_keeps_index(embedding: Subject, case: Case) -> None:
    """A lookup that is refused leaves the index as it was."""
    instance = embedding.make(case)
    try:
        index = instance.index_after(lookup=case.lookups[0])
    except Lost:
        raise Unsupported(LOST) from None
    embedding.judge("the index", Exactly(case.index), index)


@clause(MUST, Domain(sparse=OFF, indices=1, columns=1), argument="num_embeddings", may_crash=True, ground=SAFETY)
def test_refusal_keeps_gradient(embedding: Subject, case: Case) -> None:
    """A lookup that is refused leaves the gradient as it was, and the next lookup is right."""
    good, instance = case.lookups[0], embedding.make(case)
    index = Tensor.of(good.index.dtype, good.index.shape, [case.config.num_embeddings] * good.index.numel)
    bad = replace(good, index=index)
    refused = replace(case, lookups=(bad,))
    instance.gradient(lookups=(good,))
    embedding.refuses("an index out of range", OUT_OF_RANGE, lambda: instance.gradient(lookups=(bad,)), of=refused)
    observed = instance.gradient(lookups=(good,))
    embedding.judge(
        "the next output", embedding.permits(case).output_from(instance.weight(), good.index), observed.output
    )
    twice = replace(case, lookups=(good, good))
    embedding.judge_gradient(twice, embedding.permits(twice).gradient, observed, alone=False)


@clause(INFO, Domain(freeze=ANY, indices=1), argument="device", doc="Embedding", may_crash=True)
def test_other_device(embedding: Subject, case: Case) -> None:
    """An index on another device than the weight is refused, the meta device included."""
    for device in sorted({*embedding.description.devices, "meta"} - {embedding.device}):
        look_up = partial(embedding.make(case).forward, lookup=case.lookups[0], index_device=device)
        embedding.refuses(f"an index on {device}", WRONG_ARGUMENT, look_up)


@clause(SHOULD, Domain(freeze=ANY, max_norm=OFF), doc="Shape", may_crash=True)
def test_wrong_index_dtype(embedding: Subject, case: Case) -> None:
    """Floating-point, complex and boolean indices are refused."""
    instance, lacking = embedding.make(case), []
    wrong_dtypes = ("float16", "bfloat16", "float32", "float64", "complex64", "complex128", "bool")
    for dtype in wrong_dtypes:
        index = Tensor.of(dtype, case.index.shape, [0] * case.index.numel)
        call = replace(case.lookups[0], index=index)
        wrong = replace(case, lookups=(call,))
        try:
            embedding.refuses(f"a {dtype} index", WRONG_DTYPE, partial(instance.forward, lookup=call), of=wrong)
        except Unsupported as unsupported:  # not every framework has every dtype
            lacking.append(unsupported)
    if len(lacking) == len(wrong_dtypes):
        raise lacking[0]


@clause(INFO, Domain(freeze=ANY, max_norm=OFF, where=is_nonempty), doc="Shape", may_crash=True)
def test_narrow_index_dtype(embedding: Subject, case: Case) -> None:
    """Indices of int8, int16 and uint8 are refused, or give the rows that they name."""
    instance = embedding.make(case)
    positions = [p % 128 for p in case.positions]
    expected = embedding.permits(case).output_from(case.weight, Tensor.of("int64", case.index.shape, positions))
    for dtype in OPTIONAL_INDEX_DTYPES:
        call = replace(case.lookups[0], index=Tensor.of(dtype, case.index.shape, positions))
        with suppress(Refused):
            embedding.judge(f"output for {dtype}", expected, instance.forward(lookup=call).output)


@clause(
    MUST,
    Domain(freeze=ANY, padding_idx=OFF, large=False, made=_without_rows),
    argument="num_embeddings",
    may_crash=True,
    ground=SAFETY,
)
def test_no_rows(embedding: Subject, case: Case) -> None:
    """A table without rows refuses every index, and gives nothing for an empty one."""
    observed = embedding.run(case)
    embedding.judge("output", embedding.permits(case).output, observed.output)
    if not case.config.freeze:
        embedding.judge_gradient(case, embedding.permits(case).gradient, observed)
    zero = replace(case.lookups[0], index=Tensor.of(case.index.dtype, (1,), [0]))
    look_up = partial(embedding.make(case).forward, lookup=zero)
    embedding.refuses("index 0", OUT_OF_RANGE, look_up, of=replace(case, lookups=(zero,)))


@clause(MUST, Domain(freeze=ANY, max_norm=OFF, where=is_nonempty), needs=("overwrite",), ground=SAFETY)
def test_new_memory(embedding: Subject, case: Case) -> None:
    """The output is memory of its own: writing to it leaves the weight alone."""
    embedding.judge("the weight", Exactly(case.weight), embedding.make(case).overwrite(lookup=case.lookups[0]))


@clause(SHOULD, Domain(freeze=ANY, no_grad=ANY, where=is_nonempty), doc="Shape")
def test_contiguous(embedding: Subject, case: Case) -> None:
    """The output is contiguous: its rows lie in memory in order and without a gap."""
    observed = embedding.look_up(case, embedding.make(case))
    if observed.contiguous is None:
        raise Unsupported("an output does not say how it lies in memory")
    compare.equal("whether the output is contiguous", expected=True, observed=observed.contiguous)


@clause(SHOULD, Domain(freeze=ANY, max_norm=OFF), argument="device", doc="Embedding", needs=("move",))
def test_meta(embedding: Subject, case: Case) -> None:
    """On the device meta, a lookup gives the shape and the dtype of the output."""
    instance = embedding.make(case)
    try:
        instance.move(device="meta")
        output = instance.forward(lookup=case.lookups[0]).output
    except Refused as refused:
        raise Unsupported(f"nothing is looked up on the device meta: {refused}", asked=True) from None
    compare.equal("the output's shape", (*case.index.shape, case.config.embedding_dim), output.shape)
    compare.equal("the output's dtype", embedding.dtype, output.dtype)


@clause(MUST, Domain(freeze=ANY, weights=palettes.ANY), argument="max_norm", ground=SAFETY)
def test_inputs_unchanged(embedding: Subject, case: Case) -> None:
    """A lookup leaves the index as it is, and without max_norm the weight too."""
    instance = embedding.make(case)
    observed = instance.forward(lookup=case.lookups[0])
    embedding.judge("the index", Exactly(case.index), observed.index_after)
    if case.config.max_norm is None:
        embedding.judge("the weight", Exactly(case.weight), instance.weight())


@clause(MUST, Domain(freeze=ANY, weights=palettes.ANY, max_norm=OFF, where=is_nonempty))
def test_repeatable(embedding: Subject, case: Case) -> None:
    """The same lookup twice gives the same bits."""
    instance = embedding.make(case)
    first, second = (instance.forward(lookup=case.lookups[0]).output for _ in range(2))
    embedding.judge("the second output", Exactly(first), second)


@clause(MUST, Domain(freeze=ANY), faults={OUTPUT: (outputs.ZeroesTheOutput,)}, doc="functional.embedding")
def test_functional(embedding: Subject, case: Case) -> None:
    """The functional form, given weight and arguments, does to output, weight and gradient what the module does."""
    permitted = embedding.permits(case)
    for via, through in (("functional", " via the functional form"), ("assignment", "")):
        observed = embedding.run(case, via=via)
        embedding.judge(f"output{through}", permitted.output, observed.output)
        embedding.judge(f"the weight{through}", permitted.weight, observed.weight)
        if not case.config.freeze:
            embedding.judge_gradient(case, permitted.gradient, observed)


@clause(
    MUST,
    Domain(freeze=ANY, max_norm=OFF, large=False),
    faults={OUTPUT: (outputs.ZeroesTheOutput, lookups.ReadsTheNextRow)},
)
def test_one_hot(embedding: Subject, case: Case) -> None:
    """Looking up an index gives the exact product of its one-hot vector with the weight."""
    output = embedding.run(case, backward=False).output
    embedding.judge("output", _one_hot_product(case), output)


def _one_hot_product(case: Case) -> Within:
    """The one-hot matrix of the indices times the weight, exactly, by the definition of the matrix product."""
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
    MUST,
    Domain(max_norm=ON, no_grad=ANY, indices=2, weights=("specials", "few specials")),
    faults={OUTPUT: (rescaled_rows.SpreadsNaNOverTheCall,)},
)
def test_no_leak(embedding: Subject, case: Case) -> None:
    """A row with NaN or infinity leaks into no other row, not even where max_norm rescales rows."""
    observed = embedding.run(case, backward=False)
    permitted = embedding.permits(case)
    embedding.judge("output", permitted.output, observed.output)
    embedding.judge("the weight", permitted.weight, observed.weight)
