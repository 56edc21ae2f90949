"""The bounds of sums hold for every tree of additions of every few numbers of a tiny format, and are reached."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import cache, partial

import pytest

from embedding_reference.formats import Format
from embedding_reference.sums import gradient_intervals


def tiny(precision: int) -> Format:
    """A format of so few bits, and of exponents enough for a sum not to overflow."""
    return Format(f"{precision} bits", "d", "float", precision=precision, emax=6, emin=-2)


def numbers(form: Format) -> list[float]:
    """The positive numbers of four binades, subnormal ones first."""
    whole = range(1, 2**form.precision)
    return sorted({form.round(w * 2**e * form.quantum) for e in range(4) for w in whole})


@cache
def rounded(form: Format, exact: float) -> float:
    """The nearest number; sums of a few are exact as floats."""
    return form.round(exact)


@cache
def results(form: Format, terms: tuple[float, ...]) -> frozenset[float]:
    """What adding the terms may give: in the dtype, in any order, and any group of them exactly, rounded once."""
    found = {rounded(form, sum(terms))}
    places = range(len(terms))
    for size in range(1, len(terms) // 2 + 1):
        for chosen in itertools.combinations(places, size):
            left = results(form, tuple(terms[i] for i in chosen))
            right = results(form, tuple(terms[i] for i in places if i not in chosen))
            found.update(rounded(form, a + b) for a in left for b in right)
    return frozenset(found)


def reached(form: Format, choices: Sequence[tuple[float, ...]]) -> float:
    """The largest error, as a fraction of its bound; each one is found to be within it."""
    worst = 0.0
    for terms in choices:
        (interval,) = gradient_intervals([[term] for term in terms], [1] * len(terms), form)
        assert interval.low is not None
        assert interval.high is not None
        exact = Fraction(sum(terms))
        for result in results(form, terms):
            assert interval.low <= result <= interval.high, (terms, result)
            if result != exact:
                bound = interval.high - exact if result > exact else exact - interval.low
                worst = max(worst, float(abs(Fraction(result) - exact) / bound))
    return worst


@pytest.mark.parametrize(("precision", "count"), [(2, 2), (2, 3), (2, 4), (3, 2), (3, 3)])
def test_terms_of_both_signs(precision: int, count: int) -> None:
    form = tiny(precision)
    signed = [sign * number for number in numbers(form) for sign in (1, -1)]
    assert reached(form, list(itertools.combinations_with_replacement(signed, count))) > 0.999


@pytest.mark.parametrize(("precision", "count"), [(2, 5), (3, 4)])
def test_terms_of_one_sign(precision: int, count: int) -> None:
    form = tiny(precision)
    assert reached(form, list(itertools.combinations_with_replacement(numbers(form), count))) > 0.999


def quotient(form: Format, count: int, term: float) -> float:
    """Divided."""
    return form.round(Fraction(term) / count)


def product(form: Format, count: int, term: float) -> float:
    """Multiplied by the reciprocal."""
    return form.round(Fraction(term) * Fraction(form.round(Fraction(1, count))))


@pytest.mark.parametrize("divided", [quotient, product])
@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize("precision", [2, 3])
def test_means(precision: int, count: int, divided: Callable[[Format, int, float], float]) -> None:
    form = tiny(precision)
    divide = partial(divided, form, count)
    signed = [sign * number for number in numbers(form) for sign in (1, -1)]
    for terms in itertools.combinations_with_replacement(signed, count):
        (interval,) = gradient_intervals([[term] for term in terms], [count] * count, form)
        assert interval.low is not None
        assert interval.high is not None
        means = set(map(divide, results(form, terms))) | results(form, tuple(map(divide, terms)))
        assert interval.low <= min(means) <= max(means) <= interval.high, (terms, means)
