"""What a results file may hold: what the schema of its version describes, and no contradiction."""

from __future__ import annotations

import functools
import json
from importlib import resources
from typing import Any

import jsonschema  # type: ignore[import-untyped,unused-ignore]  # its stubs are a package of their own

from embedding_reports.errors import Incomplete, Inconsistent, NotResults, SchemaViolation, UnknownVersion

SCHEMA = "embedding-conformance-results"
VERSION = 2
"""The version that is written."""

READABLE = (1, 2)
"""The versions that are read; the first had no causes."""


def validate(raw: object, name: object = "results") -> None:
    """Check that parsed JSON is what the schema of its version describes, and does not contradict itself.

    Args:
        raw: parsed JSON.
        name: what to call it in messages, usually its file's path.

    Raises:
        NotResults: it is not a results document at all.
        UnknownVersion: it follows another version of the schema.
        Incomplete: it has no footer.
        SchemaViolation: a value is missing, superfluous or of the wrong kind.
        Inconsistent: counts or references do not add up.
    """
    if not isinstance(raw, dict) or raw.get("schema") != SCHEMA:
        raise NotResults(name, f'not a results file; one has "schema": "{SCHEMA}" at its top')
    version = raw.get("schema_version")
    if version not in READABLE:
        newer = isinstance(version, int) and version > VERSION
        remedy = "upgrade embedding-conformance" if newer else "run the suite again"
        raise UnknownVersion(
            name, f"schema version {shown(version)}; this release reads {' and '.join(map(str, READABLE))}: {remedy}"
        )
    if "footer" not in raw:
        raise Incomplete(name, "no footer: the run died before its end; run the suite again")
    error = jsonschema.exceptions.best_match(_validator(version).iter_errors(raw))
    if error is not None:
        raise SchemaViolation(name, _explained(error))
    _check_consistency(raw, name)


def shown(value: object) -> str:
    """A value as JSON, short enough for one line."""
    return _clipped(json.dumps(value, default=repr))


def _check_consistency(raw: dict[str, Any], name: object) -> None:
    announced, found = raw["footer"]["verdicts"], len(raw["verdicts"])
    if announced != found:
        raise Inconsistent(name, f"the footer counts {announced} verdicts, but there are {found}")
    clauses: set[str] = set()
    for clause in raw["clauses"]:
        if clause["id"] in clauses:
            raise Inconsistent(name, f"clause {clause['id']} is listed twice; once is right")
        clauses.add(clause["id"])
    seen: set[tuple[str, str | None, str | None]] = set()
    for verdict in raw["verdicts"]:
        key = (verdict["clause"], verdict["dtype"], verdict["device"])
        if key[0] not in clauses:
            raise Inconsistent(name, f"a verdict names clause {shown(key[0])}, which is not among the clauses")
        if key in seen:
            where = " on ".join(filter(None, key[1:])) or "every dtype"
            raise Inconsistent(name, f"two verdicts for clause {key[0]} ({where}); one is right")
        seen.add(key)
        _check_causes(verdict, len(raw.get("causes", ())), name)
    widths = list(range(1, len(raw.get("kinds", ())) + 1))
    for each in raw.get("interplay", ()):
        if [len(row) for row in each["pairs"]] != widths:
            where = " on ".join(filter(None, (each["dtype"], each["device"]))) or f"index_ndim {each['index_ndim']}"
            raise Inconsistent(name, f"the interplay ({where}) does not have a row for each of {len(widths)} kinds")


def _check_causes(verdict: dict[str, Any], count: int, name: object) -> None:
    unknown = [number for number in verdict.get("causes", ()) if number > count]
    if unknown:
        raise Inconsistent(name, f"clause {verdict['clause']} shows cause {unknown[0]}, but there are {count}")


@functools.cache
def _validator(version: int) -> jsonschema.Draft202012Validator:
    file = resources.files("embedding_reports").joinpath("schema", f"results-{version}.json")
    return jsonschema.Draft202012Validator(json.loads(file.read_text(encoding="utf-8")))


def _explained(error: jsonschema.ValidationError) -> str:
    """Where the violation is, what was found there and what belongs there."""
    match error.validator:
        case "type":
            allowed = error.validator_value
            wanted = allowed if isinstance(allowed, str) else " or ".join(allowed)
            found = f"expected {wanted}, found {shown(error.instance)}"
        case "enum":
            wanted = ", ".join(shown(value) for value in error.validator_value)
            found = f"expected one of {wanted}, found {shown(error.instance)}"
        case "minimum":
            found = f"expected {error.validator_value} or more, found {shown(error.instance)}"
        case "pattern":
            found = f"found {shown(error.instance)}"
        case _:
            found = _clipped(error.message)
    meaning = error.schema.get("description") if isinstance(error.schema, dict) else None
    return f"at {error.json_path}: {found}" + (f" ({meaning})" if meaning else "")


def _clipped(text: str, limit: int = 120) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"
