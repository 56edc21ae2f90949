"""Is a table a draw from N(0, 1)? Judged with a stated probability of a false alarm.

Every test is on counts whose distribution is exactly binomial: of draws beyond a threshold, or of pairs that differ in
sign. Rounding to the dtype, in any direction, does not move a draw across a threshold that the dtype can represent, and
does not change its sign; so the tests do not depend on the dtype. Only, an element of a complex dtype has variance 1 in
all: each of its two components counts as a column of its own, with variance 1/2.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, combinations
from typing import NamedTuple

from embedding_conformance.judging.compare import Deviation
from embedding_reference import Tensor

NOT_DRAWN = "a weight is not drawn from N(0, 1)"
"""The symptom of whatever is wrong with a fresh weight: a fault in drawing it shows in several ways."""

FALSE_ALARM = 1e-9
"""The probability that a run finds a correct implementation to deviate."""

JUDGEMENTS = 1000
"""The number of judgements that share `FALSE_ALARM` equally; a run makes ten for each pair of a dtype and a device."""

TALL, WIDE = (2100, 130), (130, 2100)
"""The tables to judge: the number of rows, and of components in a row.

With so many draws, a standard deviation that is off by 5 %, or a mean that is off by 0.05, goes unnoticed with a
probability below 1e-23. The tables exceed the powers of two at which drawing could stop: 2^18 components, 2^11 rows or
columns.
"""

THRESHOLDS = tuple(k / 4 for k in range(-40, 41))
"""The thresholds at which the distribution function of a table is judged."""

LINE_THRESHOLDS = (-1.0, -0.25, 0.0, 0.25, 1.0)
"""The same for a row or column, which lies on one side of a threshold altogether if it was not drawn."""

STEP = 7
"""The stretches that start at multiples of it are compared with those of `STEP` neighbours in each `STEP` squared, to
find one that is repeated: of any two starts, some pair at most so far on is a pair of these."""

_DIGITS = bytes(b"01"[byte >> 7] for byte in range(256))


class _Count(NamedTuple):
    """A number of successes among independent trials.

    Attributes:
        chi_square: its squared distance from the expected number, in variances; quick, and no less than its surprise.
        successes: the number.
        trials: the number of trials.
        chance: the probability of a success.
        what: what is counted, as the parts of a text.
    """

    chi_square: float
    successes: int
    trials: int
    chance: float
    what: tuple[object, ...]

    @property
    def surprise(self) -> float:
        """The count has a probability of at most exp(-surprise): the exponent n D(a, p) of Chernoff's bound."""
        return _surprise(self.successes, self.trials, self.chance)


def judge_normal(weight: Tensor) -> float:
    """Judge the distribution of all components together.

    Returns:
        The largest surprise as a fraction of the one at which the weight is rejected (1.0 is the edge).

    Raises:
        Deviation: they are not drawn from N(0, 1), or not finite.
    """
    counts = _beyond(("of all",), sorted(_finite(weight)), _chances(THRESHOLDS, weight))
    return _judge("a weight is not a draw from N(0, 1)", counts)


def judge_lines(weight: Tensor) -> float:
    """Judge the distribution of each row and of each column, coarsely: was it drawn at all?

    Returns:
        As `judge_normal`.

    Raises:
        Deviation: a row or a column is not drawn from N(0, 1), or not finite.
    """
    components, chances = _finite(weight), _chances(LINE_THRESHOLDS, weight)
    rows, width = weight.shape[0], len(components) // weight.shape[0]
    lines = {("of row", r): components[r * width : (r + 1) * width] for r in range(rows)}
    lines |= {("of column", c): components[c::width] for c in range(width)}
    counts = (_beyond(name, sorted(line), chances) for name, line in lines.items())
    return _judge("a part of a weight is not a draw from N(0, 1)", (count for line in counts for count in line))


def judge_independent(weight: Tensor) -> float:
    """Judge whether the signs of some components predict those of others.

    Components are paired within a row at each distance, with those of the rows at each distance, and between any two
    rows or any two columns, whichever are fewer. Signs of independent draws are fair coins, and so is whether two of
    them differ; at one distance along the table, or between two rows or columns, these coins are independent too.

    Returns:
        As `judge_normal`.

    Raises:
        Deviation: two parts of the weight have too many signs in common, or too few.
    """
    signs, width = _signs(weight), len(weight.components()) // weight.shape[0]
    columns = [signs[c::width] for c in range(width)]
    rows = [signs[start : start + width] for start in range(0, len(signs), width)]
    lines = (rows, "rows") if len(rows) < len(columns) else (columns, "columns")
    return _judge("elements of a weight are not independent", [*_at_distances(signs, width), *_between(*lines)])


def judge_unrepeated(*weights: Tensor) -> None:
    """Judge that no stretch of signs along the rows occurs twice, as it is or inverted, in one weight or in two.

    From each component to the next, the sign changes or not: a fair coin. Two stretches of k such coins, which may
    overlap, are equal with probability 2^-k. Among n coins there are fewer than n^2/2 pairs of stretches.

    Raises:
        Deviation: a stretch occurs twice.
    """
    signs = b"".join(map(_signs, weights))
    count, number = len(signs) - 1, int(signs, 2)
    changes = f"{(number ^ (number >> 1)) & ((1 << count) - 1):0{count}b}"
    length = math.ceil(math.log2(count**2 / 2 * JUDGEMENTS / FALSE_ALARM))
    starts = range(count - length + 1)
    known = {changes[at : at + length]: at for at in starts[::STEP]}
    for at in chain.from_iterable(starts[block : block + STEP] for block in starts[:: STEP**2]):
        alike = known.get(changes[at : at + length], at)
        if alike != at:
            raise Deviation(
                "a part of a weight comes twice",
                expected=f"no {length + 1} components with the signs of {length + 1} others, or all opposite ones",
                observed=f"those from component {at} on, along the rows, have those of component {alike} on",
                symptom=NOT_DRAWN,
            )


def _judge(summary: str, counts: Iterable[_Count]) -> float:
    """Judge counts, any of which may be too small or too large.

    Chernoff's bound: of n independent trials with probability p, a fraction of a or less (a < p) succeeds with
    probability at most exp(-n D(a, p)), where D(a, p) = a ln(a/p) + (1-a) ln((1-a)/(1-p)), and likewise a or more
    (a > p) (Hoeffding, "Probability inequalities for sums of bounded random variables", J. Amer. Statist. Assoc. 58,
    1963, theorem 1). The judgement's share of the false alarms is divided by the number of such tails. D(a, p) is at
    most (a - p)^2 / p (1 - p), which is quicker, so that the surprise is computed only where that is above the limit.
    """
    judged = list(counts)
    limit = math.log(2 * len(judged) * JUDGEMENTS / FALSE_ALARM)
    suspects = [count for count in judged if count.chi_square > limit] or [max(judged)]
    worst = max(suspects, key=lambda count: count.surprise)
    if worst.surprise > limit:
        raise Deviation(
            summary,
            expected=f"about {worst.trials * worst.chance:.0f} of {worst.trials} {' '.join(map(str, worst.what))}",
            observed=f"{worst.successes}, whose probability is below 1e-{int(worst.surprise / math.log(10))}",
            symptom=NOT_DRAWN,
        )
    return worst.surprise / limit


def _count(successes: int, trials: int, chance: float, what: tuple[object, ...]) -> _Count:
    expected = trials * chance
    return _Count((successes - expected) ** 2 / (expected * (1 - chance)), successes, trials, chance, what)


def _surprise(successes: int, trials: int, chance: float) -> float:
    parts = ((successes, trials * chance), (trials - successes, trials * (1 - chance)))
    return sum(count * math.log(count / expected) for count, expected in parts if count)  # 0 ln 0 is 0


def _chances(thresholds: Sequence[float], weight: Tensor) -> Sequence[tuple[float, float]]:
    """Each threshold, with the probability that a draw lies further from 0, on its side of 0."""
    scale = _scale(weight)
    return [(threshold, 0.5 * math.erfc(abs(threshold) / scale / math.sqrt(2))) for threshold in thresholds]


def _beyond(
    name: tuple[object, ...], line: Sequence[float], chances: Sequence[tuple[float, float]]
) -> Iterator[_Count]:
    """How many draws of a sorted line lie further from 0 than each threshold, on its side of 0.

    Of the draws that are equal to the threshold, an unknown number was rounded to it from beyond; the least surprising
    number is taken.
    """
    for threshold, chance in chances:
        fewest, most, side = bisect_left(line, threshold), bisect_right(line, threshold), "below"
        if threshold > 0:
            fewest, most, side = len(line) - most, len(line) - fewest, "above"
        successes = min(max(fewest, round(len(line) * chance)), most)
        yield _count(successes, len(line), chance, (*name, side, threshold))


def _at_distances(signs: bytes, width: int) -> Iterator[_Count]:
    """How many pairs at a distance along the table differ in sign: shorter than a row, or a multiple of its length."""
    number = int(signs, 2)
    for distance in (*range(1, width), *range(width, len(signs), width)):
        pairs = len(signs) - distance
        differ = (number ^ (number >> distance)).bit_count() - (number >> pairs).bit_count()  # those without a partner
        yield _count(differ, pairs, 0.5, ("pairs of components", distance, "apart to differ in sign"))


def _between(lines: Sequence[bytes], what: str) -> Iterator[_Count]:
    """How many components differ in sign between any two lines."""
    numbers = [int(line, 2) for line in lines]
    for (i, a), (j, b) in combinations(enumerate(numbers), 2):
        yield _count((a ^ b).bit_count(), len(lines[0]), 0.5, ("signs to differ between", what, i, "and", j))


def _finite(weight: Tensor) -> Sequence[float]:
    """The components of the weight.

    Raises:
        Deviation: one is not finite, or all are zero.
    """
    components = weight.components()
    if not any(components):
        raise Deviation("a fresh weight is all zero", expected="a draw", observed="zeros", symptom=NOT_DRAWN)
    if not all(map(math.isfinite, components)):
        first = next(c for c in components if not math.isfinite(c))
        raise Deviation(
            "a weight holds what no normal draw gives", expected="finite", observed=str(first), symptom=NOT_DRAWN
        )
    return components


def _scale(weight: Tensor) -> float:
    """The standard deviation of a component: 1, or sqrt(1/2) of a complex element."""
    return math.sqrt(1 / weight.format.components)


def _signs(weight: Tensor) -> bytes:
    """A digit for each component, which must be finite: 1 for a negative one, else 0."""
    size = weight.format.component_size
    _finite(weight)
    return weight.data[size - 1 :: size].translate(_DIGITS)
