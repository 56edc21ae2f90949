"""The strategy for `Life`: a case that goes on, step by step.

As in `cases.strategies` there are few draws, and no two have the same options: Hypothesis would spend most cases on
copying one step into another.
"""

from __future__ import annotations

import functools
import random
from typing import Any

from hypothesis import strategies as st

from embedding_conformance.cases import palettes
from embedding_conformance.cases.case import DTYPES, Case, Life, Step
from embedding_conformance.cases.domain import ANY, OFF
from embedding_conformance.cases.optimisers import optimizers_for
from embedding_conformance.cases.sizes import FEW_SHAPES, SHAPES
from embedding_conformance.cases.strategies import cases, random_lookup, under_test
from embedding_reference import FORMATS

STEPS = 12
"""The most steps that a life has."""

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
"""The verbs of steps, simplest first, each with its variants; a verb is drawn as often as it has variants."""

_VARIANTS = tuple((verb, how) for verb, variants in VERBS.items() for how in variants)

_seeds = st.sampled_from(range(256))


@st.composite
def life_cases(draw: st.DrawFn) -> Life:
    """A case of one lookup, and up to `STEPS` steps."""
    dtype = under_test.get().dtype or draw(st.sampled_from(DTYPES))
    # A complex weight is often not differentiable; any other is frozen by a step.
    freeze = ANY if FORMATS[dtype].kind == "complex" else OFF
    moderate = palettes.MODERATE
    case = draw(cases(dtype=dtype, freeze=freeze, weights=moderate, upstreams=moderate, large=False, writable=True))
    rng = random.Random(draw(_seeds))  # noqa: S311 - test data
    shapes = FEW_SHAPES if under_test.get().compiles else SHAPES
    drawn = [(draw(_verbs(place)), draw(_shapes(place, shapes))) for place in range(STEPS)]
    steps = tuple(_step(case, verb, how, shape, rng) for (_, verb, how), (_, shape) in drawn if verb != "rest")
    return Life(case.config, case.weight, case.lookups, case.weight_layout, steps=steps)


@functools.cache
def _verbs(place: int) -> st.SearchStrategy[tuple[Any, ...]]:
    """A verb and its variant, with the place of the step, which makes the options of each draw differ."""
    return st.sampled_from([(place, *variant) for variant in _VARIANTS])


@functools.cache
def _shapes(place: int, shapes: tuple[tuple[int, ...], ...]) -> st.SearchStrategy[tuple[Any, ...]]:
    """The shape of an index, with the place of the step."""
    return st.sampled_from([(place, shape) for shape in shapes])


def _step(case: Case, verb: str, how: str, shape: tuple[int, ...], rng: random.Random) -> Step:
    """The step of a verb, with the lookups and the weight that it needs."""
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
