"""Error bounds of rescaled rows, each derived from the number format (`sums` has those of sums).

Notation: u is the unit roundoff of the weight's dtype, eta its smallest subnormal, fl() a rounding to nearest. The
standard model (Higham, *Accuracy and Stability of Numerical Algorithms*, 2nd ed., section 2.2, with the underflow term
of section 2.8) is fl(a op b) = (a op b)(1 + d) + e with |d| <= u and |e| <= eta/2, where e is 0 for addition. What is
computed in a finer format first, where v <= u/2^11 (`sums`), errs by u + v + u v: below, u stands for that.
"""

from __future__ import annotations

import decimal
import functools
import math
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from embedding_reference.formats import FORMATS, Format
from embedding_reference.permitted import Interval
from embedding_reference.sums import TWICE

EPSILON = Fraction(1, 10**7)
"""torch divides by (norm + 1e-7); an implementation may use any epsilon from 0 to this."""

POW_ULPS = 4
"""The largest error of `pow` that is accepted, in ulps: what NVIDIA's CUDA programming guide states for `powf`, the
loosest among the mathematical libraries that embeddings are built on (glibc and SLEEF promise 1). None of them has a
`pow` for 16-bit numbers: they round float32's."""

_SINGLE = FORMATS["float32"]
_DIGITS = decimal.Context(prec=28, Emin=decimal.MIN_EMIN, Emax=decimal.MAX_EMAX, traps=[])
"""Results beyond the exponent range become infinity, zero or NaN; none of these ever is an end of an interval."""

_SLACK = Decimal("1e-24")
"""Relative error of p-norms taken with 28 decimal digits: far below any format's u, and allowed for all the same."""

_LOG_ERROR = 1e-9
"""The same for logarithms in float64, which only enter error terms."""

_HUGE = Decimal("1e1000")
"""Above the p-norm of any row, but for p so small that it makes no difference how far above."""


class Norm(NamedTuple):
    """Where the computed p-norm of a row may lie; `high` is None where it may overflow to infinity."""

    low: Fraction
    high: Fraction | None


def norm_interval(components: Sequence[float], p: float, form: Format, *, wide: bool = False) -> Norm:
    """Bounds on the p-norm of a row as computed in arithmetic no worse than the dtype's.

    The infinity norm of real numbers is exact. Any other is the p-th root of S, the sum of D powers |x_i|^p.

    A power errs relatively by t, and by a where it underflows. Adding D terms of one sign adds at most s = (D - 1) u of
    their sum, and leaves at least 1 / (1 + s) of it (`sums`). So the sum becomes at most
    (S (1 + t) + D a)(1 + s), and at least (S (1 - t) - D a) / (1 + s). Its root errs by r, and by as much as a power
    where it underflows. A magnitude is its own first power, a square is a product, any other power is `pow`, which is
    good to `POW_ULPS`. So is the root, for p = 1 and p = 2 too: torch's kernel for CUDA takes it by `pow` for every p.

    The norm is homogeneous: where each |x_i| errs relatively by m, so does the norm. That goes for the modulus of a
    complex number; and for dividing by the largest magnitude, by which robust implementations multiply the root again:
    two roundings. Rounding the exponent p multiplies |x|^p by at most exp(p u |ln |x||), and the root by at most
    exp(u |ln norm|), as does rounding 1/p. The modulus neither overflows nor underflows on the way (`hypot`), but for
    p = 2 real and imaginary parts may be squared and added like others.

    Args:
        components: the row, all finite; for a complex dtype (real, imaginary) pairs, whose modulus counts.
        p: the order, positive, or infinity.
        form: the dtype.
        wide: if true, assume arithmetic of float32 or better that neither overflows nor underflows on the way; the
            result may be rounded to the dtype.

    Returns:
        The interval that holds every norm that a conforming implementation may compute.
    """
    if math.isinf(p) and form.kind != "complex":
        largest = Fraction(max(map(abs, components), default=0.0))
        return Norm(largest, largest)
    with decimal.localcontext(_DIGITS):
        moduli = _moduli(components, form)
        top = max(moduli, default=Decimal(0))
        if not top:
            return Norm(Fraction(0), Fraction(0))
        errs = _arithmetic(form, wide)
        modulus_error = 4 * errs.u if form.kind == "complex" else Decimal(0)
        if math.isinf(p):
            error = modulus_error + _SLACK
            low, high = top * (1 - error) - errs.half_quantum, top * (1 + error) + errs.half_quantum
            return _norm(low, high, overflows=_log(high) > errs.overflow)
        order = Decimal(p)
        spread = sum([_power(m / top, order) for m in moduli if m], Decimal(0))  # S / top^p, from 1 to D
        log_sum, norm = p * _log(top) + _log(spread), top * _power(spread, 1 / order)

        count = len(components) if p == 2 else len(moduli)
        t, a = errs.of_power(p)
        if a and not wide:
            t += Decimal(_log(count * a) - log_sum + _LOG_ERROR * abs(log_sum)).exp()
        s = (count - 1) * errs.u
        least, greatest = max(1 - t, Decimal(0)) / (1 + s), (1 + t) * (1 + s)

        held, inverted = form.round(p) == p, math.frexp(p)[0] == 0.5  # whether p and 1/p are numbers of the format
        extremes = abs(_log(top)), abs(_log(min(m for m in moduli if m)))
        exponents = (not held) * max(extremes) + ((not held) + (not inverted)) * abs(_log(norm))
        error = (1 + modulus_error) * (1 + errs.u) ** 2 * (1 + errs.pow) * (1 + errs.stored) * (1 + _SLACK)
        error = error * Decimal(float(errs.u) * exponents * (1 + _LOG_ERROR)).exp() - 1
        low = norm * _power(least, 1 / order) * (1 - error) - errs.pow_lost
        high = norm * _power(greatest, 1 / order) * (1 + error) + errs.pow_lost
        overflows = max(log_sum + _log(greatest), _log(high)) > errs.overflow
        return _norm(low, high, overflows=overflows)


norm_interval_of_tuple = functools.lru_cache(maxsize=1024)(norm_interval)
"""The same for a tuple, kept for the other models that a case is judged by."""


def storing_error(value: float, form: Format) -> Fraction:
    """Error of `value` where it is rounded to the dtype, or to any wider format; 0 where the dtype holds it."""
    exact = Fraction(value)
    return Fraction(0) if form.round(value) == value else max(exact * form.unit_roundoff, form.quantum / 2)


def rescaling(
    norm: Norm, max_norm: float, form: Format, *, wide: bool = False, start: Fraction | None = None
) -> tuple[Fraction, Fraction]:
    """(least, greatest) factor by which a row above max_norm is multiplied, as computed.

    The factor is max_norm / (norm + e) with 0 <= e <= `EPSILON`; max_norm and e may be rounded to the dtype. The sum,
    its reciprocal and the product of that with max_norm contribute one rounding each. Both may underflow: the product
    by eta/2, and the reciprocal by as much times max_norm. Where they are computed in float32 (`wide`), neither does,
    and the factor may then be rounded to the dtype. The product, computed in a finer format, has an error before
    it is rounded (`product_interval`). Only a row whose computed norm exceeds max_norm is rescaled, so the norm is no
    less than that, but for one rounding after the comparison. In a fault model it is compared with `start` instead.
    """
    (roundings, epsilon), limit, slack = (
        _rescaling_errors(form, wide),
        Fraction(max_norm),
        storing_error(max_norm, form),
    )
    half_quantum = form.quantum / 2 * (1 if wide else 1 + limit * (1 + form.unit_roundoff * TWICE))
    least = Fraction(0) if norm.high is None else (limit - slack) / (norm.high + epsilon) / roundings - half_quantum
    low = max(norm.low, ((limit if start is None else start) - slack) / (1 + form.unit_roundoff))
    greatest = ((limit + slack) / low if low > 0 else Fraction(1)) * roundings + half_quantum
    return _outward(max(least, Fraction(0)), greatest)


@functools.lru_cache(maxsize=None)  # noqa: UP033 - for Python 3.8
def _rescaling_errors(form: Format, wide: bool) -> tuple[Fraction, Fraction]:
    """The factor by which the roundings of a rescaling may be off, and the largest epsilon as it may be stored."""
    inner = _inner(form, wide=wide)
    roundings = (1 + inner.unit_roundoff * TWICE) ** 3 * (1 + form.unit_roundoff / 2**11)
    if inner is not form:
        roundings *= 1 + form.unit_roundoff
    return roundings, EPSILON + storing_error(float(EPSILON), inner)


def product_interval(
    component: float, factors: tuple[Fraction, Fraction], form: Format, lost: Fraction = Fraction(0)
) -> Interval:
    """What `component` times a factor in the given range may be, rounded to the dtype.

    `lost` is what a step between may underflow by (`lost_between`).
    """
    magnitude = abs(Fraction(component))
    if not magnitude:
        return Interval.exactly(magnitude)
    least, greatest = max(magnitude * factors[0] - lost, Fraction(0)), magnitude * factors[1] + lost
    low, high = max(least - form.ulp(least) / 2, Fraction(0)), greatest + form.ulp(greatest) / 2
    return Interval(low, high) if component > 0 else Interval(-high, -low)


def lost_between(norm: Norm, max_norm: float, form: Format) -> Fraction:
    """What a row may lose where the component is taken times max_norm before it is divided, or after.

    component / norm loses eta/2 by underflow, and so its product with max_norm as much times max_norm; component *
    max_norm loses eta/2, and so its quotient by the norm as much over the norm, which is rounded once more.
    """
    low = _least_rescaled(norm, max_norm, form)
    first = form.quantum / 2 * (1 + form.unit_roundoff * TWICE) / low if low > 0 else form.largest
    return max(Fraction(max_norm) * form.quantum / 2, first if max_norm else Fraction(0))


def overflowing(component: float, product: Interval, norm: Norm, max_norm: float, form: Format) -> Interval:
    """The interval of a product, and what overflow on the way makes of it.

    component * max_norm may overflow before it is divided by the norm, which may overflow, too; and so may the
    reciprocal of a norm that is subnormal.
    """
    also, sign = set(), "inf" if component > 0 else "-inf"
    if abs(Fraction(component)) * Fraction(max_norm) * (1 + form.unit_roundoff) >= form.overflow:
        also |= {sign} if norm.high is not None else {sign, "nan"}
    if max_norm and _least_rescaled(norm, max_norm, form) * form.overflow <= 1 + form.unit_roundoff * TWICE:
        also.add(sign if component else "nan")
    return replace(product, also=product.also | also) if also else product


def _least_rescaled(norm: Norm, max_norm: float, form: Format) -> Fraction:
    """The least norm by which a row is divided: it is above max_norm, but for roundings."""
    return max(norm.low, (Fraction(max_norm) - storing_error(max_norm, form)) / (1 + form.unit_roundoff))


def powers(factors: tuple[Fraction, Fraction], times: int) -> tuple[Fraction, Fraction]:
    """The powers of two factors, the first rounded down and the second up, so that high powers stay cheap."""
    (least, greatest), (low, high) = (Fraction(1), Fraction(1)), factors
    while times:
        if times % 2:
            least, greatest = _outward(least * low, greatest * high)
        low, high = _outward(low**2, high**2)
        times //= 2
    return least, greatest


class _Arithmetic(NamedTuple):
    """The errors of the coarsest arithmetic that is permitted.

    Attributes:
        u: the relative error of an operation.
        pow: the relative error of a power.
        stored: the relative error of rounding the result to the dtype, where it is computed in another.
        half_quantum: the absolute error of rounding to a subnormal of the dtype.
        pow_lost: the absolute error of a power that is subnormal.
        overflow: the natural logarithm of the least magnitude that may overflow.
    """

    u: Decimal
    pow: Decimal
    stored: Decimal
    half_quantum: Decimal
    pow_lost: Decimal
    overflow: float

    def of_power(self, p: float) -> tuple[Decimal, Decimal]:
        """The relative and the absolute error of the p-th power."""
        if p == 1:
            return Decimal(0), Decimal(0)
        return (self.u, self.half_quantum) if p == 2 else (self.pow, self.pow_lost)


@functools.lru_cache(maxsize=None)  # noqa: UP033 - for Python 3.8
def _arithmetic(form: Format, wide: bool) -> _Arithmetic:
    inner = _inner(form, wide=wide)
    u, half_quantum = Decimal(float(inner.unit_roundoff * TWICE)), Decimal(float(form.quantum)) / 2
    library = 2 * POW_ULPS * min(u, Decimal(float(_SINGLE.unit_roundoff)))
    return _Arithmetic(
        u,
        library if inner.precision >= _SINGLE.precision else library + u,
        Decimal(0) if inner is form else Decimal(float(form.unit_roundoff)),
        half_quantum,
        half_quantum if wide else 2 * POW_ULPS * half_quantum,
        math.inf if wide else math.log(form.largest) * (1 - _LOG_ERROR),
    )


def _inner(form: Format, *, wide: bool) -> Format:
    """The coarsest format in which norms and factors may be computed."""
    return _SINGLE if wide and form.precision < _SINGLE.precision else form


def _norm(low: Decimal, high: Decimal, *, overflows: bool) -> Norm:
    """The interval from `low` to `high`, with ends near zero replaced by zero, and huge ones by infinity."""
    least = Fraction(min(low, _HUGE)) if low * _HUGE > 1 else Fraction(0)
    return Norm(least, None if overflows or not high < _HUGE else Fraction(high))


def _moduli(components: Sequence[float], form: Format) -> list[Decimal]:
    """Magnitudes of the elements."""
    if form.kind != "complex":
        return [Decimal(abs(c)) for c in components]
    pairs = zip(components[0::2], components[1::2])
    return [(Decimal(re) ** 2 + Decimal(im) ** 2).sqrt() for re, im in pairs]


def _power(base: Decimal, exponent: Decimal) -> Decimal:
    """`base` to the power of `exponent`, quickly where that is half of an integer."""
    if exponent == exponent.to_integral_value():
        return base**exponent
    if 2 * exponent == (2 * exponent).to_integral_value():
        return base.sqrt() ** (2 * exponent)
    return (base.ln() * exponent).exp()


def _log(value: Decimal) -> float:
    """The natural logarithm, also of what a float cannot hold."""
    exponent = value.adjusted()
    return math.log(float(value.scaleb(-exponent))) + exponent * math.log(10)


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
