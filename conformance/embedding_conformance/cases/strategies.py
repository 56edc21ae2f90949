"""Hypothesis strategies for cases; public, so that other suites can use them.

Cases mix all arguments that can be used together, as far as a domain (`cases.domain`) lets them. A case takes few
draws: the content of a tensor is a palette's name and a seed (`cases.palettes`). That makes drawing fast, and shrinking
good.
"""

from __future__ import annotations

import functools
import itertools
import math
import random
from contextvars import ContextVar
from dataclasses import replace
from typing import Any, NamedTuple

from hypothesis import strategies as st

from embedding_conformance.cases import palettes
from embedding_conformance.cases.case import DTYPES, LAYOUTS, Case, Config, Lookup, may_underflow
from embedding_conformance.cases.domain import ANY, OFF, ON, Domain
from embedding_conformance.cases.indices import INDEX_PATTERNS
from embedding_conformance.cases.sizes import (
    EMBEDDING_DIMS,
    FEW_EMBEDDING_DIMS,
    FEW_NUM_EMBEDDINGS,
    FEW_SHAPES,
    LARGE,
    MAX_NORMS,
    NORM_TYPES,
    NUM_EMBEDDINGS,
    SHAPES,
)
from embedding_reference import Tensor
from embedding_reference.model import INDEX_DTYPES


class UnderTest(NamedTuple):
    """What the strategies take into account about the implementation under test.

    Attributes:
        dtype: the weight dtype of `cases()` that name none; None: any.
        lacks: features that the implementation lacks altogether (`cases.features.lacking`). `cases()` use them only
            where a clause asks for them, to see them refused; elsewhere too few cases would be left to run.
        flushes: whether its arithmetic replaces subnormal numbers by zeros by design. Upstream gradients then have them
            only in the palette of such numbers.
        compiles: whether it compiles anew for each shape. `cases()` then have few shapes, so that most are met again.
        freezes: whether it differentiates no weight of the dtype. `cases()` then train only where a clause asks to.
        untracked: whether it takes such a weight under no_grad all the same.
    """

    dtype: str | None = None
    lacks: frozenset[str] = frozenset()
    flushes: bool = False
    compiles: bool = False
    freezes: bool = False
    untracked: bool = False

    def switch(self, name: str, asked: str) -> str:
        """`ANY`, `ON` or `OFF` for an argument, given what the clause asks for."""
        return OFF if asked == ANY and name in self.lacks else asked

    def layouts(self, name: str, asked: str) -> tuple[str, ...]:
        """The layouts of a tensor to draw from, given what the clause asks for."""
        return _LAYOUTS[:1] if asked == ANY and name in self.lacks else _LAYOUTS


under_test: ContextVar[UnderTest] = ContextVar("under_test", default=UnderTest())  # noqa: B039 - it is immutable
"""Set by the suite for each test; by default every dtype and feature is drawn."""

SELDOM = "seldom"
"""How often a weight is frozen where max_norm is asked for and freeze is open: a frozen one need not be rescaled."""

_PADDING = ("first", "last", "middle")
_NEGATIVE_PADDING = ("last from the end", "first from the end")
_SWITCH = {ANY: (False, True), ON: (True,), OFF: (False,), SELDOM: (False, False, False, True)}
_LAYOUTS = ("contiguous", *LAYOUTS)  # contiguous twice as often as any other

_seeds = st.integers(0, 2**32 - 1)
_dtypes = st.sampled_from(DTYPES)


@functools.cache
def _simplest_first(*options: tuple[Any, ...]) -> st.SearchStrategy[tuple[Any, ...]]:
    """One of each of the options, in a single draw that shrinks towards the first of each."""
    combinations = itertools.product(*options)
    return st.sampled_from(sorted(combinations, key=lambda chosen: sum(map(tuple.index, options, chosen))))


def cases(**keywords: Any) -> st.SearchStrategy[Case]:
    """Cases: a configuration, a weight, and lookups with upstream gradients.

    Args:
        keywords: those of `cases.domain.Domain`, each of which narrows one of them.
    """
    return cases_of(Domain(**keywords))


@st.composite
def cases_of(draw: st.DrawFn, domain: Domain) -> Case:
    """The cases of a domain, as they are before anything is made of them."""
    subject = under_test.get()
    dtype = domain.dtype or subject.dtype or draw(_dtypes)
    rows, dim, count = draw(
        _sizes(domain.columns, domain.indices, large=domain.large and not domain.corner, few=subject.compiles)
    )
    no_grad = subject.untracked and domain.no_grad != OFF if subject.freezes else domain.no_grad == ON
    freeze = subject.switch("freeze", domain.freeze)
    if freeze == ANY:
        freeze = ON if subject.freezes and not no_grad else SELDOM if domain.max_norm == ON else ANY
    place, scale, gradient_is_sparse, frozen = draw(
        _flags(
            subject.switch("padding_idx", domain.padding_idx),
            subject.switch("scale_grad_by_freq", domain.scale_grad_by_freq),
            subject.switch("sparse", domain.sparse),
            freeze,
            negative=domain.corner == "negative padding_idx",
        )
    )
    limit, order = draw(_norms(subject.switch("max_norm", domain.max_norm), domain.norm_type))
    if domain.corner == "sparse with scale":
        scale = gradient_is_sparse = True
    elif scale and gradient_is_sparse:
        scale, gradient_is_sparse = domain.sparse != ON, domain.sparse == ON
    if domain.corner == "max_norm without columns":
        dim = 0
    elif limit is not None:
        dim = max(dim, 1)
    config = Config(rows, dim, _padding_idx(place, rows), limit, order, scale, gradient_is_sparse, frozen)
    palette, layout = draw(_simplest_first(tuple(domain.weights), subject.layouts("weight_layout", domain.layouts)))
    if layout == "expanded" and (domain.writable or limit is not None):
        layout = "contiguous"
    # One seed for all: where two draws have the same options, Hypothesis spends most cases on copying one to the other.
    rng = random.Random(draw(_seeds))  # noqa: S311 - test data
    if palette == palettes.NEAR:
        weight = palettes.near(limit or 1.0, order, dtype, (rows, dim), rng.getrandbits(32))
    else:
        weight = palettes.fill(palette, dtype, (rows, dim), rng.getrandbits(32))
    if config.padding_row is not None and subject.switch("pads_hold", domain.pads_hold) == OFF:
        weight = blanked(weight, config.padding_row)
        layout = "contiguous" if layout == "expanded" else layout  # which would repeat the first row, zero or not
    patterns, scalar = tuple(domain.index_patterns or INDEX_PATTERNS), domain.corner == "sparse padding of a scalar"
    layout_options = subject.layouts("index_layout", domain.layouts), subject.layouts("upstream_layout", domain.layouts)
    shapes = tuple(s for s in (FEW_SHAPES if subject.compiles else SHAPES) if math.prod(s) >= domain.indices)
    choices = _lookup_choices(tuple(domain.upstreams), patterns, tuple(domain.index_dtypes), shapes, layout_options)
    counts = (count, *(rng.choice((count, None)) for _ in range(domain.lookups - 1)))
    calls = tuple(_lookup(draw, choices, config, dtype, rng, least, scalar=scalar) for least in counts)
    return Case(config, expandable(weight, layout), calls, layout, no_grad)


@st.composite
def out_of_range(draw: st.DrawFn) -> Case:
    """A case in which exactly one index is out of range."""
    case = draw(cases(freeze=ANY, indices=1, columns=1))
    call, rows = case.lookups[0], case.config.num_embeddings
    outside = (rows, -1, rows + 1, -rows, -rows - 1, 2**31 - 1, -(2**31), 2**31, 2**40, -(2**40))
    fitting = outside[:7] if call.index.dtype == "int32" else outside
    positions = list(case.positions)
    positions[draw(st.integers(0, len(positions) - 1))] = draw(st.sampled_from(fitting))
    index = Tensor.of(call.index.dtype, call.index.shape, positions)
    layout = "contiguous" if call.index_layout == "expanded" else call.index_layout
    return replace(case, lookups=(replace(call, index=index, index_layout=layout),))


@functools.cache
def _sizes(columns: int, indices: int, *, large: bool, few: bool) -> st.SearchStrategy[tuple[int, int, int | None]]:
    """num_embeddings, embedding_dim, and the number of indices of the first lookup of a large case (else None)."""
    counts = FEW_NUM_EMBEDDINGS if few else NUM_EMBEDDINGS
    dims = [dim for dim in (FEW_EMBEDDING_DIMS if few else EMBEDDING_DIMS) if dim >= columns]
    small = sorted(itertools.product(counts, dims), key=lambda s: counts.index(s[0]) + dims.index(s[1]))
    usual = [(*sizes, None) for sizes in small for _ in range(300 // len(small))]
    # Seven cases in a hundred are large: enough for each clause to meet some, and few enough to stay fast.
    rare = [sizes for sizes in LARGE if large and sizes[1] >= columns and sizes[2] >= indices]
    return st.sampled_from(usual + rare)


@functools.cache
def _flags(
    padding_idx: str, scale: str, sparse: str, freeze: str, *, negative: bool
) -> st.SearchStrategy[tuple[Any, ...]]:
    """The place of padding_idx (None: it is off), and whether scale_grad_by_freq, sparse and freeze are on."""
    off = (None,) * (0 if padding_idx == ON else len(_PADDING))  # off is as likely as on, where both are allowed
    places = _NEGATIVE_PADDING if negative else off if padding_idx == OFF else off + _PADDING
    return _simplest_first(places, _SWITCH[scale], _SWITCH[sparse], _SWITCH[freeze])


@functools.cache
def _norms(max_norm: str, norm_type: float | None) -> st.SearchStrategy[tuple[Any, ...]]:
    """max_norm and norm_type; off is as likely as on, where both are allowed."""
    on = _simplest_first(MAX_NORMS, NORM_TYPES if norm_type is None else (norm_type,))
    off = st.just((None, 2.0))
    return on if max_norm == ON else off if max_norm == OFF else off | on


@functools.cache
def _lookup_choices(
    upstreams: tuple[str, ...],
    patterns: tuple[str, ...],
    dtypes: tuple[str, ...],
    shapes: tuple[tuple[int, ...], ...],
    layouts: tuple[tuple[str, ...], tuple[str, ...]],
) -> st.SearchStrategy[tuple[Any, ...]]:
    """(index shape, index dtype), (index pattern, upstream palette), (index layout, upstream layout)."""
    # Three draws: Hypothesis draws evenly from some hundred options, but prefers the first, the simplest, of thousands.
    indices = _simplest_first(shapes, tuple(sorted(dtypes, reverse=True)))
    return st.tuples(indices, _simplest_first(patterns, upstreams), _simplest_first(*layouts))


def _lookup(
    draw: st.DrawFn,
    choices: st.SearchStrategy[tuple[Any, ...]],
    config: Config,
    dtype: str,
    rng: random.Random,
    least: int | None = None,
    *,
    scalar: bool = False,
) -> Lookup:
    """A lookup with a drawn shape, or one of `least` indices or more, or with a 0-d index."""
    (shape, index_dtype), (pattern, palette), layouts = draw(choices)
    shape = () if scalar else _out_of_corners(config, shape if least is None else _enlarged(shape, least))
    return _filled(config, dtype, shape, index_dtype, pattern, palette, layouts, rng)


def _enlarged(shape: tuple[int, ...], count: int) -> tuple[int, ...]:
    """A shape of the same rank with at least `count` elements: a longer first dimension, so that it shrinks well."""
    each = math.prod(shape[1:])
    return (-(-count // each), *shape[1:]) if each else (count,)


def random_lookup(config: Config, dtype: str, shape: tuple[int, ...], rng: random.Random) -> Lookup:
    """A lookup whose index has this shape; everything else is drawn from `rng`, not from Hypothesis."""
    pattern, palette = rng.choice(tuple(INDEX_PATTERNS)), rng.choice(palettes.MODERATE)
    layouts, index_dtype = (rng.choice(_LAYOUTS), rng.choice(_LAYOUTS)), rng.choice(INDEX_DTYPES)
    return _filled(config, dtype, _out_of_corners(config, shape), index_dtype, pattern, palette, layouts, rng)


def _out_of_corners(config: Config, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of an index, but not a scalar where that is one of `CORNERS`."""
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
    """The lookup of these choices, its indices and upstream gradient filled in."""
    index_layout, upstream_layout = layouts
    positions = INDEX_PATTERNS[pattern](config, math.prod(shape), rng)
    index = expandable(Tensor.of(index_dtype, shape, positions), index_layout)
    upstream = palettes.fill(palette, dtype, (*shape, config.embedding_dim), rng.getrandbits(32))
    if under_test.get().flushes and palette != "tiny":
        upstream = _without_underflow(upstream)
    return Lookup(index, expandable(upstream, upstream_layout), index_layout, upstream_layout)


def _without_underflow(tensor: Tensor) -> Tensor:
    """The tensor with zeros for the components whose sums may be subnormal."""
    tiny, size = may_underflow(tensor.format), tensor.format.component_size
    components = (tensor.data[at : at + size] for at in range(0, len(tensor.data), size))
    data = (bytes(size) if tiny(value) else kept for value, kept in zip(tensor.components(), components))
    return Tensor(tensor.dtype, tensor.shape, b"".join(data))


def _padding_idx(place: str | None, rows: int) -> int | None:
    """The padding_idx at a place of `_PADDING` or `_NEGATIVE_PADDING` in a table of so many rows."""
    values = {
        None: None,
        "first": 0,
        "last": rows - 1,
        "middle": rows // 2,
        "last from the end": -1,
        "first from the end": -rows,
    }
    return values[place]


def blanked(weight: Tensor, row: int) -> Tensor:
    """The weight with zeros in one row."""
    size = weight.row_size
    return Tensor(weight.dtype, weight.shape, weight.data[: row * size] + bytes(size) + weight.data[(row + 1) * size :])


def expandable(tensor: Tensor, layout: str) -> Tensor:
    """The tensor, for the layout "expanded" with every entry along its first dimension equal to the first."""
    if layout != "expanded" or not tensor.shape or not tensor.shape[0]:
        return tensor
    return Tensor(tensor.dtype, tensor.shape, tensor.row(0) * tensor.shape[0])
