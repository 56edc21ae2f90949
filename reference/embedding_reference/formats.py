"""Number formats: how bytes represent numbers, and how numbers are rounded.

Every value of every floating-point format here is also a float64, so a decoded component is a Python `float` and
nothing is lost. A complex number is two components, real then imaginary. NaN payloads live in the bytes only.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, lru_cache


@dataclass(frozen=True)
class Format:
    """One dtype.

    Attributes:
        name: torch's name of the dtype, without the `torch.` prefix.
        code: the `struct` code of one component; bfloat16, which has none, is packed as the upper half of a float32.
        kind: "float", "complex", "int" or "bool".
        precision: significand bits of one component, the hidden bit included (0 for integers).
        emax: exponent of the largest finite component.
        emin: exponent of the smallest normal component.
    """

    name: str
    code: str
    kind: str
    precision: int = 0
    emax: int = 0
    emin: int = 0

    @cached_property
    def inexact(self) -> bool:
        """Whether the format holds floating-point components."""
        return self.kind in ("float", "complex")

    @cached_property
    def components(self) -> int:
        """Components in one element: 2 for a complex dtype, else 1."""
        return 2 if self.kind == "complex" else 1

    @cached_property
    def component_size(self) -> int:
        """Bytes of one component."""
        return 2 if self.name == "bfloat16" else struct.calcsize("<" + self.code)

    @cached_property
    def itemsize(self) -> int:
        """Bytes of one element."""
        return self.component_size * self.components

    @cached_property
    def unit_roundoff(self) -> Fraction:
        """2^-p, called u: the largest relative error of one rounding to nearest (Higham 2002, section 2.1)."""
        return Fraction(1, 2**self.precision)

    @cached_property
    def quantum(self) -> Fraction:
        """The smallest positive (subnormal) component; every finite component is a whole multiple of it."""
        return _power_of_two(self.emin - self.precision + 1)

    @cached_property
    def largest(self) -> Fraction:
        """The largest finite component."""
        return (2 - 2 * self.unit_roundoff) * _power_of_two(self.emax)

    @cached_property
    def overflow(self) -> Fraction:
        """The least magnitude that rounds to infinity: half an ulp above `largest`."""
        return (2 - self.unit_roundoff) * _power_of_two(self.emax)

    def quanta(self, component: float) -> int:
        """A finite component as a whole number of quanta, so that sums of components are exact integer sums."""
        numerator, denominator = component.as_integer_ratio()
        shift = self.precision - 1 - self.emin - (denominator.bit_length() - 1)
        return numerator << shift

    def ulp(self, value: float | Fraction) -> Fraction:
        """The distance between neighbouring components at the magnitude of a finite `value`."""
        if not value:
            return self.quantum
        exponent = math.frexp(value)[1] - 1 if isinstance(value, float) else _floor_log2(abs(value))
        return _power_of_two(max(exponent, self.emin) - self.precision + 1)

    def round(self, value: float | Fraction) -> float:
        """`value` rounded to the nearest component, ties to even; infinity from `overflow` on."""
        if isinstance(value, float) and (value == 0 or not math.isfinite(value)):
            return value  # keeps the sign of zero
        exact = Fraction(value)
        if abs(exact) >= self.overflow:
            return math.inf if exact > 0 else -math.inf
        exponent = max(_floor_log2(abs(exact)) if exact else self.emin, self.emin)
        step = _power_of_two(exponent - self.precision + 1)
        return math.copysign(round(exact / step) * step, value)  # Python's round() of a Fraction is half to even

    def encode(self, components: Iterable[float]) -> bytes:
        """The little-endian bytes of components, each rounded to the format."""
        if not self.inexact:
            integers = [int(c) for c in components]
            return struct.pack(f"<{len(integers)}{self.code}", *integers)
        floats = list(map(float, components))
        if self.name != "bfloat16":
            try:
                return struct.pack(f"<{len(floats)}{self.code}", *floats)  # rounds to nearest, ties to even
            except OverflowError:  # where we round to infinity
                return struct.pack(f"<{len(floats)}{self.code}", *map(self._round_float, floats))
        packed = struct.pack(f"<{len(floats)}f", *map(self._round_float, floats))
        upper = bytearray(2 * len(floats))
        upper[0::2], upper[1::2] = packed[2::4], packed[3::4]
        return bytes(upper)

    def decode(self, data: bytes) -> Sequence[float]:
        """The components that the little-endian bytes `data` stand for; exact, but for NaN payloads."""
        if self.name == "bfloat16":
            widened = bytearray(2 * len(data))
            widened[2::4], widened[3::4] = data[0::2], data[1::2]
            data = bytes(widened)
        return struct.unpack(f"<{len(data) // struct.calcsize('<' + self.code)}{self.code}", data)

    def _round_float(self, value: float) -> float:
        """`round` for floats by scaling with powers of two, which is exact and fast."""
        if value == 0 or not math.isfinite(value):
            return value
        step = max(math.frexp(value)[1], self.emin + 1) - self.precision
        steps = abs(round(math.ldexp(value, -step)))
        overflows = steps.bit_length() + step > self.emax + 1
        return math.copysign(math.inf if overflows else math.ldexp(steps, step), value)


@lru_cache(maxsize=None)  # noqa: UP033 - for Python 3.8
def _power_of_two(exponent: int) -> Fraction:
    return Fraction(2**exponent) if exponent >= 0 else Fraction(1, 2**-exponent)


def _floor_log2(value: Fraction) -> int:
    estimate = value.numerator.bit_length() - value.denominator.bit_length()
    return estimate if value >= _power_of_two(estimate) else estimate - 1


FORMATS = {
    f.name: f
    for f in (
        Format("float16", "e", "float", precision=11, emax=15, emin=-14),
        Format("bfloat16", "f", "float", precision=8, emax=127, emin=-126),
        Format("float32", "f", "float", precision=24, emax=127, emin=-126),
        Format("float64", "d", "float", precision=53, emax=1023, emin=-1022),
        Format("complex64", "f", "complex", precision=24, emax=127, emin=-126),
        Format("complex128", "d", "complex", precision=53, emax=1023, emin=-1022),
        Format("int8", "b", "int"),
        Format("int16", "h", "int"),
        Format("int32", "i", "int"),
        Format("int64", "q", "int"),
        Format("uint8", "B", "int"),
        Format("bool", "?", "bool"),
    )
}
