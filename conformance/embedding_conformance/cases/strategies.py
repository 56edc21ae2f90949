"""Hypothesis strategies for cases; public, so that other suites can use them.

`cases()` mixes every argument that may be on at the same time; each keyword narrows one of them. Few, large choices:
the contents of a tensor are a palette's name and a seed (`cases.palettes`), which keeps drawing fast and shrinks
well.
"""

from __future__ import annotations

import functools
import itertools
import math
import random
from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import replace
from typing import Any, NamedTuple

from hypothesis import strategies as st

from embedding_conformance.cases import palettes
from embedding_conformance.cases.case import LAYOUTS, Case, Config, Lookup, may_underflow
from embedding_conformance.cases.indices import INDEX_PATTERNS
from embedding_reference import Tensor
from embedding_reference.model import INDEX_DTYPES

DTYPES = ("float32", "float64", "float16", "bfloat16", "complex64", "complex128")


class UnderTest(NamedTuple):
    """What the suite says of the implementation under test to the strategies.

    Attributes:
        dtype: the weight dtype of `cases()` that name none.
        lacks: features that it does not have at all (`cases.features.lacking`): `cases()` have them only where
            they are asked for, which shows that they are refused; elsewhere too few cases would be left to run.
        flushes: whether its arithmetic makes zeros of subnormal numbers by design: upstream gradients have them only in
            the palette of such numbers.
        compiles: whether it compiles anew for each shape: `cases()` have few of them, so that most are met again.
        freezes: whether it takes weights of the dtype only frozen: `cases()` have others only where they are asked for.
    """

    dtype: str | None = None
    lacks: frozenset[str] = frozenset()
    flushes: bool = False
    compiles: bool = False
    freezes: bool = False

    def switch(self, name: str, asked: str) -> str:
        """Whether an argument is to be on, off or any, where this is asked for."""
        if asked == ANY and name == "freeze" and self.freezes:
            return ON
        return OFF if asked == ANY and name in self.lacks else asked

    def layouts(self, name: str, asked: str) -> tuple[str, ...]:
        """How a tensor may lie in memory."""
        return _LAYOUTS[:1] if asked == ANY and name in self.lacks else _LAYOUTS


under_test: ContextVar[UnderTest] = ContextVar("under_test", default=UnderTest())  # noqa: B039 - it is immutable
"""Set by the suite for each test; elsewhere every dtype and feature is drawn."""

NUM_EMBEDDINGS = (2, 3, 4, 1, 5, 8, 33, 64)
EMBEDDING_DIMS = (2, 3, 1, 4, 0, 6, 7, 8, 16, 17)
SHAPES = (
    (1,),
    (2,),
    (3,),
    (),
    (0,),
    (1, 1),
    (2, 2),
    (0, 3),
    (3, 0),
    (5,),
    (2, 3),
    (2, 1, 2),
    (2, 3, 2),
    (1, 2, 1, 2),
    (1, 2, 1, 3, 1),
    (9,),
    (32,),
    (33,),
    (),  # twice, because kernels treat a scalar in a way of its own
)
LARGE = (
    # Many lookups, around the counts at which kernels change their ways; more than a float16 or bfloat16 can count.
    (5, 2, 100),
    (33, 3, 200),
    (5, 1, 256),
    (3, 1, 257),
    (2, 2, 769),
    (3, 1, 1001),
    (3, 2, 1024),
    (4, 2, 1040),
    (5, 1, 3073),
    (2, 1, 4097),
    (33, 1, 4160),
    (3, 1, 7001),
    # Tables whose rows need more than 8 bits.
    (256, 2, 33),
    (257, 3, 33),
    (300, 1, 6),
    (1001, 1, 9),
    (1025, 2, 257),
    (1001, 1, 1001),
    (1025, 1, 3073),
    (4097, 1, 33),
    # Rows as wide as a vector register, a warp or a block, and wider.
    (3, 32, 32),
    (3, 33, 4),
    (3, 64, 4),
    (5, 65, 3),
    (2, 128, 2),
    (2, 129, 5),
    (33, 33, 33),
    (3, 256, 3),
    (3, 257, 1),
    (2, 1025, 2),
    # Wide rows and many lookups, so that the output, or the gradient, is cut into tiles or shared among threads.
    (33, 32, 65),
    (5, 65, 513),
    # Tables whose rows, or whose elements, need more than 16 bits.
    (65537, 1, 33),
    (1025, 65, 9),
)
"""(num_embeddings, embedding_dim, indices) of large cases, of few elements in all to stay fast."""
FEW_NUM_EMBEDDINGS = (2, 1, 33)
FEW_EMBEDDING_DIMS = (2, 0, 17)
FEW_SHAPES = ((1,), (3,), (), (0,), (2, 2), (1, 2, 1, 2), (33,))
"""What stands for the sizes and shapes above where each that is new has to be compiled; the large ones are the same."""
NORM_TYPES = (2.0, 1.0, float("inf"), 3.0, 0.5, 1.5)
MAX_NORMS = (1.0, 2.0, 0.5, 5.0, 0.1, 64.0)

ANY, ON, OFF = "any", "on", "off"

CORNERS = ("sparse with scale", "sparse padding of a scalar", "max_norm without columns")
"""Interplays that have a clause of their own and are left out elsewhere, so that one defect there shows once:
scale_grad_by_freq with sparse; a 0-d index with padding_idx and sparse; max_norm for rows without elements."""

_PADDING = ("first", "last", "middle", "last from the end", "first from the end")
_SWITCH = {ANY: (False, True), ON: (True,), OFF: (False,)}
_LAYOUTS = ("contiguous", *LAYOUTS)  # contiguous twice as often as any other

_seeds = st.integers(0, 2**32 - 1)
_dtypes = st.sampled_from(DTYPES)


@functools.cache
def _simplest_first(*options: tuple[Any, ...]) -> st.SearchStrategy[tuple[Any, ...]]:
    """One of each of the options, in a single draw; it shrinks towards what stands first in them."""
    together = itertools.product(*options)
    return st.sampled_from(sorted(together, key=lambda one: sum(map(tuple.index, options, one))))


@st.composite
def cases(
    draw: st.DrawFn,
    *,
    dtype: str | None = None,
    padding_idx: str = ANY,
    max_norm: str = ANY,
    norm_type: float | None = None,
    scale_grad_by_freq: str = ANY,
    sparse: str = ANY,
    freeze: str = OFF,
    weights: Sequence[str] = palettes.FINITE,
    upstreams: Sequence[str] = palettes.UPSTREAMS,
    index_patterns: Sequence[str] | None = None,
    index_dtypes: Sequence[str] = INDEX_DTYPES,
    lookups: int = 1,
    indices: int = 0,
    columns: int = 0,
    large: bool = True,
    writable: bool = False,
    pads_hold: str = ANY,
    layouts: str = ANY,
    corner: str = "",
) -> Case:
    """A case: a configuration, a weight, and lookups with upstream gradients.

    Args:
        draw: Hypothesis's.
        dtype: the weight's; None draws one, or takes the one under test.
        padding_idx: "any", "on" or "off".
        max_norm: the same.
        norm_type: p; None draws one where max_norm is on.
        scale_grad_by_freq: "any", "on" or "off".
        sparse: the same.
        freeze: the same.
        weights: palettes of the weight.
        upstreams: palettes of the upstream gradients.
        index_patterns: names in `cases.indices.INDEX_PATTERNS` that indices follow; None: all of them.
        index_dtypes: dtypes of the index.
        lookups: how many calls.
        indices: the fewest indices that a lookup may have.
        columns: the fewest elements that a row may have.
        large: whether the case may be one of `LARGE`.
        writable: whether the weight must not be laid out "expanded", whose rows share memory and cannot be written to.
        pads_hold: "on" where the clause is about what the row at padding_idx holds.
        layouts: "on" where the clause is about how tensors lie in memory.
        corner: the one of `CORNERS` that the case must be in; by default it is in none.
    """
    subject = under_test.get()
    dtype = dtype or subject.dtype or draw(_dtypes)
    rows, dim, count = draw(_sizes(columns, indices, large=large and not corner, few=subject.compiles))
    padding, scale, gradient_is_sparse, frozen = draw(
        _flags(
            subject.switch("padding_idx", padding_idx),
            subject.switch("scale_grad_by_freq", scale_grad_by_freq),
            subject.switch("sparse", sparse),
            subject.switch("freeze", freeze),
        )
    )
    limit, order = draw(_norms(subject.switch("max_norm", max_norm), norm_type))
    if corner == "sparse with scale":
        scale = gradient_is_sparse = True
    elif scale and gradient_is_sparse:
        scale, gradient_is_sparse = sparse != ON, sparse == ON
    if corner == "max_norm without columns":
        dim = 0
    elif limit is not None:
        dim = max(dim, 1)
    config = Config(rows, dim, _pad(padding, rows), limit, order, scale, gradient_is_sparse, frozen)
    palette, layout = draw(_simplest_first(tuple(weights), subject.layouts("weight_layout", layouts)))
    if layout == "expanded" and (writable or limit is not None):
        layout = "contiguous"
    # One seed for all: where two draws are alike, Hypothesis spends most cases on copying one into the other.
    rng = random.Random(draw(_seeds))  # noqa: S311 - test data
    if palette == palettes.NEAR:
        weight = palettes.near(limit or 1.0, order, dtype, (rows, dim), rng.getrandbits(32))
    else:
        weight = palettes.fill(palette, dtype, (rows, dim), rng.getrandbits(32))
    if config.padding_row is not None and subject.switch("pads_hold", pads_hold) == OFF:
        weight = _blanked(weight, config.padding_row)
        layout = "contiguous" if layout == "expanded" else layout  # else every row would be the first again
    patterns, scalar = tuple(index_patterns or INDEX_PATTERNS), corner == "sparse padding of a scalar"
    lying = subject.layouts("index_layout", layouts), subject.layouts("upstream_layout", layouts)
    shapes = tuple(s for s in (FEW_SHAPES if subject.compiles else SHAPES) if math.prod(s) >= indices)
    kinds = _lookups(tuple(upstreams), patterns, tuple(index_dtypes), shapes, lying)
    counts = (count, *(rng.choice((count, None)) for _ in range(lookups - 1)))
    calls = tuple(_lookup(draw, kinds, config, dtype, rng, many, scalar=scalar) for many in counts)
    return Case(config, _expandable(weight, layout), calls, layout)


@st.composite
def out_of_range(draw: st.DrawFn) -> Case:
    """A case in which one index, and only one, is out of range."""
    case = draw(cases(freeze=ANY, indices=1, columns=1))
    call, rows = case.lookups[0], case.config.num_embeddings
    bad = (rows, -1, rows + 1, -rows, -rows - 1, 2**31 - 1, -(2**31), 2**31, 2**40, -(2**40))
    fitting = bad[:7] if call.index.dtype == "int32" else bad
    positions = list(case.positions)
    positions[draw(st.integers(0, len(positions) - 1))] = draw(st.sampled_from(fitting))
    index = Tensor.of(call.index.dtype, call.index.shape, positions)
    layout = "contiguous" if call.index_layout == "expanded" else call.index_layout
    return replace(case, lookups=(replace(call, index=index, index_layout=layout),))


@functools.cache
def _sizes(columns: int, indices: int, *, large: bool, few: bool) -> st.SearchStrategy[tuple[int, int, int | None]]:
    """num_embeddings, embedding_dim, and how many indices the first lookup has where the case is large."""
    counts = FEW_NUM_EMBEDDINGS if few else NUM_EMBEDDINGS
    dims = [dim for dim in (FEW_EMBEDDING_DIMS if few else EMBEDDING_DIMS) if dim >= columns]
    small = sorted(itertools.product(counts, dims), key=lambda s: counts.index(s[0]) + dims.index(s[1]))
    usual = [(*sizes, None) for sizes in small for _ in range(300 // len(small))]
    # Seven in a hundred are large: enough for each clause to meet some, and few enough to stay fast.
    many = [one for one in LARGE if large and one[1] >= columns and one[2] >= indices]
    return st.sampled_from(usual + many)


@functools.cache
def _flags(padding_idx: str, scale: str, sparse: str, freeze: str) -> st.SearchStrategy[tuple[Any, ...]]:
    off = (None,) * (0 if padding_idx == ON else len(_PADDING))  # as likely as on, where either may be
    padding = off if padding_idx == OFF else off + _PADDING
    return _simplest_first(padding, _SWITCH[scale], _SWITCH[sparse], _SWITCH[freeze])


@functools.cache
def _norms(max_norm: str, norm_type: float | None) -> st.SearchStrategy[tuple[Any, ...]]:
    """max_norm and norm_type; off is as likely as on, where either may be."""
    on = _simplest_first(MAX_NORMS, NORM_TYPES if norm_type is None else (norm_type,))
    off = st.just((None, 2.0))
    return on if max_norm == ON else off if max_norm == OFF else off | on


@functools.cache
def _lookups(
    upstreams: tuple[str, ...],
    patterns: tuple[str, ...],
    dtypes: tuple[str, ...],
    shapes: tuple[tuple[int, ...], ...],
    layouts: tuple[tuple[str, ...], tuple[str, ...]],
) -> st.SearchStrategy[tuple[Any, ...]]:
    """Shape, index pattern, index dtype and layout, upstream palette and layout."""
    # Hypothesis draws evenly from up to some hundred options; from thousands it prefers the first, the simplest.
    places = _simplest_first(shapes, tuple(sorted(dtypes, reverse=True)))
    return st.tuples(places, _simplest_first(patterns, upstreams), _simplest_first(*layouts))


def _lookup(
    draw: st.DrawFn,
    kinds: st.SearchStrategy[tuple[Any, ...]],
    config: Config,
    dtype: str,
    rng: random.Random,
    count: int | None = None,
    *,
    scalar: bool = False,
) -> Lookup:
    (shape, index_dtype), (pattern, palette), layouts = draw(kinds)
    shape = () if scalar else _out_of_corners(config, shape if count is None else _enlarged(shape, count))
    return _filled(config, dtype, shape, index_dtype, pattern, palette, layouts, rng)


def _enlarged(shape: tuple[int, ...], count: int) -> tuple[int, ...]:
    """The shape, longer in its first dimension: at least `count` places, and of the same rank when it is shrunk."""
    each = math.prod(shape[1:])
    return (-(-count // each), *shape[1:]) if each else (count,)


def random_lookup(config: Config, dtype: str, shape: tuple[int, ...], rng: random.Random) -> Lookup:
    """A lookup whose index has this shape, and everything else as `rng` has it."""
    pattern, palette = rng.choice(tuple(INDEX_PATTERNS)), rng.choice(palettes.MODERATE)
    layouts, index_dtype = (rng.choice(_LAYOUTS), rng.choice(_LAYOUTS)), rng.choice(INDEX_DTYPES)
    return _filled(config, dtype, _out_of_corners(config, shape), index_dtype, pattern, palette, layouts, rng)


def _out_of_corners(config: Config, shape: tuple[int, ...]) -> tuple[int, ...]:
    return (1,) if shape == () and config.sparse and config.padding_idx is not None else shape


def _filled(
    config: Config,
    dtype: str,
    shape: tuple[int, ...],
    index_dtype: str,
    pattern: str,
    palette: str,
    layouts: tuple[str, str],
    rng: random.Random,
) -> Lookup:
    index_layout, upstream_layout = layouts
    positions = INDEX_PATTERNS[pattern](config, math.prod(shape), rng)
    index = _expandable(Tensor.of(index_dtype, shape, positions), index_layout)
    upstream = palettes.fill(palette, dtype, (*shape, config.embedding_dim), rng.getrandbits(32))
    if under_test.get().flushes and palette != "tiny":
        upstream = _without_underflow(upstream)
    return Lookup(index, _expandable(upstream, upstream_layout), index_layout, upstream_layout)


def _without_underflow(tensor: Tensor) -> Tensor:
    """The same with zeros for the elements whose sums may lie below the normal numbers."""
    tiny, size = may_underflow(tensor.format), tensor.format.component_size
    components = (tensor.data[at : at + size] for at in range(0, len(tensor.data), size))
    data = (bytes(size) if tiny(value) else kept for value, kept in zip(tensor.components(), components))
    return Tensor(tensor.dtype, tensor.shape, b"".join(data))


def _pad(kind: str | None, rows: int) -> int | None:
    kinds = {
        None: None,
        "first": 0,
        "last": rows - 1,
        "middle": rows // 2,
        "last from the end": -1,
        "first from the end": -rows,
    }
    return kinds[kind]


def _blanked(weight: Tensor, row: int) -> Tensor:
    """The weight with zeros in a row."""
    size = weight.row_size
    return Tensor(weight.dtype, weight.shape, weight.data[: row * size] + bytes(size) + weight.data[(row + 1) * size :])


def _expandable(tensor: Tensor, layout: str) -> Tensor:
    """For the expanded layout, the tensor with every entry along its first dimension like the first."""
    if layout != "expanded" or not tensor.shape or not tensor.shape[0]:
        return tensor
    return Tensor(tensor.dtype, tensor.shape, tensor.row(0) * tensor.shape[0])
