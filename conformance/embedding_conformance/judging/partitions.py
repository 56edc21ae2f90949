"""The kinds of arguments that a lookup is made with.

A kind is what tells the values of an argument apart in practice, few per argument. What acts only in the backward
(sparse, scale_grad_by_freq, the upstream gradient's layout) has a kind only where there was a backward.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from embedding_conformance.boundary.adapter import Call
from embedding_conformance.cases.case import LAYOUTS, Case, Config, Lookup
from embedding_reference import Tensor

ARGUMENTS = {
    "padding_idx": ("None", "first", "inner", "last", "negative"),
    "pads": ("none", "some", "only"),
    "max_norm": ("None", "not exceeded", "exceeded"),
    "norm_type": ("1", "2", "3", "inf", "fraction"),
    "scale_grad_by_freq": ("False", "True"),
    "sparse": ("False", "True"),
    "freeze": ("False", "True"),
    "backward": ("no", "yes"),
    "index_ndim": ("0", "1", "2", "3+"),
    "index_numel": ("0", "1", "2-32", "33-256", "257-1024", "1025+"),
    "duplicates": ("no", "yes"),
    "index_dtype": ("int64", "int32"),
    "index_layout": LAYOUTS,
    "weight_layout": LAYOUTS,
    "upstream_layout": LAYOUTS,
}
"""The kinds of each argument. "pads" says how many of the indices are padding_idx."""

Kind = tuple[str, str]
"""An argument and one of its kinds."""

Kinds = tuple[str | None, ...]
"""One lookup: its kind of each of the `ARGUMENTS`; None where it has no say, or where the kind is not known."""

WITH_BACKWARD = ("gradient", "again", "beside", "use_first", "second_order", "step")
"""The verbs that send an upstream gradient back."""

READING = ("weight", "attributes", "state", "given", "mode", "clear", "copy")
"""The verbs that leave the weight as it is."""

_FEATURES: Mapping[str, Callable[[str], dict[str, Any]]] = {
    "padding_idx": lambda kind: {"padding_idx": kind != "None", "padding_idx_negative": kind == "negative"},
    "pads": lambda _: {"padding_idx": True},
    "max_norm": lambda kind: {"max_norm": kind != "None"},
    "norm_type": lambda kind: {"max_norm": True, **({} if kind == "fraction" else {"norm_type": float(kind)})},
    "scale_grad_by_freq": lambda kind: {"freeze": False, "scale_grad_by_freq": kind == "True"},
    "sparse": lambda kind: {"freeze": False, "sparse": kind == "True"},
    "freeze": lambda kind: {"freeze": kind == "True"},
    "backward": lambda kind: {"freeze": False} if kind == "yes" else {},
    "index_ndim": lambda kind: {"index_ndim": int(kind)} if kind.isdigit() else {},
    "index_numel": lambda kind: {"index_numel": int(kind)} if kind.isdigit() else {},
    "duplicates": lambda kind: {"duplicates": kind == "yes"},
    "index_dtype": lambda kind: {"index_dtype": kind},
    # What counts as contiguous may have been asked to lie as its shape cannot.
    "index_layout": lambda kind: {} if kind == "contiguous" else {"index_layout": kind},
    "weight_layout": lambda kind: {} if kind == "contiguous" else {"weight_layout": kind},
    "upstream_layout": lambda kind: {"freeze": False, **({} if kind == "contiguous" else {"upstream_layout": kind})},
}

_NORM_TYPES = {1.0: "1", 2.0: "2", 3.0: "3", math.inf: "inf"}


def features(argument: str, kind: str) -> dict[str, Any]:
    """The features (`Case.features`) that every lookup of a kind has."""
    return _FEATURES[argument](kind)


def of_calls(calls: Iterable[Call], dtype: str, device: str) -> set[Kinds]:
    """The kinds of the lookups among calls (`Subject.calls`), where weight and index are of this dtype and device."""
    found = (_kinds(*lookup) for lookup in _lookups(calls, dtype, device))
    return {kinds for kinds in found if kinds is not None}


@dataclass(frozen=True)
class _Made:
    """What is known of an embedding; None of its weight where that may have changed, or may lie in another way."""

    config: Config
    weight: Tensor | None
    layout: str | None

    def after(self, verb: str, arguments: Mapping[str, Any]) -> _Made:
        """What is known once a verb was called."""
        if verb == "freeze":
            return replace(self, config=replace(self.config, freeze=arguments["frozen"]))
        return self if verb in READING else replace(self, weight=None, layout=None if verb == "cast" else self.layout)


def _lookups(calls: Iterable[Call], dtype: str, device: str) -> Iterator[tuple[_Made, Lookup, bool]]:
    made: dict[int, _Made] = {}
    for number, (verb, arguments, on) in enumerate(calls, start=1):
        if verb == "make" and arguments["device"] == device:
            made[number] = _Made(arguments["config"], arguments["weight"], arguments.get("layout", "contiguous"))
        if on not in made or verb == "move":
            made.pop(on, None)
            continue
        one = made[on]
        for lookup in [arguments["lookup"]] if "lookup" in arguments else arguments.get("lookups", ()):
            if lookup.upstream.dtype == dtype and not arguments.get("index_device"):
                yield one, lookup, verb in WITH_BACKWARD and not one.config.freeze
            one = replace(one, weight=None)  # which max_norm may have rescaled
        if verb == "copy":
            made[number] = replace(one, layout=None)
        made[on] = one.after(verb, arguments)


def _kinds(made: _Made, lookup: Lookup, backward: bool) -> Kinds | None:
    """The kinds of one lookup; None where the documentation asks to refuse it."""
    config, index, positions = made.config, lookup.index, lookup.index.components()
    rows = set(positions)
    refused = rows and not 0 <= min(rows) <= max(rows) < config.num_embeddings
    if refused or config.refusal or index.dtype not in ARGUMENTS["index_dtype"]:
        return None
    return (
        _padding_idx(config),
        _pads(config, positions),
        _max_norm(made, lookup, rows),
        _norm_type(config),
        str(config.scale_grad_by_freq) if backward else None,
        str(config.sparse) if backward else None,
        str(config.freeze),
        "yes" if backward else "no",
        ARGUMENTS["index_ndim"][min(len(index.shape), 3)],
        _numel(len(positions)),
        "yes" if len(rows) < len(positions) else "no",
        index.dtype,
        _layout(lookup.index_layout, index.shape),
        made.layout and _layout(made.layout, (config.num_embeddings, config.embedding_dim)),
        _layout(lookup.upstream_layout, lookup.upstream.shape) if backward else None,
    )


def _padding_idx(config: Config) -> str:
    row = config.padding_idx
    if row is None or row < 0:
        return "None" if row is None else "negative"
    return "first" if row == 0 else "last" if row == config.num_embeddings - 1 else "inner"


def _pads(config: Config, positions: Sequence[float]) -> str | None:
    if config.padding_row is None:
        return None
    pads = positions.count(config.padding_row)
    return "none" if pads == 0 else "only" if pads == len(positions) else "some"


def _max_norm(made: _Made, lookup: Lookup, rows: Collection[float]) -> str | None:
    """Whether the p-norm of a row that is looked up exceeds max_norm."""
    if made.config.max_norm is None:
        return "None"
    if made.weight is None:
        return None
    norms = Case(made.config, made.weight, (lookup,)).norms([int(row) for row in rows])
    return "exceeded" if any(norm > made.config.max_norm for norm in norms.values()) else "not exceeded"


def _norm_type(config: Config) -> str | None:
    order = config.norm_type
    if config.max_norm is None or not order > 0:
        return None
    return _NORM_TYPES.get(order, "fraction" if order % 1 else None)


def _numel(count: int) -> str:
    limits = zip((0, 1, 32, 256, 1024), ARGUMENTS["index_numel"])
    return next((kind for limit, kind in limits if count <= limit), ARGUMENTS["index_numel"][-1])


def _layout(layout: str, shape: Sequence[int]) -> str:
    """The layout, or "contiguous" where the shape leaves nothing to lay out otherwise."""
    if layout == "contiguous" or not shape or 0 in shape:
        return "contiguous"
    several = sum(length > 1 for length in shape)
    has = {
        "transposed": several > 1 and max(shape[0], shape[-1]) > 1,  # first and last dimension change places
        "strided": several > 0,
        "expanded": shape[0] > 1,
    }
    return layout if has.get(layout, True) else "contiguous"  # any can lie inside a larger block
