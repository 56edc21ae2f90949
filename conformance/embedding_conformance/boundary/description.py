"""The description that an adapter gives of its implementation, and the check of it: anybody may have written it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from embedding_conformance.cases.case import DTYPES
from embedding_conformance.cases.features import MATCHABLE
from embedding_conformance.unusable import nearest


@dataclass(frozen=True)
class Declared:
    """Something declared unsupported.

    Attributes:
        features: the implementation must refuse cases with all of these features (`cases.case.Case.features`);
            `cases.features.NOT_NORMAL` and `cases.features.untaken` stand for what no case has.
        reason: why, for a reader of the results; "" where nobody has given one yet.
    """

    features: Mapping[str, Any]
    reason: str


@dataclass(frozen=True)
class Description:
    """What is under test.

    Attributes:
        name: as its users call it, e.g. "torch.nn.Embedding".
        version: its version.
        dtypes: the weight dtypes that it claims.
        devices: the devices that it can use here.
        packages: the versions of the packages that it depends on, by name.
        unsupported: what it does not claim.
        ledger: name of the bundled ledger of known deviations that always applies, or "".
        inherits: whether that ledger is about what the implementation is built on, not about itself.
        compiles: whether it compiles anew for each shape and dtype, and keeps the result. Then the suite draws few
            shapes, and tests one dtype after the other.
    """

    name: str
    version: str
    dtypes: tuple[str, ...]
    devices: tuple[str, ...] = ("cpu",)
    packages: Mapping[str, str] = field(default_factory=dict)
    unsupported: tuple[Declared, ...] = ()
    ledger: str = ""
    inherits: bool = False
    compiles: bool = False

    @property
    def untaken(self) -> Mapping[str, str]:
        """The documented arguments that the constructor does not take, each with the reason."""
        named = ((declared.features.get("argument"), declared.reason) for declared in self.unsupported)
        return {argument: reason for argument, reason in named if argument is not None}


def version_of(distribution: str) -> str:
    """The version of a distribution; "unknown" where its package is not installed, or runs without being so."""
    from importlib import metadata  # noqa: PLC0415 - slow to import, rarely needed

    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return "unknown"


def mistake_in(description: object) -> str:
    """The first part of a description that cannot be used, and what could be, in words; "" if there is none."""
    if not isinstance(description, Description):
        return f"a {type(description).__name__}, not a Description"
    for name in ("name", "version"):
        if not isinstance(getattr(description, name), str):
            return f"{getattr(description, name)!r} as {name}; it must be a string"
    for name in ("dtypes", "devices"):
        names = getattr(description, name)
        if not isinstance(names, (tuple, list)) or not names or not all(isinstance(each, str) for each in names):
            return f"{names!r} as {name}; they must be names, at least one"
    for dtype in description.dtypes:
        if dtype not in DTYPES:
            return f"the dtype {dtype!r}; the suite has {', '.join(DTYPES)}"
    if not isinstance(description.packages, Mapping):
        return f"{description.packages!r} as packages; they must be versions by name"
    return next(filter(None, map(_misdeclared, description.unsupported)), "")


def _misdeclared(declared: object) -> str:
    if not isinstance(declared, Declared) or not isinstance(declared.features, Mapping):
        return f"{declared!r} among what is unsupported; it must be a Declared with features by name"
    unknown = next((name for name in declared.features if name not in MATCHABLE), None)
    return (unknown and f"the unknown feature {unknown!r} among what is unsupported{nearest(unknown, MATCHABLE)}") or ""
