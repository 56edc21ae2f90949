"""Results files: read one, read several to be shown together, write one."""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from embedding_reports.errors import CutShort, NotJson, NotResults, Unreadable, Unwritable
from embedding_reports.json_form import structured, text_of, to_json
from embedding_reports.records import Results
from embedding_reports.validation import SCHEMA, validate


def read(path: str | os.PathLike[str]) -> Results:
    """Read one results file through validation.

    Args:
        path: the file, as `write` left it.

    Raises:
        ResultsError: one of its subclasses, named after what is wrong with the file.
    """
    raw = _load(path)
    validate(raw, path)
    return structured(raw, Results)


def merge(paths: Sequence[str | os.PathLike[str]]) -> list[Results]:
    """Read several results files to be shown on one page, in the order given.

    The same run given twice is no defect: the page labels the runs apart.

    Raises:
        ResultsError: as for `read`.
    """
    return [read(path) for path in paths]


def write(results: Results, path: str | os.PathLike[str]) -> None:
    """Validate results and store them at `path`, which afterwards holds all of them or what it held before.

    The text is the same whatever the order in which verdicts were recorded, and each has a line of its own.

    Args:
        results: one run.
        path: where to; missing parent folders are created.

    Raises:
        NotJson: they hold what JSON cannot, such as NaN.
        Unwritable: the operating system refused.
        ResultsError: as for `validation.validate`.
    """
    raw = to_json(results)
    validate(raw, path)
    try:
        text = text_of(raw) + "\n"
    except (TypeError, ValueError) as error:
        raise NotJson(path, f"the results hold what JSON cannot: {error}") from None
    target = Path(path)
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        # A lone surrogate (from an undecodable file name, say) becomes the \udxxx that JSON itself would write.
        part.write_text(text, encoding="utf-8", errors="backslashreplace", newline="\n")
        part.replace(target)
    except OSError as error:
        with contextlib.suppress(OSError):
            part.unlink()
        raise Unwritable(path, f"cannot be written: {error.strerror}; name a file in a folder of yours") from None


def _load(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Parse a results file, and check no more of it than its outermost braces."""
    try:
        content = Path(path).read_bytes()
    except FileNotFoundError:
        raise Unreadable(path, "no such file; name a file that --embedding-results wrote") from None
    except OSError as error:
        raise Unreadable(path, f"cannot be read: {error.strerror}; name a file that you may read") from None
    text = content.decode("utf-8", errors="replace")
    try:
        raw = json.loads(content, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        if _ends_early(text):
            raise CutShort(
                path, f"cut short: the JSON ends after {len(content)} bytes; copy it again, or run the suite again"
            ) from None
        raise NotJson(path, f"not JSON ({error}); a results file is JSON in UTF-8") from None
    if not isinstance(raw, dict):
        raise NotResults(path, f'not a results file; one has "schema": "{SCHEMA}" at its top')
    return raw


def _ends_early(text: str) -> bool:
    """Whether a brace, bracket or string of a JSON object is still open at the end of `text`."""
    text = text.strip()
    if not text:
        return True
    outside = re.sub(r'"[^"\\]*(?:\\.[^"\\]*)*"', "", text, flags=re.DOTALL)
    still_open = len(re.findall(r"[\[{]", outside)) > len(re.findall(r"[\]}]", outside))
    return text.startswith("{") and (still_open or '"' in outside)


def _refuse_constant(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON number")
