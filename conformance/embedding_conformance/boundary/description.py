"""What an adapter says of itself, checked because anybody may have written it."""

from __future__ import annotations

from collections.abc import Mapping

from embedding_conformance.boundary.adapter import Declared, Description
from embedding_conformance.boundary.nearest import nearest
from embedding_conformance.cases.features import MATCHABLE
from embedding_conformance.cases.strategies import DTYPES


def unusable(description: object) -> str:
    """What of a description cannot be used, and what could; "" if all of it can."""
    if not isinstance(description, Description):
        return f"a {type(description).__name__}, not a Description"
    for name in ("name", "version"):
        if not isinstance(getattr(description, name), str):
            return f"{getattr(description, name)!r} as {name}; it must be a string"
    for name in ("dtypes", "devices"):
        named = getattr(description, name)
        if not isinstance(named, (tuple, list)) or not named or not all(isinstance(one, str) for one in named):
            return f"{named!r} as {name}; they must be names, at least one"
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
