"""Error bounds, each derived from the number format. No tuned constants.

Notation: u is the unit roundoff of the weight's dtype, eta its smallest subnormal, fl() a rounding to nearest. The
standard model (Higham, *Accuracy and Stability of Numerical Algorithms*, 2nd ed., section 2.2, with the underflow term
of section 2.8) is fl(a op b) = (a op b)(1 + d) + e with |d| <= u and |e| <= eta/2, where e is 0 for addition.
"""

from __future__ import annotations

import decimal
import math
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from reference.formats import Format
from reference.permitted import Interval

EPSILON = Fraction(1, 10**7)
"""torch divides by (norm + 1e-7); an implementation may use any epsilon from 0 to this."""

POW_ULPS = 4
"""Worst error of `pow` that is accepted, in ulps: what NVIDIA's CUDA programming guide states for `powf`, the loosest
among the mathematical libraries that embeddings are built on (glibc and SLEEF promise 1)."""

_DIGITS = decimal.Context(prec=40, Emin=decimal.MIN_EMIN, Emax=decimal.MAX_EMAX)
_LOGS = decimal.Context(prec=12, rounding=decimal.ROUND_UP, Emin=decimal.MIN_EMIN, Emax=decimal.MAX_EMAX)
"""For logarithms that only enter an error term."""

_DIGITS_SLACK = Fraction(1, 10**35)
"""Relative error of p-norms taken with 40 decimal digits: far below any format's u, and allowed for all the same."""


def sum_error(terms: int, parts: int, u: Fraction) -> Fraction:
    """Relative error, against the sum of magnitudes, of a sum in any order by an accumulator no worse than the dtype.

    Adding n terms in the dtype itself errs by at most (n - 1) u, for every order and every n (Jeannerod and Rump,
    "Improved error bounds for inner products in floating-point arithmetic", SIAM J. Matrix Anal. Appl. 34, 2013). A
    finer accumulator with unit roundoff v, which no wider format puts above u/8, errs by (n - 1) v and rounds once more
    on the way out; the `parts` rounded results (one a backward) are then added in the dtype.

    Args:
        terms: how many numbers are added in all, n.
        parts: in how many separately rounded groups.
        u: unit roundoff of the dtype.
    """
    in_dtype = (terms - 1) * u
    if terms == parts:
        return in_dtype  # a group of one is not rounded
    finer = (1 + (terms - 1) * u / 8) * (1 + u) * (1 + (parts - 1) * u) - 1
    return max(in_dtype, finer)


def wide_sum_error(terms: int, parts: int, u: Fraction) -> Fraction:
    """`sum_error` of an accumulator at least as fine as float32, rounded to the dtype once a part."""
    v = min(u, Fraction(1, 2**24))
    if terms == parts:
        return (terms - 1) * u
    rounding = Fraction(0) if v == u else u
    return (1 + (terms - 1) * v) * (1 + rounding) * (1 + (parts - 1) * u) - 1


def exact_interval(component: float) -> Interval:
    """This component, by value."""
    if math.isfinite(component):
        return Interval.exactly(Fraction(component))
    return Interval(None, None, frozenset({str(component)}))


class Terms(NamedTuple):
    """What is added into one component of the gradient.

    Attributes:
        finite: exact sum of the finite terms.
        magnitude: exact sum of the magnitudes of the finite terms.
        positive: exact sum of the positive finite terms.
        specials: which of "nan", "inf" and "-inf" are among the terms.
    """

    finite: Fraction
    magnitude: Fraction
    positive: Fraction
    specials: frozenset[str]


def gradient_interval(
    terms: Terms, relative: Fraction, absolute: Fraction, form: Format, largest_count: int
) -> Interval:
    """What a component of the gradient may be.

    Centre: the exact sum. Radius: `relative` times the sum of magnitudes, plus `absolute`. Where the positive
    (negative) terms alone could reach the overflow threshold, some order of summation passes through infinity, so
    infinity is permitted, and NaN where both could. A term that is NaN or infinite decides the result.

    Args:
        terms: the sums.
        relative: from `sum_error` or `frequency_error`.
        absolute: the underflow term of `frequency_error`, else 0.
        form: the dtype.
        largest_count: the greatest frequency that terms were divided by (1 if none): an implementation may add first
            and divide last, so it may overflow where the quotients would not.
    """
    grown = (1 + relative) * largest_count
    could = set()
    if terms.positive * grown + absolute >= form.overflow:
        could.add("inf")
    if (terms.magnitude - terms.positive) * grown + absolute >= form.overflow:
        could.add("-inf")
    if len(could) == 2:
        could.add("nan")
    if terms.specials:
        signs = (terms.specials | could) - {"nan"}
        if "nan" in terms.specials or {"inf", "-inf"} <= terms.specials:
            return Interval(None, None, frozenset({"nan"}))
        settled = terms.specials if len(signs) == 1 else terms.specials | {"nan"}
        return Interval(None, None, frozenset(settled))
    radius = relative * terms.magnitude + absolute
    return Interval(terms.finite - radius, terms.finite + radius, frozenset(could))


def frequency_error(count: int, sum_relative: Fraction, terms: int, form: Format) -> tuple[Fraction, Fraction]:
    """(relative, absolute) error of a sum of `terms` quotients x/c, where c is at most `count`.

    Division may be done as a product with fl(1/c), before or after summing. The reciprocal errs relatively by
    max(u, c eta/2), each product by u and eta/2: hence (1 + max(u, c eta/2))(1 + u)(1 + sum_relative) - 1 relative to
    the sum of magnitudes of the quotients, and `terms` eta/2, grown by the summation, absolute.
    """
    u, half_quantum = form.unit_roundoff, form.quantum / 2
    reciprocal = max(u, count * half_quantum)
    relative = (1 + reciprocal) * (1 + u) * (1 + sum_relative) - 1
    return relative, terms * half_quantum * (1 + sum_relative)


class Norm(NamedTuple):
    """Where the computed p-norm of a row may lie; `high` is None where it may overflow to infinity."""

    low: Fraction
    high: Fraction | None


def norm_interval(components: Sequence[float], p: float, form: Format, *, wide: bool = False) -> Norm:
    """Bounds on the p-norm of a row as computed in arithmetic no worse than the dtype's.

    The power sum S = sum |x_i|^p is computed from D powers with relative error t and absolute error a each, added with
    relative error s (`sum_error`; all terms are non-negative), so it is S (1 + d) with
    |d| <= (1 + t + D a / S)(1 + s) - 1. The p-th root then errs by no more than `_root_error` (1 + d)^(1/p), and by
    its own rounding. Multiplication and square root are correctly rounded; `pow` is good to `POW_ULPS`. Rounding the
    exponent p to the dtype multiplies |x|^p by at most exp(p u |ln |x||) and the root by at most exp(u |ln S| / p);
    rounding 1/p multiplies the root by as much again. The result is rounded to the dtype once more, for implementations
    that compute in a wider one, and may be subnormal there. The modulus of a complex number neither overflows nor
    underflows on the way (`hypot`), but for p = 2 its real and imaginary parts may be squared and added like others.

    Args:
        components: the row, all finite; for a complex dtype (real, imaginary) pairs, whose modulus counts.
        p: the order, positive, or infinity.
        form: the dtype.
        wide: if true, assume arithmetic of float32 or better that neither overflows nor underflows on the way.

    Returns:
        The interval that holds every norm that a conforming implementation may compute.
    """
    u = min(form.unit_roundoff, Fraction(1, 2**24)) if wide else form.unit_roundoff
    moduli, modulus_error = _moduli(components, form, u)
    nonzero = [m for m in moduli if m]
    if not nonzero:
        return Norm(Fraction(0), Fraction(0))
    if math.isinf(p):
        top = Fraction(max(nonzero))
        subnormal = form.quantum / 2 if modulus_error else 0
        top_high = top * (1 + modulus_error) + subnormal
        low = max(top * (1 - modulus_error) - subnormal, Fraction(0))
        return Norm(low, None if not wide and top_high >= form.overflow else top_high)
    with decimal.localcontext(_DIGITS):
        order = Decimal(p)
        power_sum = sum([_power(m, order) for m in nonzero], Decimal(0))
        root = Fraction(_root(power_sum, order))
    exact_powers = p == 1
    rounded_once = p in (1, 2)  # a magnitude is exact, a square is one product and its root is sqrt
    power_error = Fraction(0) if exact_powers else u
    root_error = Fraction(0) if exact_powers else u
    if not rounded_once:
        log_terms = Fraction(max(abs(float(m.ln(_LOGS))) for m in nonzero))
        log_sum = Fraction(abs(float(power_sum.ln(_LOGS))))
        exponent_error = Fraction(0) if form.round(p) == p else u
        power_error = 2 * POW_ULPS * u + _expm1(Fraction(p) * exponent_error * log_terms)
        root_error = 2 * POW_ULPS * u + _expm1((u + exponent_error) * log_sum / Fraction(p))
    power_error = (1 + modulus_error) ** math.ceil(p) * (1 + power_error) - 1
    count = len(components) if p == 2 else len(moduli)
    lost = form.quantum * (Fraction(1, 2) if rounded_once or wide else POW_ULPS)
    lost_powers = 0 if wide or exact_powers else count * lost / Fraction(power_sum)
    relative = (1 + power_error + lost_powers) * (1 + sum_error(count, 1, u)) * (1 + _DIGITS_SLACK) - 1
    below, above = _root_error(relative, p)
    roundings = (1 + root_error) * (1 + form.unit_roundoff)
    low = max(root * (1 - below) / roundings - lost, Fraction(0))
    high = root * (1 + above) * roundings + lost
    overflows = not wide and (Fraction(power_sum) * (1 + relative) >= form.overflow or high >= form.overflow)
    return Norm(low, None if overflows else high)


def storing_error(value: float, form: Format) -> Fraction:
    """Error of `value` where it is rounded to the dtype, or to any wider format; 0 where the dtype holds it."""
    exact = Fraction(value)
    return Fraction(0) if form.round(value) == value else max(exact * form.unit_roundoff, form.quantum / 2)


def rescaling(norm: Norm, max_norm: float, form: Format) -> tuple[Fraction, Fraction]:
    """(least, greatest) factor by which a row above max_norm is multiplied, as computed.

    The factor is max_norm / (norm + e) with 0 <= e <= `EPSILON`; max_norm and e may be rounded to the dtype. The sum,
    the quotient and finally each product contribute one (1 + d) with |d| <= u each, and the quotient may underflow by
    eta/2. Only a row whose computed norm exceeds max_norm is rescaled, so the norm is no less than that, but for one
    rounding after the comparison.
    """
    u, half_quantum = form.unit_roundoff, form.quantum / 2
    roundings = (1 + u) ** 3
    limit, stored = Fraction(max_norm), storing_error(max_norm, form)
    epsilon = EPSILON + storing_error(float(EPSILON), form)
    least = Fraction(0) if norm.high is None else (limit - stored) / (norm.high + epsilon) / roundings - half_quantum
    low = max(norm.low, (limit - stored) / (1 + u))
    greatest = ((limit + stored) / low if low > 0 else Fraction(1)) * roundings + half_quantum
    return _outward(max(least, Fraction(0)), greatest)


def product_interval(component: float, factors: tuple[Fraction, Fraction], form: Format) -> Interval:
    """What `component` times a factor in the given range may be, with the product's underflow of eta/2."""
    value, half_quantum = Fraction(component), form.quantum / 2
    ends = (value * factors[0], value * factors[1])
    if not value:
        return Interval.exactly(value)
    return Interval(min(ends) - half_quantum, max(ends) + half_quantum)


def _moduli(components: Sequence[float], form: Format, u: Fraction) -> tuple[list[Decimal], Fraction]:
    """Magnitudes of the elements, and their relative error: 3u for hypot by two squares, a sum and a root."""
    with decimal.localcontext(_DIGITS):
        if form.kind != "complex":
            return [abs(Decimal(c)) for c in components], Fraction(0)
        pairs = zip(components[0::2], components[1::2])
        return [(Decimal(re) ** 2 + Decimal(im) ** 2).sqrt() for re, im in pairs], 3 * u


def _power(base: Decimal, order: Decimal) -> Decimal:
    return base * base if order == 2 else base**order


def _root(value: Decimal, order: Decimal) -> Decimal:
    if order == 1:
        return value
    return value.sqrt() if order == 2 else (value.ln() / order).exp()


def _root_error(d: Fraction, p: float) -> tuple[Fraction, Fraction]:
    """How far (1 - d)^(1/p) may lie below 1, and (1 + d)^(1/p) above.

    (1 - d)^q >= 1 + q ln(1 - d) >= 1 - q d / (1 - d); (1 + d)^q <= e^(q d), and <= 1 + q d where q <= 1 (Bernoulli).
    """
    q = 1 / Fraction(p)
    below = min(q * d / (1 - d), Fraction(1)) if d < 1 else Fraction(1)
    return below, q * d if q <= 1 else _expm1(q * d)


def _expm1(x: Fraction) -> Fraction:
    """An upper bound of e^x - 1: x + x^2 holds for 0 <= x <= 1, and no format here exceeds that by much."""
    return x + x * x if x <= 1 else Fraction(3) ** math.ceil(x)


def _outward(low: Fraction, high: Fraction) -> tuple[Fraction, Fraction]:
    """The same range, widened to dyadic ends of about 80 bits so that arithmetic with them stays cheap."""
    return _dyadic(low, up=False), _dyadic(high, up=True)


def _dyadic(value: Fraction, *, up: bool) -> Fraction:
    if not value:
        return value
    shift = 80 - (value.numerator.bit_length() - value.denominator.bit_length())
    scale = Fraction(2**shift) if shift >= 0 else Fraction(1, 2**-shift)
    scaled = value * scale
    return (math.ceil(scaled) if up else math.floor(scaled)) / scale
