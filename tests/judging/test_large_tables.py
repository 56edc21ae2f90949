"""Tables of which few rows matter: judged as all others are, without a look at each row."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedding_conformance.boundary.observations import Gradient
from embedding_conformance.judging.compare import Deviation, compare, gradient_values
from embedding_reference import AllBut, Exactly, Interval, Permitted, Rows, Tensor, Within
from embedding_reference.permitted import ZeroBut
from embedding_reference.telling_apart import share_nothing

ROWS, COLUMNS = 4, 2
NUMBERS = st.sampled_from([0.0, -0.0, 1.0, 1.5, 3.0, float("nan"), float("inf")])
TABLES = st.lists(NUMBERS, min_size=ROWS * COLUMNS, max_size=ROWS * COLUMNS).map(
    lambda values: Tensor.of("float32", (ROWS, COLUMNS), values)
)
INTERVALS = st.sampled_from(
    [
        Interval.exactly(Fraction(0)),
        Interval.exactly(Fraction(1)),
        Interval(Fraction(1), Fraction(2)),
        Interval(None, None, frozenset({"nan", "inf"})),
    ]
)
GRADIENTS = st.dictionaries(st.integers(0, ROWS - 1), st.tuples(INTERVALS, INTERVALS), max_size=ROWS).map(
    lambda some: Within("float32", (ROWS, COLUMNS), ZeroBut(ROWS, COLUMNS, some))
)


@st.composite
def weights(draw: st.DrawFn) -> Rows:
    """A table of which some rows may change."""
    table = draw(st.sampled_from(WEIGHTS))
    row = INTERVALS.map(lambda one: Within("float32", (COLUMNS,), (one, one)))
    return Rows("float32", table.shape, AllBut(table, draw(st.dictionaries(st.integers(0, ROWS - 1), row))))


WEIGHTS = [Tensor.of("float32", (ROWS, COLUMNS), values) for values in ([0.0] * 8, [1.0] * 8)]


def listed(permitted: Permitted) -> Permitted:
    """The same answers, with a rule for each row, or an interval for each component."""
    if isinstance(permitted, Within):
        return Within(permitted.dtype, permitted.shape, tuple(permitted.intervals))
    assert isinstance(permitted, Rows)
    return Rows(permitted.dtype, permitted.shape, tuple(permitted.rows))


def outcome(judge: Callable[[], float | None]) -> object:
    """The error that a judgement comes to, or the place and the values where it deviates."""
    try:
        return judge()
    except Deviation as deviation:
        return deviation.summary, deviation.difference


@given(GRADIENTS, TABLES)
def test_a_dense_gradient(permitted: Within, table: Tensor) -> None:
    assert outcome(lambda: compare("it", permitted, table)) == outcome(lambda: compare("it", listed(permitted), table))


@given(GRADIENTS, st.lists(st.integers(0, ROWS - 1), max_size=4), st.data())
def test_a_sparse_gradient(permitted: Within, rows: list[int], data: st.DataObject) -> None:
    count = len(rows) * COLUMNS
    values = Tensor.of("float32", (len(rows), COLUMNS), data.draw(st.lists(NUMBERS, min_size=count, max_size=count)))
    sparse = Gradient("coo", (ROWS, COLUMNS), "cpu", values, Tensor.of("int64", (len(rows),), rows))
    every = listed(permitted)
    assert isinstance(every, Within)
    assert outcome(lambda: gradient_values("it", permitted, sparse)) == outcome(
        lambda: gradient_values("it", every, sparse)
    )


@given(weights(), TABLES)
def test_a_weight(permitted: Rows, table: Tensor) -> None:
    assert outcome(lambda: compare("it", permitted, table)) == outcome(lambda: compare("it", listed(permitted), table))


@given(
    st.one_of(st.tuples(GRADIENTS, GRADIENTS), st.tuples(weights(), weights() | st.sampled_from(WEIGHTS).map(Exactly)))
)
def test_two_sets_of_answers(pair: tuple[Permitted, Permitted]) -> None:
    one, other = pair
    plain = other if isinstance(other, Exactly) else listed(other)
    assert share_nothing(one, other) == share_nothing(listed(one), plain)


@pytest.mark.parametrize("sequence", [AllBut(WEIGHTS[0], {1: Exactly(WEIGHTS[1].entry(0))}), ZeroBut(4, 2, {})])
def test_they_are_sequences(sequence: AllBut | ZeroBut) -> None:
    every = list(sequence)
    assert len(sequence) == len(every)
    assert [sequence[at] for at in range(len(sequence))] == every
    assert list(sequence[1:3]) == every[1:3]
