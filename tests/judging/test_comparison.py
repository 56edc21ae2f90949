"""The judge accepts what is permitted, rejects everything else, and says where the difference begins."""

from __future__ import annotations

from fractions import Fraction

import pytest

from embedding_conformance.boundary.observations import Gradient
from embedding_conformance.boundary.refusals import Refused
from embedding_conformance.judging import compare
from embedding_conformance.judging.compare import Deviation, Difference
from embedding_reference import Exactly, Interval, OneOf, Permitted, Raises, Rows, Tensor, Within
from embedding_reference.permitted import Anything

INF, NAN = float("inf"), float("nan")
ROW = (2,)
ZERO, ONE, HALF = (Interval.exactly(Fraction(n, 2)) for n in (0, 2, 1))
ZERO_TO_TWO = Interval(Fraction(0), Fraction(2))
ABOUT_ONE = Interval(Fraction(0), Fraction(4), exact=Fraction(1))
ONLY_NAN = Interval(None, None, frozenset({"nan"}))
TO_INFINITY = Interval(Fraction(1), Fraction(2), frozenset({"inf"}))
ANY = Interval(None, None, frozenset({"any"}))


def tensor(*values: float, dtype: str = "float32") -> Tensor:
    return Tensor.of(dtype, (len(values),), values)


def within(*intervals: Interval, dtype: str = "float32") -> Within:
    return Within(dtype, (len(intervals),), intervals)


def quiet_nan(payload: int) -> Tensor:
    return Tensor("float32", (1,), (0x7FC00000 + payload).to_bytes(4, "little"))


PERMITTED: list[tuple[Permitted, Tensor, float | None]] = [
    (Exactly(tensor(1, 2)), tensor(1, 2), None),
    (Exactly(quiet_nan(5)), quiet_nan(6), None),
    (Anything("float32", ROW, "not documented"), tensor(NAN, -7), None),
    (within(ONE, ZERO), tensor(1, -0.0), 0.0),
    (within(ZERO_TO_TWO, ZERO_TO_TWO), tensor(1, 1.5), 0.5),
    (within(ZERO_TO_TWO, ZERO_TO_TWO), tensor(2, 1), 1.0),
    (within(ABOUT_ONE, ABOUT_ONE), tensor(0.75, 2.5), 0.5),
    (within(ABOUT_ONE), tensor(1), 0.0),
    (within(ONLY_NAN, TO_INFINITY), tensor(NAN, INF), 0.0),
    (within(ANY, ANY), tensor(NAN, 1e30), 0.0),
    (within(*[ONE, ZERO] * 2), tensor(1, 0, 1, 0), 0.0),
    (OneOf((Exactly(tensor(1, 2)), within(ZERO_TO_TWO, ZERO_TO_TWO))), tensor(1, 2), None),
    (OneOf((Exactly(tensor(1, 2)), within(ZERO_TO_TWO, ZERO_TO_TWO))), tensor(0.5, 1), 0.5),
    (Rows("float32", (2, 1), (Exactly(tensor(3)), within(ZERO_TO_TWO))), Tensor.of("float32", (2, 1), [3, 1.5]), 0.5),
    (Rows("float32", (1,), (Exactly(tensor(3)),)), tensor(3), None),
    (Exactly(Tensor("float32", (0, 3), b"")), Tensor("float32", (0, 3), b""), None),
]


@pytest.mark.parametrize(("permitted", "observed", "worst"), PERMITTED)
def test_what_is_permitted_is_accepted(permitted: Permitted, observed: Tensor, worst: float | None) -> None:
    assert compare.compare("output", permitted, observed) == worst


REJECTED: list[tuple[Permitted, Tensor, str]] = [
    (Exactly(tensor(1, 2)), tensor(1, 3), "differs"),
    (Exactly(tensor(0)), tensor(-0.0), "differs"),
    (Exactly(quiet_nan(5)), tensor(1), "differs"),
    (Exactly(tensor(1, 2)), tensor(1, 2, 3), "wrong shape"),
    (Exactly(Tensor.of("float32", (), [1])), tensor(1), "wrong shape"),
    (Exactly(tensor(1)), tensor(1, dtype="float64"), "wrong dtype"),
    (Anything("float32", ROW, "not documented"), tensor(1), "wrong shape"),
    (Anything("float32", ROW, "not documented"), tensor(1, 2, dtype="float16"), "wrong dtype"),
    (within(ZERO_TO_TWO), tensor(2.0000002), "differs"),
    (within(ZERO_TO_TWO), tensor(-1e-45), "differs"),
    (within(ZERO_TO_TWO), tensor(NAN), "differs"),
    (within(ZERO_TO_TWO), tensor(INF), "differs"),
    (within(ONLY_NAN), tensor(0), "differs"),
    (within(TO_INFINITY), tensor(-INF), "differs"),
    (within(ONE), tensor(1, dtype="bfloat16"), "wrong dtype"),
    (OneOf((Exactly(tensor(1)), within(ZERO))), tensor(0.5), "none of what is allowed"),
    (OneOf((Exactly(tensor(1)), within(ZERO))), tensor(0, 0), "none of what is allowed"),
    (Rows("float32", (2, 1), (Exactly(tensor(3)), within(ONE))), Tensor.of("float32", (2, 1), [3, 2]), "[1] differs"),
    (Raises(frozenset({"index"})), tensor(1), "refusal was due"),
]


@pytest.mark.parametrize(("permitted", "observed", "summary"), REJECTED)
def test_what_is_not_permitted_is_rejected(permitted: Permitted, observed: Tensor, summary: str) -> None:
    with pytest.raises(Deviation) as caught:
        compare.compare("output", permitted, observed)
    assert summary in caught.value.summary
    assert caught.value.expected
    assert caught.value.observed


FIRST_DIFFERENCES: list[tuple[Permitted, Tensor, Difference]] = [
    (
        Exactly(Tensor.of("float32", (2, 2), [0, 0, 0, 0])),
        Tensor.of("float32", (2, 2), [0, 0, -0.0, 1]),
        Difference("[1, 0]", "0.0", "-0.0", "0x00000000", "0x80000000"),
    ),
    (Exactly(quiet_nan(5)), tensor(1), Difference("[0]", "nan", "1.0", "0x7fc00005", "0x3f800000")),
    (
        Exactly(tensor(1j, dtype="complex64")),  # type: ignore[arg-type]
        tensor(2j, dtype="complex64"),  # type: ignore[arg-type]
        Difference("[0]", "1j", "2j", "0x3f80000000000000", "0x4000000000000000"),
    ),
    (within(ZERO, HALF), tensor(0, 1), Difference("[1]", "0.5", "1.0", "0x3f000000", "0x3f800000")),
    (within(ZERO_TO_TWO), tensor(3), Difference("[0]", "0 to 2", "3.0", None, "0x40400000")),
    (
        Within("complex64", (2,), (ZERO, ZERO, ZERO, ONE)),
        tensor(0, 0, dtype="complex64"),
        Difference("[1]", "1", "0.0", "0x3f800000", "0x00000000"),
    ),
]


def test_a_nan_is_as_good_as_another_unless_its_bits_are_asked_for() -> None:
    with pytest.raises(Deviation) as raised:
        compare.compare("output", Exactly(quiet_nan(5)), quiet_nan(6), payloads=True)
    assert raised.value.difference == Difference("[0]", "nan", "nan", "0x7fc00005", "0x7fc00006")


@pytest.mark.parametrize(("permitted", "observed", "difference"), FIRST_DIFFERENCES)
def test_the_first_difference_is_shown_as_values_and_bits(
    permitted: Permitted, observed: Tensor, difference: Difference
) -> None:
    with pytest.raises(Deviation) as caught:
        compare.compare("output", permitted, observed)
    assert caught.value.difference == difference


def sparse(rows: list[int], values: list[float], *, layout: str = "coo", dtype: str = "float32") -> Gradient:
    """A sparse gradient of a 3 x 1 weight, an element an entry."""
    entries = Tensor.of(dtype, (len(rows), 1), values)
    return Gradient(layout, (3, 1), "cpu", entries, Tensor.of("int64", (len(rows),), rows))


def table(*intervals: Interval, dtype: str = "float32") -> Within:
    return Within(dtype, (3, 1), intervals)


TINY, HUGE = 2.0**-149, 2.0**127
TINY_EXACTLY = Interval.exactly(Fraction(TINY))
TWICE_HUGE = Interval.exactly(Fraction(HUGE) * 2)
ONLY_INFINITY = Interval(None, None, frozenset({"inf"}))


@pytest.mark.parametrize(
    ("permitted", "gradient"),
    [
        (table(ZERO, ZERO, ZERO), sparse([], [])),
        (table(ZERO, ONE, ZERO), sparse([1], [1], layout="rows")),
        (table(ZERO, ONE, ZERO), sparse([1, 1, 1], [0.5, 0.25, 0.25])),
        (table(ZERO, TINY_EXACTLY, ZERO), sparse([1, 1, 1], [HUGE, TINY, -HUGE])),
        (table(TWICE_HUGE, ZERO, ZERO), sparse([0, 0], [HUGE, HUGE])),
        (table(ONLY_INFINITY, ONLY_NAN, ZERO), sparse([0, 1, 0, 1], [INF, INF, -HUGE, -INF])),
        (table(ONLY_NAN, ZERO, ZERO), sparse([0, 0], [NAN, 1])),
        (table(ONE, ZERO, ONE, dtype="float16"), sparse([2, 0], [1, 1], dtype="float16")),
    ],
)
def test_sparse_gradients_are_summed_exactly(permitted: Within, gradient: Gradient) -> None:
    """Whatever the order of entries, however many there are, and without rounding, overflow or underflow of ours."""
    assert compare.compare_gradient("gradient", permitted, gradient, "sparse") == 0.0


@pytest.mark.parametrize(
    ("permitted", "gradient", "layout", "summary"),
    [
        (table(ZERO, ONE, ZERO), sparse([1, 1], [1, TINY]), "sparse", "differs"),
        (table(ZERO, ONE, ZERO), sparse([1, 2], [1, NAN]), "sparse", "differs"),
        (table(ZERO, ZERO, ZERO), sparse([3], [1]), "sparse", "outside the weight"),
        (table(ZERO, ZERO, ZERO), sparse([-1], [0]), "sparse", "outside the weight"),
        (table(ZERO, ZERO, ZERO), sparse([], []), "dense", "wrong layout"),
        (table(ZERO, ZERO, ZERO), sparse([], [], layout="torch.sparse_csr"), "sparse", "wrong layout"),
        (table(ZERO, ZERO, ZERO), sparse([], [], dtype="float64"), "sparse", "wrong dtype"),
        (Within("float32", (2, 1), (ZERO, ZERO)), sparse([], []), "sparse", "wrong shape"),
        (
            table(ZERO, ZERO, ZERO),
            Gradient("coo", (3, 1), "cpu", Tensor.of("float32", (1, 2), [0, 0]), Tensor.of("int64", (1,), [0])),
            "sparse",
            "wrong shape of the entries",
        ),
        (
            table(ONE, ZERO, ZERO),
            Gradient("dense", (3, 1), "cpu", Tensor.of("float32", (3, 1), [0] * 3)),
            "dense",
            "differs",
        ),
    ],
)
def test_wrong_gradients_are_rejected(permitted: Within, gradient: Gradient, layout: str, summary: str) -> None:
    with pytest.raises(Deviation, match=summary):
        compare.compare_gradient("gradient", permitted, gradient, layout)


def test_a_dense_gradient_reports_its_error_as_a_fraction_of_the_bound() -> None:
    gradient = Gradient("dense", (3, 1), "cpu", Tensor.of("float32", (3, 1), [1, 1.75, 1]))
    assert compare.compare_gradient("gradient", table(*[ZERO_TO_TWO] * 3), gradient, "dense") == 0.75


class RowError(Exception):
    """An implementation's own."""


@pytest.mark.parametrize(
    ("error", "family"),
    [
        (RowError(), "runtime"),
        (type("RowIndexError", (RowError, IndexError), {})(), "index"),
        (IndexError(), "index"),
        (KeyError(), "index"),
        (LookupError(), "index"),
        (TypeError(), "type"),
        (ValueError(), "value"),
        (AssertionError(), "value"),
        (OverflowError(), "value"),
        (UnicodeError(), "value"),
        (RuntimeError(), "runtime"),
        (NotImplementedError(), "runtime"),
        (MemoryError(), "other"),
        (AttributeError(), "other"),
    ],
)
def test_exceptions_have_families(error: Exception, family: str) -> None:
    refused = Refused.of(error)
    others = Raises(frozenset({"index", "type", "value", "runtime", "other"} - {family}))
    compare.refusal("a call", Raises(frozenset({family})), refused, by_class=True)
    compare.refusal("a call", others, refused)
    with pytest.raises(Deviation, match="wrong exception"):
        compare.refusal("a call", others, refused, by_class=True)


def test_a_refusal_that_does_not_come_is_a_deviation() -> None:
    with pytest.raises(Deviation, match="was not refused: expected an exception"):
        compare.refusal("a call", Raises(frozenset({"index"})), None)


def test_a_refusal_is_told_in_one_line() -> None:
    assert str(Refused("index", "IndexError", "first\nsecond")) == "IndexError: first"
    assert str(Refused("index", "IndexError", "")) == "IndexError"


@pytest.mark.parametrize(("expected", "observed"), [(1, 1), (None, None), ("a", "a"), ((1, 2), (1, 2))])
def test_equal_values_are_equal(expected: object, observed: object) -> None:
    compare.equal("it", expected, observed)


@pytest.mark.parametrize(("expected", "observed"), [(1, 2), (None, 0), (True, None), ((1,), (1, 2))])
def test_different_values_are_not(expected: object, observed: object) -> None:
    with pytest.raises(Deviation):
        compare.equal("it", expected, observed)


def test_long_values_are_shortened_in_the_middle() -> None:
    text = compare.shorten(list(range(1000)))
    assert len(text) <= 300
    assert text.startswith("[0, 1, 2")
    assert text.endswith("998, 999]")
