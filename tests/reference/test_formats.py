"""The number formats agree with their definitions, with numpy and with torch, bit for bit."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import numpy.typing as npt
import pytest
import torch

from embedding_reference import FORMATS, Format

NUMPY = ("float16", "float32", "float64")
FLOATS = ("float16", "bfloat16", "float32", "float64")
INTEGERS = ("int8", "int16", "int32", "int64", "uint8")


def patterns(form: Format) -> list[int]:
    """Bit patterns: all of them for 16 bits, else those where something changes, and their neighbours."""
    bits = 8 * form.component_size
    if bits == 16:
        return list(range(2**16))
    fraction = form.precision - 1
    corners = [0, 1 << (fraction - 1), (1 << fraction) - 1, 1 << fraction, 1 << (bits - 2), (1 << (bits - 1)) - 1]
    infinity = ((1 << (bits - 1 - fraction)) - 1) << fraction
    one = int.from_bytes(form.encode([1.0]), "little")
    near = {c + d for c in (*corners, infinity, one) for d in (-2, -1, 0, 1, 2)}
    positive = [p for p in near if 0 <= p < 1 << (bits - 1)]
    return [p | sign << (bits - 1) for p in positive for sign in (0, 1)]


def packed(form: Format, bits: list[int]) -> bytes:
    """Bit patterns as little-endian bytes."""
    return b"".join(b.to_bytes(form.component_size, "little") for b in bits)


def interesting(form: Format) -> list[float]:
    """Float64 numbers on, next to and halfway between numbers of the format; beyond its range; and random ones."""
    finite = [c for c in form.decode(packed(form, patterns(form)[::37] + patterns(form)[-40:])) if math.isfinite(c)]
    ties = [c + float(form.ulp(c)) / 2 for c in finite]
    edge = float(form.overflow) if form.name != "float64" else float(form.largest)
    rng = np.random.default_rng(0)
    spread = np.ldexp(rng.uniform(1, 2, 2000), rng.integers(max(form.emin - 60, -1070), min(form.emax + 3, 1023), 2000))
    values = [*finite, *ties, *spread.tolist(), float(form.quantum) / 2, edge, *(float(f) for f in (1e-320, 1.7e308))]
    values += [math.nextafter(v, to) for v in values for to in (-math.inf, math.inf)]
    values = [v for v in values if math.isfinite(v)] + [math.inf, 0.0, 1.7976931348623157e308]
    return [*values, *(-v for v in values)]


def rounded_elsewhere(form: Format, values: list[float]) -> bytes:
    """The bytes that numpy, or torch for bfloat16, makes of the values."""
    if form.name == "bfloat16":
        upper: npt.NDArray[np.int16] = torch.tensor(values, dtype=torch.float32).bfloat16().view(torch.int16).numpy()
        return upper.tobytes()
    return np.array(values, dtype=np.float64).astype(form.name).tobytes()


@pytest.mark.parametrize("name", FLOATS)
def test_every_pattern_survives_decoding_and_encoding(name: str) -> None:
    form = FORMATS[name]
    data = packed(form, patterns(form))
    components = form.decode(data)
    again = form.encode(components)
    size, compared = form.component_size, 0
    for place, component in enumerate(components):
        if not math.isnan(component):
            assert again[place * size : (place + 1) * size] == data[place * size : (place + 1) * size]
            assert place % 8 or form.round(component) == component
            compared += 1
    assert compared >= len(components) / 2
    assert all(math.isnan(c) for c in form.decode(form.encode([math.nan])))


@pytest.mark.parametrize("name", FLOATS)
def test_decoding_agrees_with_numpy_and_torch(name: str) -> None:
    form = FORMATS[name]
    data = packed(form, patterns(form))
    if name == "bfloat16":
        elsewhere = torch.frombuffer(bytearray(data), dtype=torch.bfloat16).double().numpy()
    else:
        elsewhere = np.frombuffer(data, dtype=name).astype(np.float64)
    np.testing.assert_array_equal(np.array(form.decode(data)), elsewhere)


@pytest.mark.parametrize("name", FLOATS)
def test_encoding_rounds_as_numpy_and_torch_do(name: str) -> None:
    form = FORMATS[name]
    values = interesting(form)
    if name == "bfloat16":  # torch rounds what it is given through float32
        values = np.array([v for v in values if abs(v) <= np.finfo(np.float32).max]).astype(np.float32).tolist()
    assert form.encode(values) == rounded_elsewhere(form, values)


@pytest.mark.parametrize("name", FLOATS)
def test_round_and_encode_agree(name: str) -> None:
    form = FORMATS[name]
    values = interesting(form)[::3]
    assert form.encode([form.round(v) for v in values]) == form.encode(values)
    finite = [v for v in values if math.isfinite(v)]
    assert [form.round(Fraction(v)) for v in finite] == [form.round(v) for v in finite]


def test_a_value_beyond_every_narrower_format_becomes_infinite() -> None:
    largest = [1.7976931348623157e308, -1.7976931348623157e308]
    for name in ("float16", "bfloat16", "float32"):
        assert FORMATS[name].decode(FORMATS[name].encode(largest)) == (math.inf, -math.inf)


@pytest.mark.parametrize("name", FLOATS)
def test_a_value_below_every_format_keeps_its_sign(name: str) -> None:
    form = FORMATS[name]
    tiny = float(form.quantum) / 4 if name != "float64" else 0.0
    assert [math.copysign(1, c) for c in form.decode(form.encode([tiny, -tiny]))] == [1, -1]
    assert math.copysign(1, form.round(-tiny)) == -1
    assert math.copysign(1, form.round(-form.quantum / 4)) == -1


@pytest.mark.parametrize("name", FLOATS)
def test_round_takes_ties_to_even(name: str) -> None:
    form = FORMATS[name]
    one, u = Fraction(1), form.unit_roundoff
    assert form.round(one + u) == 1
    assert form.round(one + 3 * u) == float(one + 4 * u)
    assert form.round(one + u + Fraction(1, 2**2000)) == float(one + 2 * u)
    assert form.round(one - u / 2) == 1
    assert form.round(one - u * 3 / 2) == float(one - 2 * u)
    assert form.round(form.quantum / 2) == 0
    assert form.round(form.quantum * 3 / 2) == float(2 * form.quantum)
    assert form.round(form.quantum / 2 + Fraction(1, 2**2000)) == float(form.quantum)
    assert form.round(Fraction(0)) == 0


@pytest.mark.parametrize("name", FLOATS)
def test_overflow_is_the_least_magnitude_that_becomes_infinite(name: str) -> None:
    form = FORMATS[name]
    below = form.overflow - Fraction(1, 2**2000)
    assert [form.round(s * form.overflow) for s in (1, -1)] == [math.inf, -math.inf]
    assert [form.round(s * below) for s in (1, -1)] == [float(form.largest), -float(form.largest)]


@pytest.mark.parametrize("name", NUMPY)
def test_constants_are_those_of_numpy(name: str) -> None:
    form, info = FORMATS[name], np.finfo(name)
    assert form.unit_roundoff == Fraction(float(info.eps)) / 2
    assert form.quantum == Fraction(float(info.smallest_subnormal))
    assert form.largest == Fraction(float(info.max))
    assert Fraction(2) ** form.emin == Fraction(float(info.smallest_normal))
    assert form.itemsize == np.dtype(name).itemsize


@pytest.mark.parametrize("name", ["bfloat16", "float16", "float32", "float64", "complex64", "complex128"])
def test_constants_are_those_of_torch(name: str) -> None:
    form, info = FORMATS[name], torch.finfo(getattr(torch, name))
    assert 2 * form.unit_roundoff == Fraction(info.eps)
    assert form.largest == Fraction(info.max)
    assert form.overflow - form.largest == form.ulp(float(form.largest)) / 2
    assert form.quantum == Fraction(info.tiny) * Fraction(info.eps)
    assert form.itemsize == getattr(torch, name).itemsize
    assert form.inexact


@pytest.mark.parametrize("name", NUMPY)
def test_ulp_is_the_distance_to_the_next_number(name: str) -> None:
    form = FORMATS[name]
    for component in form.decode(packed(form, patterns(form)[:: 97 if name == "float16" else 1])):
        if math.isfinite(component) and abs(component) < form.largest:
            number = np.dtype(name).type(abs(component))
            above = np.nextafter(number, np.dtype(name).type(math.inf))
            assert form.ulp(component) == Fraction(float(above)) - Fraction(float(number))


@pytest.mark.parametrize("name", FLOATS)
def test_quanta_count_the_smallest_number(name: str) -> None:
    form = FORMATS[name]
    sample = patterns(form)[:: 97 if form.precision < 12 else 1]
    components = [c for c in form.decode(packed(form, sample)) if math.isfinite(c)]
    assert len(components) > 20
    assert all(form.quanta(c) * form.quantum == Fraction(c) for c in components)


@pytest.mark.parametrize("name", INTEGERS)
def test_integers_round_trip(name: str) -> None:
    form, info = FORMATS[name], np.iinfo(name)
    values = [info.min, info.max, 0, 1]
    assert form.encode(values) == np.array(values, dtype=name).tobytes()
    assert form.decode(form.encode(values)) == tuple(values)
    assert (form.inexact, form.components, form.itemsize) == (False, 1, np.dtype(name).itemsize)


def test_booleans_round_trip() -> None:
    form = FORMATS["bool"]
    assert form.decode(form.encode([True, False])) == (True, False)
    assert not form.inexact


@pytest.mark.parametrize("name", ["complex64", "complex128"])
def test_a_complex_number_is_two_components(name: str) -> None:
    form = FORMATS[name]
    assert form.components == 2
    assert form.itemsize == 2 * form.component_size
    assert form.encode([1.5, -2.0]) == np.array([1.5 - 2j], dtype=name).tobytes()
