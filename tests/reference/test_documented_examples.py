"""The examples of torch's documentation, and renormalisations worked out by hand."""

from __future__ import annotations

from fractions import Fraction

import pytest
from membership import permits

from embedding_reference import Anything, Embedding, Exactly, OneOf, Permitted, Rows, Tensor, Within

NAN, INFINITY = float("nan"), float("inf")

# The rows that the documentation shows for a random table of 10 rows of 3; those it does not show are zero here.
SHOWN = {
    1: [-0.0251, -1.6902, 0.7172],
    2: [-0.6431, 0.0748, 0.6969],
    3: [0.4362, -0.4004, 0.9400],
    4: [1.4970, 1.3448, -0.9685],
    5: [-0.3677, -2.7265, -0.1685],
    9: [0.9124, -2.3616, 1.1151],
}


def table(rows: dict[int, list[float]], count: int, dim: int) -> Tensor:
    """A float32 weight."""
    return Tensor.of("float32", (count, dim), [v for r in range(count) for v in rows.get(r, [0.0] * dim)])


def ints(shape: tuple[int, ...], values: list[int]) -> Tensor:
    """An index tensor."""
    return Tensor.of("int64", shape, values)


def row_after(
    values: list[float], *, dtype: str = "float32", max_norm: float = 1.0, p: float = 2.0, wide: bool = False
) -> Permitted:
    """What the contract allows a row to become once it was looked up."""
    weight = Tensor.of(dtype, (1, len(values)), values)
    after = Embedding(1, len(values), max_norm=max_norm, norm_type=p).weight_after(weight, ints((), [0]), wide=wide)
    assert isinstance(after, Rows)
    return after.rows[0]


def f32(*values: float) -> Tensor:
    """A float32 row."""
    return Tensor.of("float32", (len(values),), values)


def test_a_batch_of_two_samples_of_four_indices() -> None:
    permitted = Embedding(10, 3).output(table(SHOWN, 10, 3), ints((2, 4), [1, 2, 4, 5, 4, 3, 2, 9]))
    wanted = [SHOWN[r] for r in (1, 2, 4, 5, 4, 3, 2, 9)]
    assert permitted == Exactly(Tensor.of("float32", (2, 4, 3), [v for row in wanted for v in row]))


def test_a_padding_row_is_looked_up_like_any_other_and_gets_no_gradient() -> None:
    rows = {2: [0.1535, -2.0309, 0.9315], 5: [-0.1655, 0.9897, 0.0635]}
    model, index = Embedding(10, 3, padding_idx=0), ints((1, 4), [0, 2, 0, 5])
    wanted = [0.0, 0.0, 0.0, *rows[2], 0.0, 0.0, 0.0, *rows[5]]
    assert model.output(table(rows, 10, 3), index) == Exactly(Tensor.of("float32", (1, 4, 3), wanted))
    gradient = model.gradient("float32", [(index, Tensor.of("float32", (1, 4, 3), [1.0] * 12))])
    ones = {2: [1.0] * 3, 5: [1.0] * 3}
    assert permits(gradient, table(ones, 10, 3))
    assert not permits(gradient, table({**ones, 0: [2.0] * 3}, 10, 3))


def test_a_pad_that_was_changed_is_looked_up_as_it_is() -> None:
    rows = {0: [1.0, 1.0, 1.0], 1: [-0.7895, -0.7089, -0.0364], 2: [0.6778, 0.5803, 0.2678]}
    permitted = Embedding(3, 3, padding_idx=0).output(table(rows, 3, 3), ints((2,), [0, 2]))
    assert permitted == Exactly(Tensor.of("float32", (2, 3), [1.0, 1.0, 1.0, 0.6778, 0.5803, 0.2678]))


@pytest.mark.parametrize("padding_idx", [2, -1])
def test_padding_idx_counts_from_either_end(padding_idx: int) -> None:
    model = Embedding(3, 1, padding_idx=padding_idx)
    gradient = model.gradient("float64", [(ints((4,), [2, 0, 2, 2]), Tensor.of("float64", (4, 1), [1, 2, 4, 8]))])
    assert permits(gradient, Tensor.of("float64", (3, 1), [2, 0, 0]))
    assert not permits(gradient, Tensor.of("float64", (3, 1), [2, 0, 13]))
    assert model.attributes()["padding_idx"] == 2


def test_attributes_are_the_arguments() -> None:
    assert Embedding(4, 2).attributes() == {
        "num_embeddings": 4,
        "embedding_dim": 2,
        "padding_idx": None,
        "max_norm": None,
        "norm_type": 2.0,
        "scale_grad_by_freq": False,
        "sparse": False,
    }


def test_frequencies_count_the_whole_index_of_one_call() -> None:
    model = Embedding(2, 1, scale_grad_by_freq=True)
    twice = (ints((2, 2), [0, 1, 0, 0]), Tensor.of("float32", (2, 2, 1), [3, 5, 6, 9]))
    once = (ints((1,), [0]), Tensor.of("float32", (1, 1), [7]))
    assert permits(model.gradient("float32", [twice]), Tensor.of("float32", (2, 1), [6, 5]))
    assert permits(model.gradient("float32", [twice, once]), Tensor.of("float32", (2, 1), [13, 5]))
    assert not permits(model.gradient("float32", [twice, once]), Tensor.of("float32", (2, 1), [25 / 4, 5]))


@pytest.mark.parametrize(
    ("values", "max_norm", "p", "wanted"),
    [
        ([3.0, 4.0], 1.0, 2.0, [0.6, 0.8]),
        ([-3.0, 4.0], 1.0, 2.0, [-0.6, 0.8]),
        ([3.0, 4.0], 1.0, 1.0, [3 / 7, 4 / 7]),
        ([3.0, 4.0], 1.0, INFINITY, [0.75, 1.0]),
        ([3.0, -4.0, 5.0], 3.0, 3.0, [9 / 6, -12 / 6, 15 / 6]),  # 27 + 64 + 125 = 216 = 6^3
        ([9.0, 16.0], 4.9, 0.5, [0.9, 1.6]),  # (3 + 4)^2 = 49
        ([1.0, 4.0], 9 ** (2 / 3), 1.5, [1.0, 4.0]),  # 1 + 8 = 9
        ([0.0, 2.0], 1.0, 2.0, [0.0, 1.0]),
    ],
)
def test_a_row_above_the_limit_is_rescaled(values: list[float], max_norm: float, p: float, wanted: list[float]) -> None:
    assert permits(row_after(values, max_norm=max_norm, p=p), f32(*wanted))


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize(
    "wrong",
    [
        [3.0, 4.0],
        [0.6, 0.8001],
        [0.6, -0.8],
        [0.8, 0.6],
        [0.6, 0.8 * (1 - 1e-5)],
        [0.0, 0.0],
        [3 / 7, 4 / 7],
        [NAN, 0.8],
    ],
)
def test_a_row_above_the_limit_is_nothing_else(wrong: list[float], wide: bool) -> None:
    rule = row_after([3.0, 4.0], wide=wide)
    assert isinstance(rule, Within)
    assert not permits(rule, f32(*wrong))


def test_an_epsilon_is_admitted_up_to_that_of_torch() -> None:
    rule = row_after([3e-6, 4e-6], max_norm=1e-6)
    for epsilon, admitted in ((0.0, True), (5e-8, True), (1e-7, True), (1.1e-7, False), (-1e-8, False), (1e-6, False)):
        factor = 1e-6 / (5e-6 + epsilon)
        assert permits(rule, f32(3e-6 * factor, 4e-6 * factor)) == admitted, epsilon


def test_a_row_below_the_limit_is_untouched_bit_for_bit() -> None:
    assert row_after([0.3, -0.0, 0.4]) == Exactly(f32(0.3, -0.0, 0.4))
    assert row_after([0.0, 0.0], max_norm=0.0) == Exactly(f32(0.0, 0.0))
    assert row_after([]) == Exactly(f32())
    assert row_after([], max_norm=0.0) == Exactly(f32())


@pytest.mark.parametrize(("values", "p"), [([0.6, 0.8], 2.0), ([0.25, 0.75], 1.0), ([1.0], 2.0)])
def test_a_row_at_the_limit_is_untouched_or_rescaled(values: list[float], p: float) -> None:
    rule = row_after(values, p=p)
    assert isinstance(rule, OneOf)
    assert permits(rule, f32(*values))
    assert permits(rule, f32(*(v / (1 + 1e-7) for v in values)))
    assert not permits(rule, f32(*(v / (1 + 1e-5) for v in values)))


def test_a_maximum_at_the_limit_is_told_exactly() -> None:
    assert row_after([1.0, -0.5], p=INFINITY) == Exactly(f32(1.0, -0.5))
    assert isinstance(row_after([1 + 2**-23, -0.5], p=INFINITY), Within)


def test_a_limit_of_zero_makes_zeros() -> None:
    rule = row_after([3.0, -4.0], max_norm=0.0)
    assert isinstance(rule, Within)
    assert permits(rule, f32(0.0, -0.0))
    assert not permits(rule, f32(1e-30, 0.0))


def test_only_looked_up_rows_change_and_the_output_shows_them_changed() -> None:
    weight = table({0: [3.0, 4.0], 1: [3.0, 4.0], 2: [0.3, 0.4]}, 3, 2)
    model = Embedding(3, 2, max_norm=1.0)
    index = ints((2, 2), [0, 2, 0, 0])
    after = Tensor.of("float32", (3, 2), [0.6, 0.8, 3, 4, 0.3, 0.4])
    assert permits(model.weight_after(weight, index), after)
    assert not permits(model.weight_after(weight, index), weight)
    assert not permits(model.weight_after(weight, index), Tensor.of("float32", (3, 2), [0.6, 0.8, 0.6, 0.8, 0.3, 0.4]))
    assert permits(
        model.output(weight, index), Tensor.of("float32", (2, 2, 2), [0.6, 0.8, 0.3, 0.4, 0.6, 0.8, 0.6, 0.8])
    )
    nothing = ints((0,), [])
    assert permits(model.weight_after(weight, nothing), weight)
    assert permits(model.output(weight, nothing), Tensor.of("float32", (0, 2), []))


@pytest.mark.parametrize(
    "model", [Embedding(2, 2, padding_idx=-2, max_norm=1.0), Embedding(2, 2, max_norm=1.0, freeze=True)]
)
def test_a_padding_row_or_a_frozen_one_may_be_rescaled_or_not(model: Embedding) -> None:
    rows = model.weight_after(table({0: [3.0, 4.0]}, 2, 2), ints((1,), [0]))
    assert isinstance(rows, Rows)
    assert isinstance(rows.rows[0], OneOf)
    assert permits(rows.rows[0], f32(3.0, 4.0))
    assert permits(rows.rows[0], f32(0.6, 0.8))
    assert not permits(rows.rows[0], f32(0.0, 0.0))


@pytest.mark.parametrize(
    ("values", "max_norm", "p"),
    [
        ([NAN, 1.0], 1.0, 2.0),
        ([INFINITY, 1.0], 1.0, INFINITY),
        ([3.0, 4.0], -1.0, 2.0),
        ([3.0, 4.0], NAN, 2.0),
        ([3.0, 4.0], INFINITY, 2.0),
        ([3.0, 4.0], 1.0, 0.0),
        ([3.0, 4.0], 1.0, -2.0),
        ([3.0, 4.0], 1.0, NAN),
    ],
)
def test_what_is_not_documented_may_be_anything(values: list[float], max_norm: float, p: float) -> None:
    rule = row_after(values, max_norm=max_norm, p=p)
    assert isinstance(rule, Anything)
    assert "not documented" in rule.why
    assert permits(rule, f32(NAN, 7.0))
    assert not permits(rule, Tensor.of("float64", (2,), [0, 0]))


def test_the_modulus_of_a_complex_number_counts() -> None:
    rule = row_after([3.0, 4.0j], dtype="complex64")  # type: ignore[list-item]
    assert permits(rule, Tensor.of("complex64", (2,), [0.6, 0.8j]))
    rule = row_after([3 + 4j, 12j], dtype="complex64", max_norm=13.0, p=2.0)  # type: ignore[list-item]
    assert permits(rule, Tensor.of("complex64", (2,), [3 + 4j, 12j]))
    rule = row_after([3 + 4j, 12j], dtype="complex128", max_norm=1.7, p=1.0)  # type: ignore[list-item]
    assert permits(rule, Tensor.of("complex128", (2,), [0.3 + 0.4j, 1.2j]))
    rule = row_after([3 + 4j, 1j], dtype="complex64", p=INFINITY)  # type: ignore[list-item]
    assert permits(rule, Tensor.of("complex64", (2,), [0.6 + 0.8j, 0.2j]))


def test_the_limit_may_be_rounded_to_the_dtype_before_it_is_compared() -> None:
    stored = float(Tensor.of("float16", (1,), [0.1]).components()[0])
    assert Fraction(stored) < Fraction(0.1)
    rule = row_after([float(Fraction(stored)), 0.0], dtype="float16", max_norm=0.1, p=INFINITY)
    assert isinstance(rule, OneOf)
    assert isinstance(row_after([0.10003, 0.0], dtype="float16", max_norm=0.1, p=INFINITY), OneOf)
    assert isinstance(row_after([0.1001, 0.0], dtype="float16", max_norm=0.1, p=INFINITY), Within)
