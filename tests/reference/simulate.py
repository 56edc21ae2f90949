"""Implementations that conform, in every precision and order that the contract admits, and contents to try them on.

All arithmetic is vectorised float64 that is rounded after each operation, which gives what the narrower format's own
arithmetic gives: for +, -, *, / and sqrt rounding twice is harmless from 2p + 2 bits on (Figueroa 1995), and 53 is
enough for p = 24.
"""

from __future__ import annotations

import itertools
import math
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import numpy.typing as npt

from embedding_reference import FORMATS, Format

Array = npt.NDArray[np.float64]
Generator = np.random.Generator

FLOATS = ("float16", "bfloat16", "float32", "float64")
CONTENTS = ("equal", "normal", "positive", "wide", "tiny", "roots", "huge", "cancelling")
DIVISIONS = ("quotient first", "reciprocal first", "quotient last", "reciprocal last")


def generator(*what: object) -> Generator:
    """Random numbers that depend on what they are for, and on nothing else."""
    return np.random.default_rng(zlib.crc32(repr(what).encode()))


def rounded(values: Array | float, form: Format) -> Array:
    """To the nearest number of the format, ties to even; shares no code with `Format.round`."""
    numbers = np.asarray(values, dtype=np.float64)
    if form.precision == 53:
        return numbers
    step = np.maximum(np.frexp(numbers)[1], form.emin + 1) - form.precision
    nearest = np.ldexp(np.rint(np.ldexp(numbers, -step)), step)
    return cast("Array", np.where(np.abs(nearest) > float(form.largest), np.copysign(np.inf, numbers), nearest))


def contents(kind: str, form: Format, shape: tuple[int, ...], rng: Generator) -> Array:
    """Numbers of the format; `kind` is one of `CONTENTS`."""
    normal = rng.standard_normal(shape)
    if kind == "equal":
        values = np.full(shape, rng.uniform(0.1, 1))
    elif kind == "normal":
        values = normal
    elif kind == "positive":
        values = np.abs(normal)
    elif kind == "wide":
        values = np.ldexp(normal, rng.integers(form.emin // 2, form.emax // 2, shape))
    elif kind == "tiny":
        whole = np.trunc(rng.uniform(-9, 9, shape) * 2.0 ** rng.integers(0, form.precision, shape))
        values = whole * float(form.quantum)
    elif kind == "roots":  # their squares are about the smallest number there is
        values = normal * float(form.quantum) ** 0.5
    elif kind == "huge":
        values = rng.choice((-1, 1), shape) * rng.uniform(0.05, 1, shape) * float(form.largest)
    else:
        values = np.abs(normal) * np.where(np.arange(shape[0]) % 2, 1.0, -1.0)[:, None]
        nearly = 1 + 2 * float(form.unit_roundoff) * np.sign(normal[1::2])
        values[1::2] = -values[: len(values[1::2]) * 2 : 2] * nearly
    return rounded(np.asarray(values), form)


def accumulators(form: Format) -> list[Format]:
    """The formats no worse than `form`."""
    wider = [FORMATS[name] for name in ("float32", "float64") if FORMATS[name].precision > form.precision]
    return [form, *wider]


def tree_sum(terms: Sequence[Array], accumulator: Format, rng: Generator, order: str) -> Array:
    """The terms added in the accumulator: "recursive", "pairwise" or "random", which is any tree."""
    nodes: list[Array] = [terms[i] for i in rng.permutation(len(terms))]
    while len(nodes) > 1:
        if order == "recursive":
            a, b = nodes.pop(), nodes.pop()
        elif order == "pairwise":
            a, b = nodes.pop(0), nodes.pop(0)
        else:
            a, b = nodes.pop(int(rng.integers(len(nodes)))), nodes.pop(int(rng.integers(len(nodes))))
        total = rounded(a + b, accumulator)
        nodes.append(total)
    return nodes[0]


def gradients(
    parts: Sequence[Sequence[Array]], form: Format, rng: Generator, *, scaled: bool, least: int = 0
) -> Iterator[tuple[str, Array]]:
    """What conforming implementations may make of the terms of one row, with a description of each.

    Args:
        parts: the terms of each backward.
        form: the dtype.
        rng: picks orders and trees.
        scaled: divide the terms of each part by how many there are.
        least: least precision, in bits, of the accumulator.
    """
    divisions = DIVISIONS if scaled else ("none",)
    wide_enough = [a for a in accumulators(form) if a.precision >= min(least, 53)]
    for accumulator, order, division in itertools.product(wide_enough, ("recursive", "pairwise", "random"), divisions):
        results = [rounded(_part(terms, accumulator, rng, order, division), form) for terms in parts]
        yield f"{accumulator.name}, {order}, {division}", tree_sum(results, form, rng, "random")
        if len(parts) == 1 and not scaled and not least:
            cuts = sorted(rng.integers(1, len(parts[0]) + 1, 3).tolist())
            chunks = [parts[0][a:b] for a, b in itertools.pairwise([0, *cuts, len(parts[0])]) if a < b]
            results = [rounded(tree_sum(chunk, accumulator, rng, order), form) for chunk in chunks]
            yield f"chunks in {accumulator.name}, {order}", tree_sum(results, form, rng, "random")


def _part(terms: Sequence[Array], accumulator: Format, rng: Generator, order: str, division: str) -> Array:
    if division == "none":
        return tree_sum(terms, accumulator, rng, order)
    count = rounded(len(terms), accumulator)
    reciprocal = rounded(1 / count, accumulator)

    def divide(numbers: Array) -> Array:
        return rounded(numbers * reciprocal if division.startswith("reciprocal") else numbers / count, accumulator)

    if division.endswith("first"):
        return tree_sum([divide(t) for t in terms], accumulator, rng, order)
    return divide(tree_sum(terms, accumulator, rng, order))


@dataclass(frozen=True)
class Renormaliser:
    """One way to rescale rows.

    Attributes:
        norm_in: the format in which powers, their sum and the root are computed.
        scale_in: the format in which the factor is computed.
        product_in: the format in which the row is multiplied, before it is rounded to the dtype.
        limit_rounded: whether max_norm is first rounded to the dtype.
        norm_rounded: whether the norm is rounded to the dtype before it is used.
        epsilon: what is added to the norm.
        sloppy: by how many ulps powers and roots may be wrong, which then are `pow` where they could be more exact.
        order: how the powers are added, see `tree_sum`.
        scaled: whether a row is divided by its largest magnitude, and its norm multiplied by it.
        direction_first: whether a row is divided by its norm and then multiplied by max_norm, with no factor between.
    """

    norm_in: Format
    scale_in: Format
    product_in: Format
    limit_rounded: bool = False
    norm_rounded: bool = False
    epsilon: float = 1e-7
    sloppy: int = 0
    order: str = "recursive"
    scaled: bool = False
    direction_first: bool = False

    def norm(self, rows: Array, p: float, rng: Generator) -> Array:
        """The p-norm of each row of moduli."""
        largest = rows.max(axis=1)
        if math.isinf(p):
            return cast("Array", largest)
        if self.scaled:
            divisor = np.where((largest > 0) & np.isfinite(largest), largest, 1.0)
            scaled = self._norm(rounded(rows / divisor[:, None], self.norm_in), p, rng)
            return rounded(scaled * divisor, self.norm_in)
        return self._norm(rows, p, rng)

    def _norm(self, rows: Array, p: float, rng: Generator) -> Array:
        form = self.norm_in
        if p == 1:
            powers = rows
        elif p == 2:
            powers = rounded(rows * rows, form)
        else:
            powers = self._power(rows, p, rng)
        total = tree_sum(list(powers.T), form, rng, self.order)
        if self.sloppy or p not in {1, 2}:
            return self._power(total, float(rounded(1 / p, form)), rng)
        return rounded(np.sqrt(total), form) if p == 2 else total

    def _power(self, base: Array, exponent: float, rng: Generator) -> Array:
        form = self.norm_in if self.norm_in.precision >= 24 else FORMATS["float32"]  # there is no `pow` of 16 bits
        wrong = rng.integers(-self.sloppy, self.sloppy + 1, base.shape) if self.sloppy else 0
        near = rounded(np.power(base, exponent), form)
        step = np.maximum(np.frexp(near)[1], form.emin + 1) - form.precision
        sloppy = rounded(near + np.ldexp(wrong, step), form)
        return rounded(np.where(np.isfinite(near) & (near > 0), sloppy, near), self.norm_in)

    def modulus(self, weight: Array) -> Array:
        """Of (real, imaginary) pairs along the rows: `hypot`, or by the larger and their quotient."""
        real, imaginary = np.abs(weight[:, 0::2]), np.abs(weight[:, 1::2])
        if not self.scaled:
            return rounded(np.hypot(real, imaginary), self.norm_in)
        large, small = np.maximum(real, imaginary), np.minimum(real, imaginary)
        quotient = rounded(small / np.where(large > 0, large, 1.0), self.norm_in)
        square = rounded(1 + rounded(quotient * quotient, self.norm_in), self.norm_in)
        return rounded(large * rounded(np.sqrt(square), self.norm_in), self.norm_in)

    def __call__(self, weight: Array, max_norm: float, p: float, form: Format, rng: Generator) -> Array:
        """The weight after every row was looked up.

        Args:
            weight: components, of shape (rows, components of a row).
            max_norm: the limit.
            p: the order of the norm.
            form: the dtype.
            rng: picks orders and the errors of powers.
        """
        # The 2-norm of complex numbers is that of their parts, which may be squared without taking moduli.
        moduli = self.modulus(weight) if form.kind == "complex" and (p != 2 or self.sloppy) else np.abs(weight)
        norm = self.norm(moduli, p, rng)
        if self.norm_rounded:
            norm = rounded(norm, form)
        limit = rounded(max_norm, form if self.limit_rounded else FORMATS["float64"])
        above = norm > limit
        padded = rounded(norm + rounded(self.epsilon, self.scale_in), self.scale_in)
        divisor = np.where(above, padded, 1.0)
        if self.direction_first:
            direction = rounded(weight / divisor[:, None], self.scale_in)
            product = rounded(rounded(direction * limit, self.product_in), form)
        else:
            factor = rounded(limit / divisor, self.scale_in)
            product = rounded(rounded(weight * factor[:, None], self.product_in), form)
        return cast("Array", np.where(above[:, None], product, weight))


def renormalisers(form: Format, rng: Generator, count: int) -> Iterator[Renormaliser]:
    """Those that use one precision throughout, then `count` random mixtures."""
    formats = accumulators(form)
    for each in formats:
        yield Renormaliser(each, each, each, limit_rounded=each == form)
        yield Renormaliser(each, each, each, limit_rounded=each == form, epsilon=0.0, order="pairwise")
    for _ in range(count):
        yield Renormaliser(
            norm_in=formats[rng.integers(len(formats))],
            scale_in=formats[rng.integers(len(formats))],
            product_in=formats[rng.integers(len(formats))],
            limit_rounded=bool(rng.integers(2)),
            norm_rounded=bool(rng.integers(2)),
            epsilon=(0.0, 1e-7)[rng.integers(2)],
            sloppy=int(rng.integers(4)),
            order=("recursive", "pairwise", "random")[rng.integers(3)],
            scaled=bool(rng.integers(2)),
            direction_first=bool(rng.integers(2)),
        )


def wide_renormalisers(form: Format, rng: Generator, count: int) -> Iterator[Renormaliser]:
    """Those that compute in float64, so that nothing of a narrower format overflows or underflows on the way."""
    double = FORMATS["float64"]
    for _ in range(count):
        yield Renormaliser(
            double,
            double,
            accumulators(form)[rng.integers(len(accumulators(form)))],
            epsilon=(0.0, 1e-7)[rng.integers(2)],
            sloppy=int(rng.integers(4)),
            order=("recursive", "pairwise", "random")[rng.integers(3)],
        )
