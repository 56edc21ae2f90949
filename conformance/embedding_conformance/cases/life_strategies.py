"""The strategy for lives: cases that go on, step by step.

As everywhere in `cases.strategies` there are few draws, and no two that are alike: Hypothesis would spend most
lives on copying one step into another.
"""

from __future__ import annotations

import functools
import random
from typing import Any

from hypothesis import strategies as st

from embedding_conformance.cases import palettes
from embedding_conformance.cases.case import Case, Life, Step
from embedding_conformance.cases.optimisers import optimizers_for
from embedding_conformance.cases.strategies import (
    ANY,
    DTYPES,
    FEW_SHAPES,
    OFF,
    SHAPES,
    cases,
    random_lookup,
    under_test,
)
from embedding_reference import FORMATS

STEPS = 12

VERBS = {
    "rest": ("",),
    "look up": ("",) * 4,
    "look up together": ("",) * 2,
    "train": ("",) * 4,
    "clear": ("to none", "to zeros"),
    "edit": ("",),
    "load": ("",),
    "save": ("",),
    "restore": ("",),
    "reset": ("",),
    "copy": ("deepcopy", "pickle", "save"),
    "mode": ("eval", "train"),
    "freeze": ("",),
    "thaw": ("",),
    "cast": ("",) * 2,
}
"""What steps do, simplest first, and in which ways; as often as the ways are many."""

_WAYS = tuple((verb, how) for verb, ways in VERBS.items() for how in ways)

_variants = st.sampled_from(range(256))


@st.composite
def lives(draw: st.DrawFn) -> Life:
    """A case of one lookup, and up to `STEPS` steps."""
    dtype = under_test.get().dtype or draw(st.sampled_from(DTYPES))
    # A complex weight is often not differentiable; any other is frozen by a step.
    freeze = ANY if FORMATS[dtype].kind == "complex" else OFF
    moderate = palettes.MODERATE
    case = draw(cases(dtype=dtype, freeze=freeze, weights=moderate, upstreams=moderate, large=False, writable=True))
    rng = random.Random(draw(_variants))  # noqa: S311 - test data
    shapes = FEW_SHAPES if under_test.get().compiles else SHAPES
    drawn = [(draw(_ways(place)), draw(_each(place, shapes))) for place in range(STEPS)]
    steps = tuple(_step(case, verb, how, shape, rng) for (_, verb, how), (_, shape) in drawn if verb != "rest")
    return Life(case.config, case.weight, case.lookups, case.weight_layout, steps)


@functools.cache
def _ways(place: int) -> st.SearchStrategy[tuple[Any, ...]]:
    """A verb and a way, and the place, which makes the draws differ."""
    return st.sampled_from([(place, *way) for way in _WAYS])


@functools.cache
def _each(place: int, shapes: tuple[tuple[int, ...], ...]) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.sampled_from([(place, shape) for shape in shapes])


def _step(case: Case, verb: str, how: str, shape: tuple[int, ...], rng: random.Random) -> Step:
    """A step with all that it needs."""
    config, dtype = case.config, case.weight.dtype
    weight = None
    if verb in ("edit", "load"):
        weight = palettes.fill("normal", dtype, case.weight.shape, rng.getrandbits(32))
    count = {"look up": 1, "look up together": 2, "train": 1, "cast": 1}.get(verb, 0)
    if verb == "train":
        how = rng.choice(tuple(optimizers_for(config)))
    elif verb == "cast":
        kind = FORMATS[dtype].kind
        how = rng.choice([other for other in DTYPES if other != dtype and FORMATS[other].kind == kind])
    return Step(verb, how, tuple(random_lookup(config, dtype, shape, rng) for _ in range(count)), weight)
