"""Palettes: contents of tensors, each given by a name and a seed, so that a tensor takes one Hypothesis draw."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from itertools import cycle, islice
from typing import NamedTuple

from embedding_reference import FORMATS, Format, Tensor

FINITE = ("counting", "normal", "wide", "tiny", "huge", "cancelling")
"""Names of the palettes without NaN or infinity, simplest first."""

UPSTREAMS = ("counting", "ones", *FINITE[1:])
"""The same for upstream gradients, and "ones", which is the upstream gradient of a sum."""

MODERATE = ("counting", "normal")
"""Names of the palettes whose powers and sums stay far from overflow and underflow in every dtype."""

SUMMABLE = ("counting", "ones", "normal")
"""The same for upstream gradients; a sum of thousands of ones is finite in every dtype."""

NEAR = "near the limit"
"""The name of the palette `near`, which takes max_norm and norm_type."""

MODERATE_OR_NEAR = (*MODERATE, NEAR, NEAR)
"""Names of the palettes for clauses on max_norm, where norms neither overflow nor underflow."""

ANY = (*FINITE, "specials", "bits")
"""Names of all palettes for weights."""

EXTREME = ("wide", "tiny", "huge")
"""Names of the palettes whose powers and sums may overflow or underflow."""

_EXTREME = frozenset(FINITE) - frozenset(MODERATE)

_COUNTING = frozenset({"counting", "ones"})

_NOT_FINITE = frozenset({"specials", "few specials", "bits"})

REPEATS_FROM = 4093
"""Elements after which the content repeats, to stay fast; a prime, so that elements a power of two apart differ."""


def fill(palette: str, dtype: str, shape: Sequence[int], seed: int) -> Tensor:
    """A tensor of the given dtype and shape.

    Args:
        palette: the name of any palette but `NEAR`.
        dtype: a floating-point or complex dtype.
        shape: the shape of the tensor.
        seed: selects the content: the same arguments give the same bits.

    Raises:
        KeyError: there is no palette or dtype of this name.
    """
    form = FORMATS[dtype]
    count = form.components * math.prod(shape)
    rng = random.Random(seed)  # noqa: S311 - test data
    block = _PALETTES[palette](form, min(count, REPEATS_FROM * form.components), rng)
    size = count * form.component_size
    return Tensor(dtype, tuple(shape), (block * -(-size // max(len(block), 1)))[:size])


class Extent(NamedTuple):
    """How far the components of a tensor extend.

    Attributes:
        is_finite: whether there is neither NaN nor infinity.
        counts: whether all are whole numbers from 1 on.
        least: the least magnitude beside zero; infinity where there is none.
        greatest: the greatest magnitude; 0 where there is none.
    """

    is_finite: bool
    counts: bool
    least: float
    greatest: float


def extent_of(tensor: Tensor) -> Extent:
    """The extent of a tensor's components."""
    components = tensor.block_components()
    magnitudes = [*map(abs, components)]
    if not all(map(math.isfinite, magnitudes)):
        return Extent(is_finite=False, counts=False, least=0.0, greatest=math.inf)
    counts = all(component >= 1 and component % 1 == 0 for component in components)
    return Extent(True, counts, min(filter(None, magnitudes), default=math.inf), max(magnitudes, default=0.0))


def may_have(names: Sequence[str], extent: Extent) -> bool:
    """Whether a tensor of this extent is one that palettes may give, as far as it matters to the clauses.

    It is as far from overflow, underflow and what is not finite as all that they give; where they only count, it does.
    """
    if not _NOT_FINITE.isdisjoint(names):
        return True
    least = 0.0 if NEAR in names else 2**-24
    moderate = extent.greatest < 2**11 and extent.least > least
    if _COUNTING.issuperset(names):
        return extent.counts and extent.greatest <= (61 if "counting" in names else 1)
    return extent.is_finite and (moderate or not _EXTREME.isdisjoint(names))


def near(limit: float, p: float, dtype: str, shape: tuple[int, int], seed: int) -> Tensor:
    """A table each of whose rows has a p-norm of zero, tiny, just below `limit`, at it, just above, or far above.

    A third of the rows have a single element that is not zero, so that their norm is computed exactly.
    """
    form, (rows, dim) = FORMATS[dtype], shape
    rng = random.Random(seed)  # noqa: S311 - test data
    components: list[float] = []
    for _ in range(rows):
        closeness = 2.0 ** -rng.randint(1, form.precision)
        norm = limit * rng.choice((0.0, 1e-8, 0.5, 1 - closeness, 1.0, 1.0, 1 + closeness, 2.0, 30.0))
        row = [complex(rng.gauss(0, 1), rng.gauss(0, 1) if form.kind == "complex" else 0.0) for _ in range(dim)]
        if rng.random() < 1 / 3:
            only = rng.randrange(dim)
            row = [complex(place == only) for place in range(dim)]
        magnitudes = [abs(v) for v in row]
        largest = max(magnitudes)
        whole = largest if math.isinf(p) else sum(m**p for m in magnitudes) ** (1 / p)
        row = [v * (norm / whole) for v in row]
        components += [part for v in row for part in ((v.real, v.imag) if form.kind == "complex" else (v.real,))]
    return Tensor(dtype, shape, form.encode(components))


def _zeros(form: Format, count: int, rng: random.Random) -> bytes:
    """Zeros of both signs."""
    return form.encode([rng.choice((0.0, -0.0)) for _ in range(count)])


def _ones(form: Format, count: int, rng: random.Random) -> bytes:  # noqa: ARG001 - a palette like the others
    return form.encode([1.0]) * count


def inverted(tensor: Tensor) -> Tensor:
    """The tensor with every bit inverted."""
    return Tensor(tensor.dtype, tensor.shape, bytes(255 - byte for byte in tensor.data))


def _counting(form: Format, count: int, rng: random.Random) -> bytes:
    """1, 2, 3, ... 61, 1, ...: sums are easy to check by hand; a prime, so that elements 2^k apart differ."""
    start = rng.randrange(61)
    return form.encode([float((start + i) % 61 + 1) for i in range(count)])


def _normal(form: Format, count: int, rng: random.Random) -> bytes:
    return form.encode([rng.gauss(0, 1) for _ in range(count)])


def _wide(form: Format, count: int, rng: random.Random) -> bytes:
    """Numbers of both signs, from everywhere in the middle half of the exponent range."""
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
    """NaNs of several payloads, infinities, zeros, ones, the largest and smallest numbers; both signs, shuffled."""
    patterns = _special_patterns(form)
    rng.shuffle(patterns)
    return b"".join(islice(cycle(patterns), count))


def _few_specials(form: Format, count: int, rng: random.Random) -> bytes:
    """Numbers, and in one place of ten a NaN, an infinity or another of the specials."""
    size, patterns = form.component_size, _special_patterns(form)
    numbers = _normal(form, count, rng)
    parts = (numbers[at : at + size] for at in range(0, len(numbers), size))
    return b"".join(rng.choice(patterns) if rng.random() < 0.1 else part for part in parts)


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
    "zeros": _zeros,
    "ones": _ones,
    "counting": _counting,
    "normal": _normal,
    "wide": _wide,
    "tiny": _tiny,
    "huge": _huge,
    "cancelling": _cancelling,
    "specials": _specials,
    "few specials": _few_specials,
    "bits": _bits,
}
