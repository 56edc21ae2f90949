"""The worker protocol as a JSON Schema, made from the table of verbs and from the records on the wire."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Any

from embedding_conformance.boundary.verbs import VERBS, Verb
from embedding_conformance.boundary.wire import TYPES
from embedding_reference.permitted import FAMILIES

Schema = dict[str, Any]

NOT_SENT = ("Case", "Life", "Step")
"""Records that results files and ledgers hold, but no request or answer."""

_PLAIN: Mapping[str, Schema] = {
    "None": {"type": "null"},
    "int": {"type": "integer"},
    "bool": {"type": "boolean"},
    "str": {"type": "string"},
    "float": {"anyOf": [{"type": "number"}, {"$ref": "#/$defs/float"}]},
    "Any": {},
    "Instance": {"type": "integer", "description": "number of the new instance: the id of the request"},
    "Call": {"type": "array", "prefixItems": [{"type": "string"}, {"type": "object"}, {"type": "integer"}]},
}


def protocol_schema() -> Schema:
    """The schema of one line of the protocol: a request, or an answer to one.

    The definition `result of VERB` describes the content of the answer to each verb.
    """
    results = {f"result of {verb.name}": _type(verb.answer) for verb in VERBS.values() if not verb.makes_instance}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A line of the worker protocol of embedding-conformance",
        "anyOf": [{"$ref": "#/$defs/request"}, {"$ref": "#/$defs/answer"}],
        "$defs": {
            "request": {"oneOf": [_request(verb) for verb in VERBS.values()]},
            "answer": _answer(),
            "Tensor": {
                **_object({"tensor": {"type": "array", "prefixItems": [_type("str"), _type("list[int]")]}}),
                "description": "dtype, shape, and the elements as base64; null in their place where there is no data",
            },
            "float": _object({"float": {"enum": ["inf", "-inf", "nan"]}}),
            **{name: _record(name, record) for name, record in TYPES.items() if name not in NOT_SENT},
            **results,
        },
    }


def _request(verb: Verb) -> Schema:
    arguments = {argument.name: _type(argument.type) for argument in verb.arguments.values()}
    required = [argument.name for argument in verb.arguments.values() if argument.required]
    return _object(
        {
            "id": _type("int"),
            "verb": {"const": verb.name, "description": verb.summary},
            "on": {"const": 0} if verb.of_adapter else {"type": "integer", "minimum": 1},
            "arguments": _object(arguments, required),
            "forget": _type("list[int]"),
        }
    )


def _answer() -> Schema:
    refusal = {"family": {"enum": [*FAMILIES, "other"]}, "kind": _type("str"), "message": _type("str")}
    contents: Mapping[str, Schema] = {
        "result": {},
        "instance": _type("Instance"),
        "refused": _object({**refusal, "lost": _type("bool")}, list(refusal)),
        "unsupported": _type("str"),
        "error": _type("str"),
    }
    answers = {key: {"id": _type("int"), key: content} for key, content in contents.items()}
    answers["unsupported"]["asked"] = _type("bool")
    return {"oneOf": [_object(answer, ["id", key]) for key, answer in answers.items()]}


def _record(name: str, record: Any) -> Schema:
    """The schema of a dataclass; a field with a default may be left out."""
    contents = {field.name: _type(str(field.type)) for field in fields(record)}
    required = [f.name for f in fields(record) if f.default is MISSING and f.default_factory is MISSING]
    return _object({"type": {"const": name}, **contents}, ["type", *required])


def _object(properties: Mapping[str, Schema], required: list[str] | None = None) -> Schema:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties) if required is None else required,
        "additionalProperties": False,
    }


def _type(annotation: str) -> Schema:
    """The schema of a type, given as the protocol's classes annotate it."""
    if " | " in annotation:
        return {"anyOf": [_type(part) for part in annotation.split(" | ")]}
    if annotation in _PLAIN:
        return _PLAIN[annotation]
    if annotation in TYPES or annotation == "Tensor":
        return {"$ref": f"#/$defs/{annotation}"}
    name, _, inside = annotation.rstrip("]").partition("[")
    if name == "Mapping":
        return {"type": "object", "additionalProperties": _type(inside.partition(", ")[2])}
    parts = re.split(r", (?![^\[]*\])", inside + "]" * (inside.count("[") - inside.count("]")))
    if name == "tuple" and parts[-1] != "...":
        return {"type": "array", "prefixItems": [_type(part) for part in parts], "minItems": len(parts)}
    return {"type": "array", "items": _type(parts[0])}
