"""The partitions of a lookup: the values of each argument, and of what else matters to it, divided into a few classes.

Values of one class are expected to be treated alike. What acts only in the backward (sparse, scale_grad_by_freq, the
upstream gradient's layout) belongs to a partition only where there was a backward.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from embedding_conformance.boundary.observations import Call
from embedding_conformance.boundary.verbs import VERBS
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
"""The names of the partitions of each argument. "pads" says how many of the indices are padding_idx."""

Partition = tuple[str, str]
"""One class of values of an argument: the argument, and the name of the class."""

Partitions = tuple[str | None, ...]
"""The partitions of one lookup: a name for each of the `ARGUMENTS`, in their order; None where the argument has no
effect, or where it is not known which partition its value belongs to."""

_DIFFERENTIATED = {"freeze": False, "no_grad": False}

_FEATURES: Mapping[str, Callable[[str], dict[str, Any]]] = {
    "padding_idx": lambda name: {"padding_idx": name != "None", "padding_idx_negative": name == "negative"},
    "pads": lambda _: {"padding_idx": True},
    "max_norm": lambda name: {"max_norm": name != "None"},
    "norm_type": lambda name: {"max_norm": True, **({} if name == "fraction" else {"norm_type": float(name)})},
    "scale_grad_by_freq": lambda name: {**_DIFFERENTIATED, "scale_grad_by_freq": name == "True"},
    "sparse": lambda name: {**_DIFFERENTIATED, "sparse": name == "True"},
    "freeze": lambda name: {"freeze": name == "True"},
    "backward": lambda name: _DIFFERENTIATED if name == "yes" else {},
    "index_ndim": lambda name: {"index_ndim": int(name)} if name.isdigit() else {},
    "index_numel": lambda name: {"index_numel": int(name)} if name.isdigit() else {},
    "duplicates": lambda name: {"duplicates": name == "yes"},
    "index_dtype": lambda name: {"index_dtype": name},
    # A tensor that counts as contiguous may have been meant for a layout that its shape rules out.
    "index_layout": lambda name: {} if name == "contiguous" else {"index_layout": name},
    "weight_layout": lambda name: {} if name == "contiguous" else {"weight_layout": name},
    "upstream_layout": lambda name: {**_DIFFERENTIATED, **({} if name == "contiguous" else {"upstream_layout": name})},
}

_NORM_TYPES = {1.0: "1", 2.0: "2", 3.0: "3", math.inf: "inf"}


def features(argument: str, name: str) -> dict[str, Any]:
    """The features (`Case.features`) that every lookup in a partition has.

    Raises:
        KeyError: there is no such argument.
    """
    return _FEATURES[argument](name)


def partitions_of_calls(calls: Iterable[Call], dtype: str, device: str) -> set[Partitions]:
    """The partitions of the lookups among calls (`Driver.calls`) whose weight has this dtype, on this device.

    A lookup is left out where its index is on another device, or where the documentation requires a refusal.
    """
    found = (_partitions(*lookup) for lookup in _lookups(calls, dtype, device))
    return {partitions for partitions in found if partitions is not None}


@dataclass(frozen=True)
class _Made:
    """What is known about an embedding: its weight and the layout of that, each None where it may have changed."""

    config: Config
    weight: Tensor | None
    layout: str | None

    def after(self, verb: str, arguments: Mapping[str, Any]) -> _Made:
        """What is known after the call of a verb."""
        if verb == "freeze":
            return replace(self, config=replace(self.config, freeze=arguments["frozen"]))
        return (
            self
            if VERBS[verb].keeps_weight
            else replace(self, weight=None, layout=None if verb == "cast" else self.layout)
        )


def _lookups(calls: Iterable[Call], dtype: str, device: str) -> Iterator[tuple[_Made, Lookup, bool]]:
    """The lookups among calls, each with what is known about its embedding, and whether it was differentiated."""
    made: dict[int, _Made] = {}
    for number, (verb, arguments, on) in enumerate(calls, start=1):
        if verb == "make" and arguments["device"] == device:
            made[number] = _Made(arguments["config"], arguments["weight"], arguments.get("layout", "contiguous"))
        if on not in made or verb == "move":
            made.pop(on, None)
            continue
        embedding = made[on]
        for lookup in [arguments["lookup"]] if "lookup" in arguments else arguments.get("lookups", ()):
            if lookup.upstream.dtype == dtype and not arguments.get("index_device"):
                yield embedding, lookup, VERBS[verb].sends_gradient and not embedding.config.freeze
            embedding = replace(embedding, weight=None)  # max_norm may have rescaled it
        if verb == "copy":
            made[number] = replace(embedding, layout=None)
        made[on] = embedding.after(verb, arguments)


def _partitions(made: _Made, lookup: Lookup, backward: bool) -> Partitions | None:
    """The partitions of one lookup; None where the documentation requires a refusal."""
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
    """Whether the p-norm of a row that is looked up exceeds max_norm; None where the weight is not known."""
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
    return next((name for limit, name in limits if count <= limit), ARGUMENTS["index_numel"][-1])


def _layout(layout: str, shape: Sequence[int]) -> str:
    """The layout, or "contiguous" where the shape leaves nothing to lay out otherwise."""
    if layout == "contiguous" or not shape or 0 in shape:
        return "contiguous"
    several = sum(length > 1 for length in shape)
    possible = {
        "transposed": several > 1 and max(shape[0], shape[-1]) > 1,  # first and last dimension change places
        "strided": several > 0,
        "expanded": shape[0] > 1,
    }
    return layout if possible.get(layout, True) else "contiguous"  # any shape can lie inside a larger block
