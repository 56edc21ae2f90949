"""Hypothesis strategies for cases; public, so that other suites can use them.

`cases()` mixes every argument that may be on at the same time; each keyword narrows one of them. Few, large choices:
the contents of a tensor are a palette's name and a seed (`conformance.palettes`), which keeps drawing fast and shrinks
well.
"""

from __future__ import annotations

import functools
import math
import random
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from dataclasses import replace

from hypothesis import strategies as st

from conformance import palettes
from conformance.case import LAYOUTS, Case, Config, Lookup
from reference import Tensor
from reference.embedding import INDEX_DTYPES

DTYPES = ("float32", "float64", "float16", "bfloat16", "complex64", "complex128")

dtype_under_test: ContextVar[str | None] = ContextVar("dtype_under_test", default=None)
"""The weight dtype of `cases()` that name none: the suite sets it for each test; elsewhere every dtype is drawn."""

NUM_EMBEDDINGS = (2, 3, 4, 1, 5, 8, 33)
EMBEDDING_DIMS = (2, 3, 1, 4, 0, 7, 17)
SHAPES = (
    (1,),
    (2,),
    (3,),
    (),
    (0,),
    (2, 2),
    (1, 1),
    (0, 3),
    (3, 0),
    (5,),
    (2, 3),
    (2, 1, 2),
    (1, 2, 1, 2),
    (9,),
    (33,),
)
LARGE_SHAPES = ((257,), (16, 17), (1025,))
NORM_TYPES = (2.0, 1.0, float("inf"), 3.0, 0.5, 1.5)
MAX_NORMS = (1.0, 2.0, 0.5, 5.0, 0.1, 64.0)

ANY, ON, OFF = "any", "on", "off"

CORNERS = ("sparse with scale", "sparse padding of a scalar", "max_norm without columns")
"""Interplays that have a clause of their own and are left out elsewhere, so that one defect there shows once:
scale_grad_by_freq with sparse; a 0-d index with padding_idx and sparse; max_norm for rows without elements."""

_seeds = st.integers(0, 2**32 - 1)
_booleans = st.booleans()
_num_embeddings = st.sampled_from(NUM_EMBEDDINGS)
_embedding_dims = st.sampled_from(EMBEDDING_DIMS)
_large_shapes = st.sampled_from(LARGE_SHAPES)
_one_in_sixteen = st.integers(0, 15).map(lambda i: i == 15)
_norm_types = st.sampled_from(NORM_TYPES)
_max_norms = st.sampled_from(MAX_NORMS)
_layouts = st.sampled_from(("contiguous", *LAYOUTS))
_index_dtypes = st.sampled_from(("int64", "int32"))
_dtypes = st.sampled_from(DTYPES)
_padding = st.sampled_from(("first", "last", "middle", "last from the end", "first from the end"))


def _switch(value: str) -> st.SearchStrategy[bool]:
    return _booleans if value == ANY else st.just(value == ON)


@functools.cache
def _shapes_of_at_least(count: int) -> st.SearchStrategy[tuple[int, ...]]:
    return st.sampled_from([shape for shape in SHAPES if math.prod(shape) >= count])


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
    upstreams: Sequence[str] = palettes.FINITE,
    index_patterns: Sequence[str] | None = None,
    index_dtypes: Sequence[str] = INDEX_DTYPES,
    lookups: int = 1,
    indices: int = 0,
    columns: int = 0,
    large: bool = True,
    writable: bool = False,
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
        index_patterns: names in `INDEX_PATTERNS` that indices follow; None: all of them.
        index_dtypes: dtypes of the index.
        lookups: how many calls.
        indices: the fewest indices that a lookup may have.
        columns: the fewest elements that a row may have.
        large: whether there may be hundreds of indices.
        writable: whether the weight must not be laid out "expanded", whose rows share memory and cannot be written to.
        corner: the one of `CORNERS` that the case must be in; by default it is in none.
    """
    dtype = dtype or dtype_under_test.get() or draw(_dtypes)
    rows = draw(_num_embeddings)
    dim = max(draw(_embedding_dims), columns)
    pad = _pad(draw(_padding), rows) if draw(_switch(padding_idx)) else None
    limit, order = None, 2.0
    if draw(_switch(max_norm)):
        limit = draw(_max_norms)
        order = draw(_norm_types) if norm_type is None else norm_type
    scale, gradient_is_sparse = draw(_switch(scale_grad_by_freq)), draw(_switch(sparse))
    if corner == "sparse with scale":
        scale = gradient_is_sparse = True
    elif scale and gradient_is_sparse:
        scale, gradient_is_sparse = sparse != ON, sparse == ON
    if corner == "max_norm without columns":
        dim = 0
    elif limit is not None:
        dim = max(dim, 1)
    config = Config(rows, dim, pad, limit, order, scale, gradient_is_sparse, draw(_switch(freeze)))
    weight_layout = draw(_layouts)
    if weight_layout == "expanded" and (writable or limit is not None):
        weight_layout = "contiguous"
    weight = palettes.fill(draw(st.sampled_from(weights)), dtype, (rows, dim), draw(_seeds))
    calls = tuple(
        _lookup(draw, config, dtype, upstreams, index_patterns, index_dtypes, corner, indices=indices, large=large)
        for _ in range(lookups)
    )
    return Case(config, _expandable(weight, weight_layout), calls, weight_layout)


@st.composite
def lookups_for(draw: st.DrawFn, case: Case, *, upstreams: Sequence[str] = palettes.MODERATE) -> Lookup:
    """One more lookup for a case's configuration, with up to 33 indices."""
    return _lookup(draw, case.config, case.weight.dtype, upstreams, None, INDEX_DTYPES, indices=0, large=False)


@st.composite
def out_of_range(draw: st.DrawFn) -> Case:
    """A case in which one index, and only one, is out of range."""
    case = draw(cases(freeze=ANY, indices=1, columns=1, large=False, index_dtypes=("int64", "int32")))
    call, rows = case.lookups[0], case.config.num_embeddings
    bad = (rows, -1, rows + 1, -rows, -rows - 1, 2**31 - 1, -(2**31), 2**31, 2**40, -(2**40))
    fitting = bad[:7] if call.index.dtype == "int32" else bad
    positions = case.positions
    positions[draw(st.integers(0, len(positions) - 1))] = draw(st.sampled_from(fitting))
    index = Tensor.of(call.index.dtype, call.index.shape, positions)
    layout = "contiguous" if call.index_layout == "expanded" else call.index_layout
    return replace(case, lookups=(replace(call, index=index, index_layout=layout),))


def _lookup(
    draw: st.DrawFn,
    config: Config,
    dtype: str,
    upstreams: Sequence[str],
    patterns: Sequence[str] | None,
    index_dtypes: Sequence[str],
    corner: str = "",
    *,
    indices: int,
    large: bool,
) -> Lookup:
    shape = draw(_large_shapes) if large and draw(_one_in_sixteen) else draw(_shapes_of_at_least(indices))
    if corner == "sparse padding of a scalar":
        shape = ()
    elif shape == () and config.sparse and config.padding_idx is not None:
        shape = (1,)
    count = math.prod(shape)
    rng = random.Random(draw(_seeds))  # noqa: S311 - test data
    pattern = draw(_all_patterns if patterns is None else st.sampled_from(patterns))
    positions = INDEX_PATTERNS[pattern](config, count, rng)
    index_dtype = draw(_index_dtypes) if index_dtypes == INDEX_DTYPES else draw(st.sampled_from(index_dtypes))
    index_layout, upstream_layout = draw(_layouts), draw(_layouts)
    index = _expandable(Tensor.of(index_dtype, shape, positions), index_layout)
    palette = draw(st.sampled_from(upstreams))
    upstream = palettes.fill(palette, dtype, (*shape, config.embedding_dim), rng.getrandbits(32))
    return Lookup(index, _expandable(upstream, upstream_layout), index_layout, upstream_layout)


def _pad(kind: str, rows: int) -> int:
    kinds = {"first": 0, "last": rows - 1, "middle": rows // 2, "last from the end": -1, "first from the end": -rows}
    return kinds[kind]


def _expandable(tensor: Tensor, layout: str) -> Tensor:
    """For the expanded layout, the tensor with every entry along its first dimension like the first."""
    if layout != "expanded" or not tensor.shape or not tensor.shape[0]:
        return tensor
    return Tensor(tensor.dtype, tensor.shape, tensor.row(0) * tensor.shape[0])


def _only_pads(config: Config, count: int, rng: random.Random) -> list[int]:
    row = config.padding_row
    return [rng.randrange(config.num_embeddings) if row is None else row] * count


def _some_pads(config: Config, count: int, rng: random.Random) -> list[int]:
    positions = _uniform(config, count, rng)
    return [config.padding_row if config.padding_row is not None and rng.random() < 0.5 else p for p in positions]


def _uniform(config: Config, count: int, rng: random.Random) -> list[int]:
    return [rng.randrange(config.num_embeddings) for _ in range(count)]


def _counting(config: Config, count: int, rng: random.Random) -> list[int]:
    start = rng.randrange(config.num_embeddings)
    return [(start + i) % config.num_embeddings for i in range(count)]


def _equal(config: Config, count: int, rng: random.Random) -> list[int]:
    return [rng.randrange(config.num_embeddings)] * count


def _two(config: Config, count: int, rng: random.Random) -> list[int]:
    pair = _uniform(config, 2, rng)
    return [rng.choice(pair) for _ in range(count)]


INDEX_PATTERNS: dict[str, Callable[[Config, int, random.Random], list[int]]] = {
    "counting": _counting,
    "equal": _equal,
    "two rows": _two,
    "uniform": _uniform,
    "some pads": _some_pads,
    "only pads": _only_pads,
}
"""How indices are chosen, simplest first."""

_all_patterns = st.sampled_from(tuple(INDEX_PATTERNS))
