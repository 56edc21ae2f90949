"""The results file: validate, write, read, and bring several together."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import re
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias

import jsonschema  # type: ignore[import-untyped,unused-ignore]  # its stubs are a package of their own

from embedding_reports.errors import (
    CutShort,
    Incomplete,
    Inconsistent,
    MixedVersions,
    NotJson,
    NotResults,
    SchemaViolation,
    UnknownVersion,
    Unreadable,
    Unwritable,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

SCHEMA = "embedding-conformance-results"
VERSION = 1

Document: TypeAlias = dict[str, Any]
"""One run's results, as `schema/results-1.json` describes them."""


def read(path: str | os.PathLike[str]) -> Document:
    """Read one results file through validation.

    Args:
        path: the file, as `write` left it.

    Raises:
        ResultsError: one of its subclasses, named after what is wrong with the file.
    """
    document = _load(path)
    validate(document, path)
    return document


def merge(paths: Sequence[str | os.PathLike[str]]) -> list[Document]:
    """Read several results files to be shown on one page, in the order given.

    The same run given twice is no defect: the page labels the runs apart.

    Raises:
        MixedVersions: the files do not all follow the same version of the schema.
        ResultsError: as for `read`.
    """
    documents = [_load(path) for path in paths]
    for path, document in zip(paths, documents, strict=True):
        if document.get("schema_version") != documents[0].get("schema_version"):
            raise MixedVersions(
                path,
                f"schema version {_shown(document.get('schema_version'))}, but {os.fspath(paths[0])} has "
                f"{_shown(documents[0].get('schema_version'))}; one page takes files of one version: "
                "run the suite again with one release of embedding-conformance",
            )
    for path, document in zip(paths, documents, strict=True):
        validate(document, path)
    return documents


def write(document: Document, path: str | os.PathLike[str]) -> None:
    """Validate `document` and store it at `path`, which afterwards holds all of it or what it held before.

    Keys are sorted, and each clause and each verdict has a line of its own, so that two runs can be compared with
    any diff tool.

    Args:
        document: the results of one run.
        path: where to; missing parent folders are created.

    Raises:
        Unwritable: the operating system refused.
        ResultsError: as for `validate`.
    """
    validate(document, path)
    try:
        text = _laid_out(_in_stable_order(document), depth=2) + "\n"
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


def validate(document: object, name: object = "results") -> None:
    """Check that `document` is what `schema/results-1.json` describes, and does not contradict itself.

    Args:
        document: parsed JSON.
        name: what to call the document in messages, usually its file's path.

    Raises:
        NotResults: it is not a results document at all.
        UnknownVersion: it follows another version of the schema.
        Incomplete: it has no footer.
        SchemaViolation: a value is missing, superfluous or of the wrong kind.
        Inconsistent: counts or references do not add up.
    """
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise NotResults(name, f'not a results file; one has "schema": "{SCHEMA}" at its top')
    version = document.get("schema_version")
    if version != VERSION:
        newer = isinstance(version, int) and version > VERSION
        remedy = "upgrade embedding-conformance" if newer else "run the suite again"
        raise UnknownVersion(name, f"schema version {_shown(version)}; this release reads {VERSION}: {remedy}")
    if "footer" not in document:
        raise Incomplete(name, "no footer: the run died before its end; run the suite again")
    error = jsonschema.exceptions.best_match(_validator().iter_errors(document))
    if error is not None:
        raise SchemaViolation(name, _explained(error))
    _check_consistency(document, name)


def _check_consistency(document: Document, name: object) -> None:
    announced, found = document["footer"]["verdicts"], len(document["verdicts"])
    if announced != found:
        raise Inconsistent(name, f"the footer counts {announced} verdicts, but there are {found}")
    clauses: set[str] = set()
    for clause in document["clauses"]:
        if clause["id"] in clauses:
            raise Inconsistent(name, f"clause {clause['id']} is listed twice; once is right")
        clauses.add(clause["id"])
    seen: set[tuple[str, str | None, str | None]] = set()
    for verdict in document["verdicts"]:
        key = (verdict["clause"], verdict["dtype"], verdict["device"])
        if key[0] not in clauses:
            raise Inconsistent(name, f"a verdict names clause {_shown(key[0])}, which is not among the clauses")
        if key in seen:
            where = " on ".join(filter(None, key[1:])) or "every dtype"
            raise Inconsistent(name, f"two verdicts for clause {key[0]} ({where}); one is right")
        seen.add(key)
    widths = list(range(1, len(document.get("kinds", ())) + 1))
    for each in document.get("interplay", ()):
        if [len(row) for row in each["pairs"]] != widths:
            where = " on ".join(filter(None, (each["dtype"], each["device"]))) or f"index_ndim {each['index_ndim']}"
            raise Inconsistent(name, f"the interplay ({where}) does not have a row for each of {len(widths)} kinds")


def _load(path: str | os.PathLike[str]) -> Document:
    """Parse a results file, without looking into it further than its outermost braces."""
    try:
        raw = Path(path).read_bytes()
    except FileNotFoundError:
        raise Unreadable(path, "no such file; name a file that --embedding-results wrote") from None
    except OSError as error:
        raise Unreadable(path, f"cannot be read: {error.strerror}; name a file that you may read") from None
    text = raw.decode("utf-8", errors="replace")
    try:
        document = json.loads(raw, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        if _ends_early(text):
            raise CutShort(
                path, f"cut short: the JSON ends after {len(raw)} bytes; copy it again, or run the suite again"
            ) from None
        raise NotJson(path, f"not JSON ({error}); a results file is JSON in UTF-8") from None
    if not isinstance(document, dict):
        raise NotResults(path, f'not a results file; one has "schema": "{SCHEMA}" at its top')
    return document


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


@functools.cache
def _validator() -> jsonschema.Draft202012Validator:
    text = (
        resources.files("embedding_reports").joinpath("schema", f"results-{VERSION}.json").read_text(encoding="utf-8")
    )
    return jsonschema.Draft202012Validator(json.loads(text))


def _explained(error: jsonschema.ValidationError) -> str:
    """Say where the violation is, what was found there and what belongs there."""
    match error.validator:
        case "type":
            allowed = error.validator_value
            wanted = allowed if isinstance(allowed, str) else " or ".join(allowed)
            found = f"expected {wanted}, found {_shown(error.instance)}"
        case "enum":
            wanted = ", ".join(_shown(value) for value in error.validator_value)
            found = f"expected one of {wanted}, found {_shown(error.instance)}"
        case "minimum":
            found = f"expected {error.validator_value} or more, found {_shown(error.instance)}"
        case "pattern":
            found = f"found {_shown(error.instance)}"
        case _:
            found = _clipped(error.message)
    meaning = error.schema.get("description") if isinstance(error.schema, dict) else None
    return f"at {error.json_path}: {found}" + (f" ({meaning})" if meaning else "")


def _shown(value: object) -> str:
    """A value as JSON, short enough for one line."""
    return _clipped(json.dumps(value, default=repr))


def _clipped(text: str, limit: int = 120) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _in_stable_order(document: Document) -> Document:
    """Order verdicts like clauses and columns, however many processes recorded them."""
    rank: dict[str, int] = {}
    names = [*(clause["id"] for clause in document["clauses"]), *document["header"]["dtypes"]]
    for name in [*names, *document["header"]["devices"]]:
        rank.setdefault(name, len(rank))

    def place(verdict: Document) -> list[tuple[int, str]]:
        keys = [verdict[axis] or "" for axis in ("clause", "dtype", "device")]
        return [(rank.get(key, len(rank)) if key else -1, key) for key in keys]

    return {**document, "verdicts": sorted(document["verdicts"], key=place)}


def _laid_out(value: object, depth: int) -> str:
    """JSON text that breaks lines in the outermost `depth` levels only."""
    if not depth or not value or not isinstance(value, (dict, list)):
        return json.dumps(value, sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ": "))
    if isinstance(value, list):
        return "[\n" + ",\n".join(_laid_out(item, depth - 1) for item in value) + "\n]"
    items = (f"{json.dumps(key)}: {_laid_out(value[key], depth - 1)}" for key in sorted(value))
    return "{\n" + ",\n".join(items) + "\n}"
