"""Error bounds of the sums that a gradient is made of, each derived from the number format. No tuned constants.

Notation: n terms, k = n - 1 additions; P and N are the exact sums of the positive terms and of the magnitudes of the
negative ones, S = P - N, M = P + N, B = max(P, N). u is the unit roundoff of the weight's dtype, eta its smallest
subnormal, hulp(t) half an ulp at t: the largest error of rounding t, at most u |t|. An addition does not underflow, so
that hulp(a + b) is all its error (Higham, *Accuracy and Stability of Numerical Algorithms*, 2nd ed., 2.2 and 2.8).

What is permitted: the terms are added in any order (any tree) in the dtype; or in any groups, each in any order by a
finer accumulator and then rounded, the results in any order in the dtype. The finer formats in use have a unit roundoff
v of at most u/2^11: float32 for the 16-bit dtypes, float64 for float32, x87's extended double for float64.

1.  The error is at most k u M for every order and every n (Jeannerod and Rump, "Improved error bounds for inner
    products in floating-point arithmetic", SIAM J. Matrix Anal. Appl. 34, 2013); with g groups it is at most
    ((1 + k v)(1 + u)(1 + (g - 1) u) - 1) M, where g <= k because a group of one is not rounded.
2.  Every partial sum of exact terms lies between -N and P. So what is rounded is at most B plus the errors made until
    then, for which the bound E of 1 stands, and what is rounded last is S plus the errors E' made until then. At most
    r = min(k, 2 g - 1) results are rounded to the dtype, so E' = (r - 1) hulp(B + E) + k v (B + E), and in all the
    error is at most E' + hulp(|S| + E'). The lesser of 1 and 2 holds.
3.  Where every term is a multiple of q, so is every partial sum, and a format holds those of up to q/u in magnitude:
    where B <= q/u nothing is rounded, in any order.
4.  Where no term is negative, fl(a + b) >= a: the computed sum s is no less than any partial sum in the dtype. So each
    rounding to the dtype has lost at most u s, and each to a finer format at most v (1 + u) s:
    S - s <= (r u + k v (1 + u)) s, or s >= S / (1 + r u + k v (1 + u)). However many terms there are, their sum never
    vanishes; 512 = 256 + 1 + ... + 1 may be 256 in bfloat16, which is this bound. The same where none is positive.
    For terms of both signs there is nothing like it: 256 + 1 + ... + 1 - 256 may be 0.

Division by a count c is exact where c is a power of two and the quotient does not underflow. Else it may be a division
or a multiplication with fl(1/c), before or after summing, and c may be rounded to the format first. That errs by u for
the count unless the format holds it, by max(u, c eta/2) for the reciprocal, and by u and eta/2 for the product: by d in
all, relative to each term, and eta/2. The magnitudes above grow by d M + n eta/2, and so does the error. Where summing
comes first, hulp is that of a sum c times as large, which divided by c may be as much as u |t|: that stands for it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, lru_cache, reduce
from operator import or_
from typing import NamedTuple

from embedding_reference.formats import FORMATS, Format
from embedding_reference.permitted import Interval

_GUARD = 16
"""Errors are rounded up to multiples of 2^-16 quanta: sums of whole numbers are cheap, and that is of no account."""

TWICE = 1 + Fraction(1, 2**10)
"""The factor on u of the error of rounding to a finer format and then to the dtype, which is at most u + v + u v."""

_SINGLE = FORMATS["float32"]


@lru_cache(maxsize=4096)
def exact_interval(component: float) -> Interval:
    """The interval of this component alone; zeros of either sign are alike."""
    if math.isfinite(component):
        return Interval.exactly(Fraction(component))
    return Interval(None, None, frozenset({str(component)}))


def exact_sum(terms: Sequence[float], form: Format) -> float | Fraction:
    """The sum of components of a format, not rounded; where some are infinite or NaN, the sum of these."""
    if len(terms) < 2:
        return terms[0] if terms else 0.0
    try:
        quanta = sum(map(form.quanta, terms))
    except (OverflowError, ValueError):  # an infinity, a NaN
        return sum(term for term in terms if not math.isfinite(term))
    return quanta * form.quantum


def gradient_intervals(
    terms: Sequence[Sequence[float]], divisors: Sequence[int], form: Format, *, lookups: int = 1, wide: bool = False
) -> list[Interval]:
    """The interval of each component of a row's gradient.

    Args:
        terms: the upstream gradients that are added, each as components; at least one.
        divisors: the divisor of each term.
        form: the dtype.
        lookups: the number of lookups that the terms belong to; the gradient of each is rounded before they are added.
        wide: whether accumulators must be at least as fine, and reach as far, as float32.
    """
    if len(terms) == divisors[0] == 1:  # a gradient of one term is that term
        return list(map(exact_interval, terms[0]))
    adding = _Adding(form, tuple(divisors), lookups, wide and form.precision < _SINGLE.precision)
    return [adding.interval(column) for column in zip(*terms)]


class _Errors(NamedTuple):
    """Bounds on errors: of the divided terms together, of a partial sum in an accumulator or anywhere, of the sum."""

    divided: int
    accumulated: int
    partial: int
    total: int


@dataclass(frozen=True)
class _Adding:
    """How the terms of each component are divided and added. Magnitudes are in units of quantum / (2^16 lcm(divisors)).

    Attributes:
        form: the dtype.
        divisors: one for each term.
        lookups: how many lookups the terms come from.
        wide: whether accumulators are float32 or better, and the dtype is not.
    """

    form: Format
    divisors: tuple[int, ...]
    lookups: int
    wide: bool

    def interval(self, column: Sequence[float]) -> Interval:
        """The interval of a component, given its terms.

        Where the positive (negative) terms alone may reach the overflow threshold, some order of summation passes
        through infinity, so infinity is permitted, and NaN where both may. A term that is NaN or infinite decides.
        """
        specials = {str(value) for value in column if not math.isfinite(value)}
        if "nan" in specials or len(specials) == 2:
            return Interval(None, None, frozenset({"nan"}))
        finite = [self.form.quanta(v) * w for v, w in zip(column, self.weights) if math.isfinite(v)]
        positive, total = sum(term for term in finite if term > 0), sum(finite)
        errors = self.errors(finite, positive, total)
        could = set()
        if self.overflows(positive, total, errors):
            could.add("inf")
        if self.overflows(positive - total, -total, errors):
            could.add("-inf")
        if specials:
            return Interval(None, None, frozenset(specials | ({"nan"} if could - specials else set())))
        low, high = total - errors.total, total + errors.total
        if positive == total:
            low = max(low, self.remaining(total - errors.divided))
        if positive == 0:
            high = min(high, -self.remaining(-total - errors.divided))
        also = frozenset(could | {"nan"} if len(could) == 2 else could)
        exact = None if low + high == 2 * total else self.value(total)
        return Interval(self.value(low), self.value(high), also, exact)

    def errors(self, terms: Sequence[int], positive: int, total: int) -> _Errors:
        """How far computed values may be from exact ones, where nothing overflows."""
        magnitude, most = 2 * positive - total, max(positive, positive - total)
        step = reduce(or_, terms, 0)
        step &= -step  # the lowest bit that is set in any of the terms: q
        whole = self.divides_exactly and not step % self.quantum  # no quotient is rounded
        if not most or (whole and most <= step << self.form.precision):
            return _Errors(0, 0, 0, 0)
        divided = 0 if whole else _times(self.division_error, magnitude) + self.lost
        step = step if whole else 0
        magnitude, most, last = magnitude + divided, most + divided, abs(total) + divided
        partial = _times(self.relative_error, magnitude)
        finer = 0 if most <= step << self.finer_bits else _times(self.additions * self.v, most + partial)
        before = finer + max(self.roundings - 1, 0) * self.rounding(most + partial, step)
        whole_sum = min(partial, before + self.rounding(last + before, step))
        accumulated = _times(self.additions * self.v, magnitude) if self.wide else partial
        return _Errors(divided, divided + accumulated, divided + partial, divided + whole_sum)

    def rounding(self, magnitude: int, step: int) -> int:
        """The largest error of rounding a multiple of `step` (0: any number) of no more than this magnitude."""
        if magnitude <= step << self.form.precision:
            return 0
        if not (self.divides_exactly or self.wide):
            return _times(self.form.unit_roundoff, magnitude)
        one = self.quantum >> _GUARD
        return one << max((magnitude // one).bit_length() - self.form.precision - 1, _GUARD - 1)

    def remaining(self, magnitude: int) -> int:
        """The least that terms of one sign and of this sum may add up to."""
        return magnitude * self.greatest_loss.denominator // self.greatest_loss.numerator

    def overflows(self, positive: int, total: int, errors: _Errors) -> bool:
        """Whether the sum may be plus infinity: a partial sum, divided or not, or the sum when it is rounded."""
        accumulator = _SINGLE if self.wide else self.form
        first = max(self.divisors) if self.additions else 1  # terms may be added first and divided last
        undivided = (positive + errors.accumulated) * first
        result = total + errors.total if self.groups == 1 else positive + errors.partial
        return undivided >= self.units(accumulator.overflow) or result >= self.units(self.form.overflow)

    # -- what does not depend on the terms ----------------------------------------------------------------------------

    @cached_property
    def quantum(self) -> int:
        """The dtype's smallest subnormal."""
        return reduce(_common_multiple, set(self.divisors), 1) << _GUARD

    @cached_property
    def weights(self) -> list[int]:
        """The quantum of each term after its division, in units."""
        return [self.quantum // divisor for divisor in self.divisors]

    def units(self, value: Fraction) -> int:
        """A value that is a whole number of quanta, in units."""
        return int(value / self.form.quantum) * self.quantum

    def value(self, units: int) -> Fraction:
        """Units as a value; every quantum is 1 over a power of two."""
        return Fraction(units, self.quantum * self.form.quantum.denominator)

    @cached_property
    def additions(self) -> int:
        """The number k of additions."""
        return len(self.divisors) - 1

    @cached_property
    def groups(self) -> int:
        """The number g of groups, at most."""
        return self.lookups if self.wide else max(self.additions, 1)

    @cached_property
    def roundings(self) -> int:
        """The number r of roundings to the dtype, but for divisions: a single term only comes out of a finer format."""
        return min(2 * self.groups - 1, self.additions) if self.additions else int(self.wide)

    @cached_property
    def finer_bits(self) -> int:
        """The precision of the finer format: v is 2 to minus that."""
        return _SINGLE.precision if self.wide else self.form.precision + 11

    @cached_property
    def v(self) -> Fraction:
        """Unit roundoff of the finer format."""
        return Fraction(1, 2**self.finer_bits)

    @cached_property
    def relative_error(self) -> Fraction:
        """Of a sum, against the magnitudes of what is added, as in 1."""
        u = self.form.unit_roundoff
        finer = 1 + self.additions * self.v
        return finer * (1 + u) * (1 + (self.groups - 1) * u) - 1 if self.roundings else Fraction(0)

    @cached_property
    def greatest_loss(self) -> Fraction:
        """1 + r u + k v (1 + u), as in 4."""
        u = self.form.unit_roundoff
        return 1 + self.roundings * u + self.additions * self.v * (1 + u)

    @cached_property
    def divides_exactly(self) -> bool:
        """Whether every divisor is a power of two."""
        return not any(divisor & (divisor - 1) for divisor in self.divisors)

    @cached_property
    def divides_in(self) -> Format:
        """The coarsest format in which quotients may be computed."""
        return _SINGLE if self.wide else self.form

    @cached_property
    def division_error(self) -> Fraction:
        """The relative error d of a quotient, unless it underflows."""
        if self.divides_exactly:
            return Fraction(0)
        return max(_division_error(count, self.divides_in) for count in set(self.divisors))

    @cached_property
    def lost(self) -> int:
        """What division may lose by underflow: n eta/2, and what rounding its results to the dtype may, r eta/2."""
        halves = len(self.divisors) * self.divides_in.quantum / self.form.quantum + (self.roundings if self.wide else 0)
        return math.ceil(halves * self.quantum / 2)


def _division_error(count: int, form: Format) -> Fraction:
    u = form.unit_roundoff * TWICE
    counted = 0 if form.round(count) == count else u
    return (1 + max(u, count * form.quantum / 2)) * (1 + u) / (1 - counted) - 1


def _times(factor: Fraction, magnitude: int) -> int:
    """The product, rounded up."""
    return -(-magnitude * factor.numerator // factor.denominator)


def _common_multiple(one: int, other: int) -> int:
    """The least common multiple; `math.lcm` came with Python 3.9."""
    return one * other // math.gcd(one, other)
