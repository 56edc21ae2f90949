"""The second form of the oracle: an embedding is a product with a one-hot matrix. Exact, over fractions.

    output   = H W             H[i, r] = 1 where the i-th index is r, else 0
    gradient = Z sum_k D_k H_k^T G_k     over the lookups k
    derivative of <gradient, V> by G = H D Z V

Z is the identity with a zero at padding_idx. D is the diagonal of 1 / (column sum of H) under scale_grad_by_freq, where
a row that does not occur has any divisor, else the identity.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from embedding_reference import Embedding, Tensor

Matrix = list[list[Fraction]]


def matrix(tensor: Tensor, columns: int) -> Matrix:
    """The finite components of a tensor as rows of `columns` each."""
    values = [Fraction(c) for c in tensor.components()]
    count = len(values) // columns if columns else 0
    return [values[r * columns : (r + 1) * columns] for r in range(count)]


def product(a: Matrix, b: Matrix) -> Matrix:
    """The matrix product."""
    return [[sum((x * y for x, y in zip(row, column, strict=True)), Fraction(0)) for column in zip(*b)] for row in a]


def transposed(a: Matrix) -> Matrix:
    """The transpose."""
    return [list(column) for column in zip(*a, strict=True)]


def diagonal(entries: Sequence[Fraction]) -> Matrix:
    """A diagonal matrix."""
    return [[entry if r == c else Fraction(0) for c in range(len(entries))] for r, entry in enumerate(entries)]


def one_hot(index: Tensor, classes: int) -> Matrix:
    """One row for each index."""
    return [[Fraction(position == r) for r in range(classes)] for position in index.components()]


def output(weight: Tensor, index: Tensor) -> Matrix:
    """H W."""
    rows = weight.shape[0]
    return product(one_hot(index, rows), matrix(weight, weight.shape[1] * weight.format.components))


def gradient(model: Embedding, columns: int, lookups: Sequence[tuple[Tensor, Tensor]]) -> Matrix:
    """Z sum_k D_k H_k^T G_k, of shape (num_embeddings, columns)."""
    rows = model.num_embeddings
    total = [[Fraction(0)] * columns for _ in range(rows)]
    for index, upstream in lookups:
        hot = one_hot(index, rows)
        if not hot:
            continue
        part = product(divisors(model, hot), product(transposed(hot), matrix(upstream, columns)))
        total = [[x + y for x, y in zip(a, b, strict=True)] for a, b in zip(total, part, strict=True)]
    return product(keeps(model), total)


def second_order(model: Embedding, columns: int, index: Tensor, direction: Tensor) -> Matrix:
    """H D Z V, one row for each index."""
    hot = one_hot(index, model.num_embeddings)
    kept = product(keeps(model), matrix(direction, columns))
    return product(hot, product(divisors(model, hot), kept)) if hot else []


def divisors(model: Embedding, hot: Matrix) -> Matrix:
    """D."""
    sums = [sum(column, Fraction(0)) for column in zip(*hot, strict=True)]
    return diagonal([1 / s if s and model.scale_grad_by_freq else Fraction(1) for s in sums])


def keeps(model: Embedding) -> Matrix:
    """Z."""
    rows, pad = model.num_embeddings, model.padding_idx
    return diagonal([Fraction(pad is None or r not in (pad, pad + rows)) for r in range(rows)])
