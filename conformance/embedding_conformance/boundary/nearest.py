"""What may have been meant by a name that does not exist.

Runs on Python 3.8 and later, as the worker does.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(name: str, names: Iterable[str], *, cutoff: float = 0.0) -> str:
    """The end of a message: `; did you mean 'x'?`, or "" where there is none that near (0: any, 1: equal)."""
    close = difflib.get_close_matches(name, list(names), n=1, cutoff=cutoff)
    return f"; did you mean {close[0]!r}?" if close else ""
