"""Domains: which cases a clause is about, as one value that tells whether it admits a case."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, NamedTuple, cast

from embedding_conformance.cases import palettes
from embedding_conformance.cases.case import Case, Config, Life, Lookup
from embedding_conformance.cases.optimisers import optimizers_for
from embedding_conformance.cases.sizes import is_large
from embedding_reference.model import INDEX_DTYPES

ANY, ON, OFF = "any", "on", "off"

CORNERS: dict[str, Callable[[Config, Lookup], bool]] = {
    "sparse with scale": lambda config, _: config.sparse and config.scale_grad_by_freq,
    "sparse padding of a scalar": lambda config, lookup: (
        config.sparse and config.padding_idx is not None and lookup.index.shape == ()
    ),
    "negative padding_idx": lambda config, _: config.padding_idx is not None and config.padding_idx < 0,
    "max_norm without columns": lambda config, _: config.max_norm is not None and config.embedding_dim == 0,
}
"""Combinations that have a clause of their own and are left out elsewhere, so that a defect in one shows once."""

SWITCHES = ("padding_idx", "max_norm", "scale_grad_by_freq", "sparse", "freeze")
"""The arguments that a domain asks for, leaves out, or leaves open."""


class Traits(NamedTuple):
    """What domains ask of a case.

    Attributes:
        refused_by: each of `SWITCHES`, with the setting of it that the case does not have.
        corners: the names in `CORNERS` of those that one of its lookups is in.
        outside: how many indices of each lookup are out of range.
        weight: the extent of the weight's components.
        upstreams: that of each upstream gradient's.
    """

    refused_by: tuple[tuple[str, str], ...]
    corners: frozenset[str]
    outside: tuple[int, ...]
    weight: palettes.Extent
    upstreams: tuple[palettes.Extent, ...]


def traits_of(case: Case) -> Traits:
    """The traits of a case, kept with it as cached properties are: many domains are asked whether they have it."""
    kept = vars(case)
    if "traits" in kept:
        return cast("Traits", kept["traits"])
    config, rows = case.config, case.config.num_embeddings
    traits = Traits(
        tuple((name, OFF if name in config.in_use else ON) for name in SWITCHES),
        frozenset(name for name, holds in CORNERS.items() if any(holds(config, one) for one in case.lookups)),
        tuple(sum(not 0 <= i < rows for i in one.index.components()) for one in case.lookups),
        palettes.extent_of(case.weight),
        tuple(palettes.extent_of(one.upstream) for one in case.lookups),
    )
    kept["traits"] = traits
    return traits


@dataclass(frozen=True)
class Domain:
    """The cases that a clause is about. `cases.drawing.cases_in` draws them.

    Attributes:
        dtype: the dtype of the weight; None: that of the implementation under test (`strategies.under_test`), or any.
        padding_idx: "any", "on" or "off".
        max_norm: "any", "on" or "off".
        norm_type: the p of the p-norm; None: any, where max_norm is on.
        scale_grad_by_freq: "any", "on" or "off".
        sparse: "any", "on" or "off".
        freeze: "any", "on" or "off".
        no_grad: "on" where lookups are made under no_grad, "off" where they are not. "any" where the clause does not
            differentiate: then they are where the implementation differentiates no weight of the dtype.
        weights: names of the palettes that the weight is drawn from.
        upstreams: names of the palettes that upstream gradients are drawn from.
        index_patterns: names in `cases.indices.INDEX_PATTERNS` that indices are drawn from; None: all of them.
        index_dtypes: dtypes of the index.
        lookups: the number of lookups.
        indices: the fewest indices that a lookup may have.
        columns: the least embedding_dim.
        large: whether a case may be one of `cases.sizes.LARGE`.
        climbs: the ladders in `cases.sizes` of which each rung is tried: "sizes" at which kernels switch (`LADDER`),
            "orders" (`ORDERS`) or "limits" (`LIMITS`).
        writable: whether the weight must not be laid out "expanded": its rows would share memory, and could not be
            written to.
        pads_hold: "on" where the clause is about the content of the row at padding_idx.
        layouts: "on" where the clause is about memory layouts.
        corner: the one of `CORNERS` that the cases are in; "": they are in none of them.
        made: what is made of each case that is drawn; it leaves a case that it made as it is.
        where: a precondition that a case must meet to count; a case that does not is run all the same.
    """

    dtype: str | None = None
    padding_idx: str = ANY
    max_norm: str = ANY
    norm_type: float | None = None
    scale_grad_by_freq: str = ANY
    sparse: str = ANY
    freeze: str = OFF
    no_grad: str = OFF
    weights: Sequence[str] = palettes.FINITE
    upstreams: Sequence[str] = palettes.UPSTREAMS
    index_patterns: Sequence[str] | None = None
    index_dtypes: Sequence[str] = INDEX_DTYPES
    lookups: int = 1
    indices: int = 0
    columns: int = 0
    large: bool = True
    climbs: tuple[str, ...] = ()
    writable: bool = False
    pads_hold: str = ANY
    layouts: str = ANY
    corner: str = ""
    made: Callable[[Case], Case] | None = None
    where: Callable[[Case], bool] | None = None
    outside: ClassVar[int] = 0
    """How many indices of each lookup are out of range."""

    def counts(self, case: Case) -> bool:
        """Whether a case that was drawn meets the precondition."""
        return self.where is None or self.where(case)

    def admits(self, case: Case) -> bool:
        """Whether the domain has a case, so that the clause may be asked about it."""
        return type(case) is Case and self._admits_arguments(case) and self._admits_tensors(case)

    def taken(self, case: Case) -> Case | None:
        """What the domain makes of a case of another one; None where it does not have it, or it is too large."""
        if not self.large and is_large(case.config.num_embeddings, case.config.embedding_dim, case.index.numel):
            return None
        if self.made is None:
            return case if self.admits(case) else None
        if not replace(self, made=None).admits(case):
            return None
        made = self.made(case)
        return made if self.admits(made) else None

    @property
    def asks_for(self) -> frozenset[str]:
        """The arguments that every case has."""
        asked = {name for name in SWITCHES if getattr(self, name) == ON}
        return frozenset(asked | ({"norm_type"} if self.norm_type is not None else set()))

    def _admits_arguments(self, case: Case) -> bool:
        config, traits = case.config, traits_of(case)
        if any(getattr(self, name) == wrong for name, wrong in traits.refused_by):
            return False
        return (
            traits.corners == ({self.corner} if self.corner else set())
            and config.embedding_dim >= self.columns
            and self.norm_type in (None, config.norm_type)
            and self.dtype in (None, case.weight.dtype)
            and self.no_grad in (ANY, ON if case.no_grad else OFF)
            and not (case.weight_layout == "expanded" and (self.writable or config.max_norm is not None))
        )

    def _admits_tensors(self, case: Case) -> bool:
        traits = traits_of(case)
        return (
            len(case.lookups) == self.lookups
            and all(one.index.dtype in self.index_dtypes and one.index.numel >= self.indices for one in case.lookups)
            and all(count == self.outside for count in traits.outside)
            and palettes.may_have(self.weights, traits.weight)
            and all(palettes.may_have(self.upstreams, one) for one in traits.upstreams)
            and (self.made is None or self.made(case) == case)
        )


@dataclass(frozen=True)
class OneOutOfRange(Domain):
    """Cases in which exactly one index is out of range."""

    freeze: str = ANY
    indices: int = 1
    columns: int = 1
    outside: ClassVar[int] = 1


@dataclass(frozen=True)
class Lives(Domain):
    """Cases of one lookup that go on, step by step."""

    weights: Sequence[str] = palettes.MODERATE
    upstreams: Sequence[str] = palettes.MODERATE
    large: bool = False
    writable: bool = True

    def admits(self, case: Case) -> bool:
        """Whether it is a life; one without steps is a plain case."""
        freezable = case.weight.format.kind == "complex" or not case.config.freeze
        if not isinstance(case, Life) or not freezable or not self._admits_tensors(case):
            return False
        optimizers = optimizers_for(case.config)
        return all(step.verb != "train" or step.how in optimizers for step in case.steps)
