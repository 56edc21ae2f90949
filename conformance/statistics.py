"""Is a fresh weight a draw from N(0, 1)? Judged with a stated probability of a false alarm."""

from __future__ import annotations

import math
from itertools import groupby

from conformance.judge import Deviation
from reference import Tensor

ROWS, COLUMNS = 1000, 200
FALSE_ALARM = 1e-9 / 64
"""Probability of accusing a correct implementation, a table: 1e-9 a run of up to 64 tables, dtypes by devices."""


def judge_normal(weight: Tensor) -> None:
    """Judge that the components are independent draws from the normal distribution with variance 1 an element.

    The statistic is the largest distance D between the empirical distribution function of n components and the normal
    one. P(D > e) <= 2 exp(-2 n e^2) for every n (Massart, "The tight constant in the Dvoretzky-Kiefer-Wolfowitz
    inequality", Ann. Probab. 18, 1990), which is solved for e. The functions are compared halfway between neighbouring
    values of the dtype, where rounding a draw to the dtype does not change on which side it lies. A complex element has
    variance 1 in all, so each component has 1/2.

    Raises:
        Deviation: the distance is beyond e.
    """
    form = weight.format
    components = sorted(weight.components())
    count = len(components)
    scale = math.sqrt(2 / form.components)
    limit = math.sqrt(math.log(2 / FALSE_ALARM) / (2 * count))
    seen, worst, place = 0, 0.0, 0.0
    for value, alike in groupby(components):
        if not math.isfinite(value):
            raise Deviation("a fresh weight holds what no normal draw gives", expected="finite", observed=str(value))
        ulp = float(form.ulp(value))
        towards_zero = ulp / 2 if abs(math.frexp(value)[0]) == 0.5 else ulp  # the spacing halves below a power of two
        below, above = (towards_zero, ulp) if value > 0 else (ulp, towards_zero)
        before = abs(seen / count - _normal_below((value - below / 2) / scale))
        seen += sum(1 for _ in alike)
        distance = max(before, abs(seen / count - _normal_below((value + above / 2) / scale)))
        if distance > worst:
            worst, place = distance, value
    if worst > limit:
        raise Deviation(
            "a fresh weight is not a draw from N(0, 1)",
            expected=f"a distribution within {limit:.5f} of it ({count} values, false alarms {FALSE_ALARM:.1e})",
            observed=f"a distance of {worst:.5f} at {place:.4g}",
        )


def _normal_below(x: float) -> float:
    """The normal distribution function at x times the square root of 2."""
    return 0.5 * math.erfc(-x)
