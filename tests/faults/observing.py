"""What a planted fault answers to plain cases, and whether a model permits that."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import torch

import bench
from drawing import drawn
from embedding_conformance.adapters.torch.tensors import from_torch
from embedding_conformance.boundary.observations import Backward, Gradient
from embedding_conformance.boundary.refusals import Refused, Unsupported
from embedding_conformance.cases import palettes
from embedding_conformance.cases.case import Case, Config, Lookup
from embedding_conformance.cases.domain import ANY, ON
from embedding_conformance.cases.strategies import UnderTest, cases, out_of_range, under_test
from embedding_conformance.judging.compare import Deviation, compare
from embedding_conformance.judging.expectations import permits
from embedding_conformance.judging.tally import Observed
from embedding_reference import Embedding, Permitted, Tensor
from embedding_reference.fault_models import ATTRIBUTES, FORM, GRADIENT, OUTPUT, REFUSAL, SECOND_ORDER, WEIGHT
from embedding_reference.model import INDEX_DTYPES
from trigger import Accumulated, Shows, Together, Trigger, filled
from twin import Twin

OTHER_DTYPES = ("float64", "float16", "bfloat16", "complex64")
MADE = ("_weight", "from_pretrained")
COPIED = ("deepcopy", "pickle", "save")
CONTENTS = (
    ("normal", "counting"),
    ("counting", "normal"),
    ("specials", "specials"),
    ("tiny", "tiny"),
    ("huge", "huge"),
    ("bits", "cancelling"),
)
"""Palettes of weights and of upstream gradients."""
LARGE = 2000
"""Elements beyond which a case is large, and varied less."""


@dataclass(frozen=True)
class Answer:
    """What came of one question about a case."""

    case: Case
    what: str
    answer: Any

    def is_permitted_by(self, model: Embedding) -> bool:
        """Whether a model permits it."""
        if self.what == ATTRIBUTES:
            return bool(self.answer == model.attributes())
        if self.what == REFUSAL:
            return model.refusal is None
        if self.what == FORM:
            pairs = [(lookup.index, lookup.upstream) for lookup in self.case.lookups]
            return bool(self.answer == model.gradient_form(self.case.weight.dtype, pairs))
        if self.what == SECOND_ORDER:
            return _is_within(model.second_order(self.case.index, self.case.weight), self.answer)
        return permits(model, Observed(self.case, self.what, self.answer, deviates=True))


def _is_within(permitted: Permitted, observed: Tensor) -> bool:
    try:
        compare("the second derivative", permitted, observed)
    except Deviation:
        return False
    return True


# -- asking ------------------------------------------------------------------------------------------------------------


def answers(fault: type[Twin], case: Case) -> Iterator[Answer]:
    """What a planted fault answers; nothing where it refuses."""
    with suppress(Refused, Unsupported):
        instance = used(fault, case)
        if case.config.refusal is not None:
            yield Answer(case, REFUSAL, None)
            return
        kept = instance.attributes()
        yield Answer(case, ATTRIBUTES, {name: kept[name] for name in case.config.attributes()})
        with suppress(Refused):
            output = instance.forward(case.lookups[0], no_grad=fault.setting == "no_grad").output
            yield Answer(case, OUTPUT, output)
        yield Answer(case, WEIGHT, instance.weight())
    outside = case.features()["index_out_of_range"] or case.index.dtype not in INDEX_DTYPES
    if case.config.freeze or outside or fault.setting == "no_grad":
        return
    if fault.setting == "second order":
        if all(map(math.isfinite, case.weight.components())):
            with suppress(Refused, Unsupported):
                yield Answer(case, SECOND_ORDER, used(fault, case).second_order(case.lookups[0], case.weight))
        return
    with suppress(Refused, Unsupported):
        found = _gradient(fault, case)
        form = found and ("sparse" if found.layout == "coo" else found.layout, found.shape, found.values.dtype)
        yield Answer(case, FORM, form)
        if found and (form == case.config.gradient_form(case.weight.dtype, ()) or _is_of_other_layout(found, case)):
            yield Answer(case, GRADIENT, found)


def _gradient(fault: type[Twin], case: Case) -> Gradient | None:
    instance = used(fault, case)
    if fault.setting == "again":
        again: Backward = instance.again(case.lookups[0])[1]
        return again.gradient
    found: Backward = instance.gradient(case.lookups, together=fault.setting == "together")
    return found.gradient


def _is_of_other_layout(gradient: Gradient, case: Case) -> bool:
    right = gradient.shape == case.weight.shape and gradient.values.dtype == case.weight.dtype
    return right and gradient.layout in {"dense", "coo"}


def used(fault: type[Twin], case: Case) -> Any:
    """An embedding with the weight of the case, made and used as the fault's setting has it."""
    setting, adapter, config, weight = fault.setting, bench.adapter(fault), case.config, case.weight
    if setting == "made in float32":
        instance: Any = adapter.make(config, None, device="cpu", dtype="float32")
        instance.cast(weight.dtype)
        instance.edit(weight)
        return instance
    if setting == "used":
        weight = Tensor(weight.dtype, weight.shape, bytes(len(weight.data)))
    if setting == "thawed":
        config = replace(config, freeze=True)
    via = setting if setting in MADE else "assignment"
    instance = adapter.make(config, weight, device="cpu", layout=case.weight_layout, via=via)
    if setting in COPIED:
        return instance.copy(setting)
    if setting in STEPS:
        STEPS[setting](instance, case)
    return instance


STEPS: Mapping[str, Callable[[Any, Case], object]] = {
    "evaluation": lambda instance, _: instance.mode(training=False),
    "cast": lambda instance, case: instance.cast(case.weight.dtype),
    "load": lambda instance, _: instance.load(instance.state()),
    "reset": lambda instance, case: (instance.reset(), instance.edit(case.weight)),
    "second call": lambda instance, case: instance.forward(case.lookups[0]),
    "used": lambda instance, case: (instance.forward(case.lookups[0]), instance.edit(case.weight)),
    "thawed": lambda instance, case: (instance.forward(case.lookups[0]), instance.freeze(frozen=case.config.freeze)),
}
"""What is done to an embedding in a setting, before it is asked anything."""


# -- cases -------------------------------------------------------------------------------------------------------------


def cases_for(fault: type[Twin], drawn: int) -> Iterator[Case]:
    """The case that the fault's trigger has, others that are like it, and some that are drawn."""
    trigger = fault.trigger
    if not isinstance(trigger, Shows):
        plain = plain_case(trigger, fault.dtype)
        yield plain
        yield from _variations(plain)
    else:
        drawn *= 3  # there is no other case
    lookups = 3 if isinstance(trigger, Accumulated) else 2 if isinstance(trigger, Together) else 1
    own = "float64" if fault.setting == "made in float32" else fault.dtype
    for dtype in (own, *OTHER_DTYPES):
        arguments = (
            ANY if trigger.padding_idx is None else ON,
            ANY if trigger.max_norm is None else ON,
            ON if trigger.scale_grad_by_freq else ANY,
            ON if trigger.sparse else ANY,
        )
        writes = fault.model is not None and WEIGHT in fault.model.about
        count = drawn if dtype == own else drawn // 4
        yield from _drawn(dtype, arguments, lookups, count, writable=writes)
    if fault.model and fault.model.__module__.endswith("refused_lookups"):
        yield from _out_of_range(fault.dtype, drawn)


def plain_case(trigger: Trigger, dtype: str) -> Case:
    """The case that a trigger's arguments are."""
    own = replace(trigger, dtype=getattr(torch, dtype))
    config = Config(*own.shape, **own.arguments, freeze=own.freeze)
    calls = [own.first()]
    if isinstance(own, (Accumulated, Together)):
        calls.append(own.second())
    if isinstance(own, Accumulated):
        calls.append(own.first())
    lookups = tuple(
        Lookup(
            from_torch(index),
            from_torch(filled((*index.shape, own.shape[1]), own.upstream, own.dtype)),
            own.index_layout,
            own.upstream_layout,
        )
        for index in calls
    )
    return Case(config, from_torch(own.table()), lookups, own.weight_layout)


def _variations(case: Case) -> Iterator[Case]:
    """The case with other contents, but for tensors whose rows share memory."""
    dtype, shape, config = case.weight.dtype, case.weight.shape, case.config
    large = max(case.weight.numel, case.lookups[0].upstream.numel) > LARGE
    for seed, (weights, upstreams) in enumerate(CONTENTS[: 2 if large else None]):
        weight = palettes.fill(weights, dtype, shape, seed)
        if config.max_norm and seed == 1:
            weight = palettes.near(config.max_norm, config.norm_type, dtype, (shape[0], shape[1]), seed)
        lookups = tuple(
            # Each lookup has other numbers: else lookups that are mixed up would not show.
            replace(one, upstream=palettes.fill(upstreams, dtype, one.upstream.shape, seed + at * len(CONTENTS)))
            if one.upstream_layout != "expanded"
            else one
            for at, one in enumerate(case.lookups)
        )
        yield replace(case, weight=weight if case.weight_layout != "expanded" else case.weight, lookups=lookups)


@cache
def _drawn(
    dtype: str, arguments: tuple[str, str, str, str], lookups: int, count: int, *, writable: bool = False
) -> tuple[Case, ...]:
    """Cases of all kinds on one dtype, always the same."""
    padding_idx, max_norm, scale, sparse = arguments
    strategy = cases(
        dtype=dtype,
        padding_idx=padding_idx,
        max_norm=max_norm,
        scale_grad_by_freq=scale,
        sparse=sparse,
        corner="sparse with scale" if scale == sparse == ON else "",
        freeze=ON if dtype.startswith("complex") else ANY,
        weights=palettes.ANY,
        lookups=lookups,
        large=False,
        writable=writable,
    )
    return tuple(drawn(strategy, count))


@cache
def _out_of_range(dtype: str, count: int) -> tuple[Case, ...]:
    """Cases with an index out of range, and with an index of a dtype that must be refused."""
    token = under_test.set(UnderTest(dtype=dtype))
    try:
        outside = drawn(out_of_range(), count)
    finally:
        under_test.reset(token)
    inside = _drawn(dtype, (ANY, ANY, ANY, ANY), 1, count)
    others = [
        replace(case, lookups=(replace(case.lookups[0], index=_as(kind, case.index)),))
        for case in inside
        for kind in ("float16", "float32", "float64", "bool")
        if kind != "bool" or {int(i) for i in case.index.components()} <= {0, 1}
    ]
    return (*outside, *others[: 2 * count])


def _as(dtype: str, index: Tensor) -> Tensor:
    return Tensor.of(dtype, index.shape, index.components())
