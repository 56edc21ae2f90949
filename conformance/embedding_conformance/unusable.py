"""Input that cannot be used: the exception for it, and suggestions of what the user may have meant.

Runs on Python 3.8 and later, as the worker does.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class Unusable(Exception):  # noqa: N818 - the message is for the user
    """The user's input cannot be used; the text says in one line why, and what could be."""


def nearest(name: str, names: Iterable[str], *, cutoff: float = 0.0) -> str:
    """The end of a message: `; did you mean 'x'?`, or "" where no name is near enough.

    Args:
        name: the name that is unknown.
        names: the names that are known.
        cutoff: how similar the suggestion must be, as `difflib` measures it: from 0 (any name) to 1 (an equal one).
    """
    close = difflib.get_close_matches(name, list(names), n=1, cutoff=cutoff)
    return f"; did you mean {close[0]!r}?" if close else ""
