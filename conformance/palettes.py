"""Tensor contents worth testing with, each a name and a seed: one Hypothesis draw instead of one per element."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from itertools import cycle, islice

from reference import FORMATS, Format, Tensor

FINITE = ("counting", "normal", "wide", "tiny", "huge", "cancelling")
"""Names of the palettes without NaN or infinity, simplest first."""

MODERATE = ("counting", "normal")
"""Names of the palettes whose powers and sums stay far from overflow and underflow in every dtype."""

ANY = (*FINITE, "specials", "bits")
"""Names of all palettes."""


def fill(palette: str, dtype: str, shape: Sequence[int], seed: int) -> Tensor:
    """A tensor of the given dtype and shape.

    Args:
        palette: a name in `ANY`.
        dtype: a floating-point or complex dtype.
        shape: its shape.
        seed: picks the content.
    """
    form = FORMATS[dtype]
    count = form.components
    for length in shape:
        count *= length
    rng = random.Random(seed)  # noqa: S311 - test data
    return Tensor(dtype, tuple(shape), _PALETTES[palette](form, count, rng))


def _counting(form: Format, count: int, rng: random.Random) -> bytes:
    """1, 2, 3, ... 64, 1, ...: sums are easy to check by hand."""
    start = rng.randrange(64)
    return form.encode([float((start + i) % 64 + 1) for i in range(count)])


def _normal(form: Format, count: int, rng: random.Random) -> bytes:
    return form.encode([rng.gauss(0, 1) for _ in range(count)])


def _wide(form: Format, count: int, rng: random.Random) -> bytes:
    """Magnitudes from everywhere in the middle half of the exponent range."""
    low, high = form.emin // 2, form.emax // 2
    return form.encode([rng.uniform(-1, 1) * 2.0 ** rng.randint(low, high) for _ in range(count)])


def _tiny(form: Format, count: int, rng: random.Random) -> bytes:
    """Subnormals and the smallest normals, of both signs."""
    return form.encode(
        [float(form.quantum) * rng.randint(-(2**form.precision), 2**form.precision) for _ in range(count)]
    )


def _huge(form: Format, count: int, rng: random.Random) -> bytes:
    """Within a factor of two of the largest finite value, of both signs."""
    largest = float(form.largest)
    return form.encode([rng.choice((-1, 1)) * largest * rng.uniform(0.5, 1) for _ in range(count)])


def _cancelling(form: Format, count: int, rng: random.Random) -> bytes:
    """Pairs that nearly cancel, so that a sum is small against its terms."""
    values: list[float] = []
    while len(values) < count:
        value = rng.gauss(0, 1) * 2.0 ** rng.randint(0, 8)
        values += [value, -value * (1 + rng.choice((0, 1, -1)) * float(form.unit_roundoff) * 2)]
    return form.encode(values[:count])


def _specials(form: Format, count: int, rng: random.Random) -> bytes:
    """NaNs of several payloads, infinities, zeros of both signs, subnormals, the largest and smallest, shuffled."""
    patterns = _special_patterns(form)
    rng.shuffle(patterns)
    return b"".join(islice(cycle(patterns), count))


def _bits(form: Format, count: int, rng: random.Random) -> bytes:
    """Random bits: every pattern that the dtype has."""
    return rng.randbytes(count * form.component_size)


def _special_patterns(form: Format) -> list[bytes]:
    size, fraction_bits = form.component_size, form.precision - 1
    infinity = int.from_bytes(form.encode([float("inf")]), "little")
    sign = 1 << (8 * size - 1)
    quiet = 1 << (fraction_bits - 1)
    one = int.from_bytes(form.encode([1.0]), "little")
    smallest_normal = 1 << fraction_bits
    positive = [
        0,
        1,
        smallest_normal - 1,
        smallest_normal,
        one,
        infinity - 1,
        infinity,
        infinity | 1,  # a signalling NaN
        infinity | quiet,
        infinity | quiet | 5,
    ]
    return [(p | s).to_bytes(size, "little") for p in positive for s in (0, sign)]


_PALETTES: dict[str, Callable[[Format, int, random.Random], bytes]] = {
    "counting": _counting,
    "normal": _normal,
    "wide": _wide,
    "tiny": _tiny,
    "huge": _huge,
    "cancelling": _cancelling,
    "specials": _specials,
    "bits": _bits,
}
