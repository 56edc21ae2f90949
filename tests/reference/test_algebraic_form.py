"""The model agrees with its second form: an exact product with a one-hot matrix, and the transpose."""

from __future__ import annotations

import math
from fractions import Fraction

import algebra
import pytest
from hypothesis import assume, event, given, settings
from hypothesis import strategies as st
from membership import exact_of

from embedding_reference import FORMATS, Embedding, Exactly, Rows, Tensor, Within

DTYPES = ("float16", "bfloat16", "float32", "float64", "complex64", "complex128")

LOCAL = settings(derandomize=True, max_examples=60)


@st.composite
def finite_tensors(draw: st.DrawFn, dtype: str, shape: tuple[int, ...]) -> Tensor:
    """Any finite bits."""
    form = FORMATS[dtype]
    count = math.prod(shape) * form.components
    limit = float(form.largest)
    width = {2: 16, 4: 32, 8: 64}[form.component_size]
    numbers = st.one_of(
        st.integers(-8, 8).map(float),
        st.floats(-limit, limit, width=width if dtype != "bfloat16" else 32),  # type: ignore[arg-type]
    )
    values = draw(st.lists(numbers, min_size=count, max_size=count))
    return Tensor(dtype, shape, form.encode([v if abs(form.round(v)) <= limit else 1.0 for v in values]))


@st.composite
def indices(draw: st.DrawFn, rows: int) -> Tensor:
    """Valid indices in a small shape."""
    shape = draw(st.sampled_from(((), (0,), (1,), (3,), (2, 3), (2, 0), (1, 2, 2), (7,))))
    count = math.prod(shape) if rows else 0
    shape = shape if rows else (0,)
    positions = draw(st.lists(st.integers(0, max(rows - 1, 0)), min_size=count, max_size=count))
    return Tensor.of(draw(st.sampled_from(("int64", "int32"))), shape, positions)


@st.composite
def problems(draw: st.DrawFn, dtype: str) -> tuple[Embedding, Tensor, list[tuple[Tensor, Tensor]]]:
    """A model, a weight and up to three lookups."""
    rows, dim = draw(st.integers(0, 4)), draw(st.integers(0, 3))
    model = Embedding(
        rows,
        dim,
        padding_idx=draw(st.none() | st.integers(-rows, rows - 1)) if rows else None,
        scale_grad_by_freq=draw(st.booleans()),
        sparse=draw(st.booleans()),
    )
    lookups = []
    for _ in range(draw(st.integers(0, 3))):
        index = draw(indices(rows))
        lookups.append((index, draw(finite_tensors(dtype, (*index.shape, dim)))))
    return model, draw(finite_tensors(dtype, (rows, dim))), lookups


@pytest.mark.parametrize("dtype", DTYPES)
@LOCAL
@given(data=st.data())
def test_output_is_the_one_hot_product(dtype: str, data: st.DataObject) -> None:
    model, weight, lookups = data.draw(problems(dtype))
    assume(lookups)
    index = lookups[0][0]
    permitted = model.output(weight, index)
    assert isinstance(permitted, Exactly)
    assert (permitted.tensor.dtype, permitted.tensor.shape) == (dtype, (*index.shape, model.embedding_dim))
    columns = model.embedding_dim * weight.format.components
    if columns and model.num_embeddings:
        assert algebra.matrix(permitted.tensor, columns) == algebra.output(weight, index)
    assert model.weight_after(weight, index) == Exactly(weight)


@pytest.mark.parametrize("dtype", DTYPES)
@LOCAL
@given(data=st.data())
def test_gradient_is_the_transposed_product(dtype: str, data: st.DataObject) -> None:
    model, _, lookups = data.draw(problems(dtype))
    columns = model.embedding_dim * FORMATS[dtype].components
    permitted = model.gradient(dtype, lookups)
    narrow = model.gradient(dtype, lookups, wide=True)
    assert isinstance(permitted, Within)
    assert isinstance(narrow, Within)
    assert (permitted.dtype, permitted.shape) == (dtype, (model.num_embeddings, model.embedding_dim))
    exact = [value for row in algebra.gradient(model, columns, lookups) for value in row]
    terms = _terms(model, columns, lookups)
    event(f"most terms: {max(terms, default=0)}")
    for interval, strict, value, count in zip(permitted.intervals, narrow.intervals, exact, terms, strict=True):
        assert exact_of(interval) == exact_of(strict) == value
        if count <= 1:
            assert interval.low == interval.high
            assert not interval.also


@pytest.mark.parametrize("dtype", DTYPES)
@LOCAL
@given(data=st.data())
def test_the_gradient_differentiated_again_is_the_product_transposed_back(dtype: str, data: st.DataObject) -> None:
    model, direction, lookups = data.draw(problems(dtype))
    assume(lookups)
    index = lookups[0][0]
    columns = model.embedding_dim * FORMATS[dtype].components
    permitted = model.second_order(index, direction)
    assert isinstance(permitted, Within)
    assert (permitted.dtype, permitted.shape) == (dtype, (*index.shape, model.embedding_dim))
    exact = algebra.second_order(model, columns, index, direction) if columns else []
    for interval, value in zip(permitted.intervals, [value for row in exact for value in row], strict=True):
        assert interval.low is not None
        assert interval.high is not None
        assert interval.low <= value <= interval.high
        assert interval.low == interval.high or model.scale_grad_by_freq
        assert not interval.also


def _terms(model: Embedding, columns: int, lookups: list[tuple[Tensor, Tensor]]) -> list[int]:
    """How many terms each component of the gradient has."""
    counts = [0] * model.num_embeddings
    for index, _ in lookups:
        for position in index.components():
            if model.padding_idx is None or position not in (model.padding_idx, model.padding_idx + len(counts)):
                counts[int(position)] += 1
    return [count for count in counts for _ in range(columns)]


@LOCAL
@given(data=st.data())
def test_rows_that_max_norm_leaves_alone_are_the_one_hot_product(data: st.DataObject) -> None:
    _, weight, lookups = data.draw(problems("float32"))
    assume(lookups)
    index = lookups[0][0]
    rows, dim = weight.shape
    model = Embedding(rows, dim, max_norm=1e300)
    permitted = model.output(weight, index)
    assert isinstance(permitted, Rows)
    assert permitted.shape == (*index.shape, model.embedding_dim)
    kept = [rule.tensor.data if isinstance(rule, Exactly) else None for rule in permitted.rows]
    unlimited = Embedding(rows, dim).output(weight, index)
    assert isinstance(unlimited, Exactly)
    size = model.embedding_dim * 4
    whole = [unlimited.tensor.data[i * size : (i + 1) * size] for i in range(index.numel)]
    assert all(row in (None, bits) for row, bits in zip(kept, whole, strict=True))
    small = [abs(c) < 1e18 for c in weight.components()]
    if all(small):
        assert kept == whole


def test_the_second_form_is_not_the_first() -> None:
    """By hand, so that both forms cannot be wrong alike."""
    index = Tensor.of("int64", (4,), [1, 1, 2, 0])
    upstream = Tensor.of("float32", (4, 1), [1, 2, 4, 8])
    model = Embedding(3, 1, padding_idx=-3, scale_grad_by_freq=True)
    assert algebra.gradient(model, 1, [(index, upstream)]) == [[0], [Fraction(3, 2)], [4]]
    assert algebra.gradient(Embedding(3, 1), 1, [(index, upstream)] * 2) == [[16], [6], [8]]
