"""Write anew whatever is generated in this project: whole files, and tables between markers in pages that are written.

    python publishing/regenerate.py            say which files changed

A table stands between `<!-- NAME: generated from ... -->` and `<!-- end of NAME -->`; its head is written by hand.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import publish
from embedding_conformance.boundary.protocol_schema import protocol_schema
from embedding_conformance.boundary.target import BUNDLED, resolve
from embedding_conformance.boundary.verbs import REQUIRED, VERBS, Verb
from embedding_conformance.cli import main as command
from embedding_conformance.running.options import HELP
from embedding_conformance.running.profiles import PROFILES
from embedding_conformance.suite.catalogue import clauses as contract
from embedding_conformance.wiring.probes import PROBES
from embedding_reference.permitted import FAMILIES

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
sys.path.append(str(ROOT / "benchmarks"))  # a folder of scripts, as this one is

import page  # noqa: E402

WORDS = {
    "Lookup": "`Lookup`",
    "Sequence[Lookup]": "list of `Lookup`s",
    "Sequence[Call]": "list of calls",
    "Forward": "`Forward`",
    "Backward": "`Backward`",
    "tuple[Backward, Backward]": "two `Backward`s",
    "Tensor": "tensor",
    "Mapping[str, Any]": "object",
    "Mapping[str, Tensor]": "object of tensors",
    "list[tuple[str, str, str]]": "list of three strings each",
    "Instance": "an instance",
    "bool": "boolean",
    "int": "whole number",
    "str": "string",
    "None": "null",
}
"""What an annotation is called in docs/protocol.md."""


def main() -> None:
    """Write what is not as it should be."""
    for path, text in generated().items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            sys.stdout.write(f"{path.relative_to(ROOT)}\n")


def generated() -> dict[Path, str]:
    """The text of each file that is generated, as a whole or in part."""
    measured, diagnosed = (
        json.loads((ROOT / "benchmarks" / f"{name}.json").read_text(encoding="utf-8"))
        for name in ("detection", "diagnosis")
    )
    return {
        DOCS / "contract.md": _contract(),
        DOCS / "protocol.schema.json": json.dumps(protocol_schema(), indent=1) + "\n",
        DOCS / "detection.md": page.rendered(measured, diagnosed),
        **publish.pages(),
        **{path: with_tables(path.read_text(encoding="utf-8"), tables) for path, tables in TABLES.items()},
    }


def with_tables(text: str, tables: dict[str, Callable[[], Sequence[str]]]) -> str:
    """A page with the rows of its tables made anew."""
    for name, rows in tables.items():
        before, _, rest = text.partition(f"<!-- {name}: generated from ")
        table, end, after = rest.partition(f"<!-- end of {name} -->")
        marker, titles, rule = table.splitlines()[:3]
        made = "\n".join([marker, titles, rule, *rows(), ""])
        text = f"{before}<!-- {name}: generated from {made}{end}{after}"
    return text


def torch_adapters() -> list[str]:
    """The bundled adapters of torch but the first, torch itself."""
    return [name for name in BUNDLED if name.startswith("torch-") and name != "torch-onnx"]  # it needs ONNX Runtime


def _contract() -> str:
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        command(["contract"])
    return printed.getvalue()


def _options() -> list[str]:
    return [
        f"| `--{name} {metavar}` | {default or 'none'} | {text} |" for name, (metavar, default, text) in HELP.items()
    ]


def _profiles() -> list[str]:
    return [f"| `{name}` | {p.examples} | {p.enough} |" for name, p in PROFILES.items()]


def _paths() -> list[str]:
    described = {name: resolve(name).describe() for name in torch_adapters()}
    everywhere = {declared.reason for declared in resolve("torch").describe().unsupported}
    return [
        f"| `{name}` | {one.name} | {'; '.join(d.reason for d in one.unsupported if d.reason not in everywhere)} |"
        for name, one in described.items()
    ]


def _families() -> list[str]:
    return [f"| `{name}` | {words} |" for name, words in {**FAMILIES, "other": "anything else"}.items()]


def _verbs() -> list[str]:
    optional = [verb for verb in VERBS.values() if verb.name not in REQUIRED]
    return [_verb(verb) for verb in sorted(optional, key=lambda verb: verb.of_adapter)]


def _verb(verb: Verb) -> str:
    """The row of a verb: its arguments, its answer, what it does, and the clauses that cannot be asked without it."""
    arguments = []
    for argument in verb.arguments.values():
        default = "" if argument.required else f", default {json.dumps(argument.default)}"
        arguments.append(f"`{argument.name}` ({WORDS[argument.type]}{default})")
    clauses = ", ".join(f"`{clause.id}`" for clause in contract() if verb.name in clause.needs)
    return f"| `{verb.name}` | {', '.join(arguments)} | {WORDS[verb.answer]} | {verb.summary} | {clauses} |"


def _probes() -> list[str]:
    return [f"| {probe.what} | {probe.advice} |" for probe in PROBES]


TABLES: dict[Path, dict[str, Callable[[], Sequence[str]]]] = {
    ROOT / "README.md": {"options": _options, "profiles": _profiles, "paths": _paths},
    DOCS / "protocol.md": {"families": _families, "verbs": _verbs},
    DOCS / "write-an-adapter.md": {"probes": _probes},
}
"""The rows of each table, by the page that it stands on."""


if __name__ == "__main__":
    main()
