"""The form of records in a results file: JSON that `schema/results-2.json` describes, and its text."""

from __future__ import annotations

import functools
import json
from dataclasses import replace
from typing import Any, TypeVar

import cattrs
from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn, override

from embedding_reports.condition import Condition
from embedding_reports.records import Clause, Footer, Implementation, Known, Parameter, Results, Verdict
from embedding_reports.validation import SCHEMA, VERSION

PLAIN = (bool, int, float, str)

Record = TypeVar("Record")


def structured(raw: object, record: type[Record]) -> Record:
    """The record that plain JSON stands for; that of a whole file must have passed `validation.validate`."""
    return _converter().structure(raw, record)


def unstructured(record: object) -> dict[str, Any]:
    """A record as plain JSON: dictionaries, lists, strings and numbers, which processes can exchange."""
    plain: dict[str, Any] = _converter().unstructure(record)
    return plain


def to_json(results: Results) -> dict[str, Any]:
    """The JSON of one run, verdicts in the order of clauses and columns, however many processes recorded them."""
    ordered = replace(results, verdicts=_in_stable_order(results))
    return {"schema": SCHEMA, "schema_version": VERSION, **unstructured(ordered)}


def text_of(value: object, depth: int = 2) -> str:
    """JSON text with sorted keys that breaks lines in the outermost `depth` levels only.

    So each clause and each verdict has a line of its own, and any diff tool can compare two runs.

    Raises:
        TypeError: it holds what JSON cannot.
        ValueError: it holds NaN or an infinity, or itself.
    """
    if not depth or not value or not isinstance(value, (dict, list)):
        return json.dumps(value, sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ": "))
    if isinstance(value, list):
        return "[\n" + ",\n".join(text_of(item, depth - 1) for item in value) + "\n]"
    items = (f"{json.dumps(key)}: {text_of(value[key], depth - 1)}" for key in sorted(value))
    return "{\n" + ",\n".join(items) + "\n}"


@functools.cache
def _converter() -> cattrs.Converter:
    converter = cattrs.Converter(detailed_validation=False, unstruct_collection_overrides={tuple: list})
    for plain in PLAIN:  # the schema has checked them, and a count of seconds that is 0 must not become 0.0
        converter.register_structure_hook(plain, _as_it_is)
    converter.register_structure_hook(Parameter, lambda raw, _: Parameter(*raw))
    converter.register_unstructure_hook(Parameter, list)
    optional = override(omit_if_default=True)
    differing: dict[type, dict[str, Any]] = {
        Clause: {"ground": optional},
        Known: dict.fromkeys(("does", "covered", "shown", "left_out"), optional),
        Verdict: {"outcome": override(rename="verdict"), "causes": optional},
        Condition: dict.fromkeys(("values", "least", "most"), optional),
        Implementation: {"signatures": optional},
        Footer: {"wiring": optional},
        Results: {"causes": optional, "kinds": optional, "interplay": optional},
    }
    for record, keys in differing.items():
        converter.register_structure_hook(record, make_dict_structure_fn(record, converter, **keys))
        converter.register_unstructure_hook(record, make_dict_unstructure_fn(record, converter, **keys))
    return converter


def _as_it_is(value: Any, _: object) -> Any:
    return value


def _in_stable_order(results: Results) -> tuple[Verdict, ...]:
    header = results.header
    rank: dict[str, int] = {}
    for name in [*(clause.id for clause in results.clauses), *header.dtypes, *header.devices]:
        rank.setdefault(name, len(rank))

    def place(verdict: Verdict) -> list[tuple[int, str]]:
        keys = [key or "" for key in (verdict.clause, verdict.dtype, verdict.device)]
        return [(rank.get(key, len(rank)) if key else -1, key) for key in keys]

    return tuple(sorted(results.verdicts, key=place))
