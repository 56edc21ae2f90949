"""docs/protocol.md says what the protocol is, and its worked example speaks it."""

from __future__ import annotations

import inspect
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from embedding_conformance.boundary.adapter import Adapter, Instance
from embedding_conformance.boundary.answers import check
from embedding_conformance.boundary.description import mistake_in
from embedding_conformance.boundary.observations import Call
from embedding_conformance.boundary.wire import TYPES, decode, encode
from embedding_conformance.boundary.worker_client import ANSWERS
from embedding_conformance.cases.case import Config, Lookup
from embedding_reference import Tensor
from processes import HUNG, Run, suite
from regenerate import REQUIRED

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "protocol.md").read_text(encoding="utf-8")
EXAMPLE = DOCS / "examples" / "embedding.mjs"

BLOCKS = re.findall(r"^```json\n(.+?)^```$", PAGE, re.MULTILINE | re.DOTALL)
SHOWN = [json.loads(line) for block in BLOCKS for line in block.splitlines()]
REQUESTS = [line for line in SHOWN if "verb" in line]
ANSWERED = {line["id"]: line for line in SHOWN if set(line) & ANSWERS}

needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")


def test_the_table_of_records_names_every_field() -> None:
    table = PAGE.split("| type | fields, with defaults |")[1].split("\n\n")[0]
    rows = dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", table, re.MULTILINE))
    for name in ("Config", "Lookup", "Forward", "Backward", "Gradient", "Description", "Declared"):
        fields = set(inspect.signature(TYPES[name]).parameters)
        assert fields - {"ledger", "inherits"} <= set(re.findall(r"`(\w+)`", rows[name]))


def test_the_verbs_that_are_required_are_shown_in_order() -> None:
    assert tuple(dict.fromkeys(line["verb"] for line in REQUESTS))[: len(REQUIRED)] == REQUIRED


@pytest.mark.parametrize("value", [line for line in SHOWN if "id" not in line], ids=str)
def test_values_are_what_the_suite_sends(value: Any) -> None:
    decoded = decode(value)
    assert isinstance(decoded, (Tensor, Config, float))
    assert encode(decoded) == value


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda line: line["verb"])
def test_requests_are_what_the_suite_sends(request_: dict[str, Any]) -> None:
    assert list(request_) == ["id", "verb", "on", "arguments", "forget"]
    arguments = decode(request_["arguments"])
    assert encode(arguments) == request_["arguments"]
    owner = Adapter if request_["on"] == 0 else Instance
    inspect.signature(getattr(owner, request_["verb"])).bind(None, **arguments)
    assert all(isinstance(lookup, Lookup) for lookup in arguments.get("lookups", ()))


def test_answers_are_what_the_suite_takes() -> None:
    taken = set()
    for request in REQUESTS:
        if "result" in ANSWERED[request["id"]]:
            answer = decode(ANSWERED[request["id"]]["result"])
            assert request["verb"] != "describe" or not mistake_in(answer)
            check(Call(request["verb"], decode(request["arguments"])), answer)
            taken.add(request["verb"])
    assert taken == set(REQUIRED) - {"make"}


@needs_node
def test_the_example_answers_as_shown() -> None:
    said = "".join(f"{json.dumps(line)}\n" for line in REQUESTS)
    done = subprocess.run(["node", EXAMPLE], input=said, capture_output=True, text=True, timeout=HUNG, check=True)  # noqa: S603, S607
    assert [json.loads(line) for line in done.stdout.splitlines()] == [ANSWERED[line["id"]] for line in REQUESTS]


CLAIMED = {
    "construction.padding-range",
    "lookup.bits",
    "lookup.shape",
    "lookup.index-dtype",
    "lookup.out-of-range",
    "lookup.refusal-changes-nothing",
    "lookup.wrong-index-dtype",
    "gradient.sum",
    "gradient.untouched-rows",
    "gradient.form",
    "gradient.accumulates",
    "gradient.one-graph",
    "padding_idx.no-gradient",
    "padding_idx.others",
    "padding_idx.output",
    "padding_idx.negative",
    "padding_idx.none",
}
"""What the example is there to show."""


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The example as it is."""
    return suite(tmp_path_factory.mktemp("example"), f"command:node {EXAMPLE}", "test_", dtypes="float32,float64")


@needs_node
def test_the_example_conforms(example: Run) -> None:
    assert example.status == 0
    assert set(example.verdicts.values()) <= {"conforms", "unsupported", "not exercised"}
    for dtype in ("float32", "float64"):
        assert {c for c in CLAIMED if example.verdicts[c, dtype] != "conforms"} == set()


@needs_node
def test_what_the_example_declares_is_unsupported(example: Run) -> None:
    assert example.verdict("max_norm.renormalises")["reason"] == "not asked: rows are not renormalised"
    assert example.verdict("sparse.values")["reason"] == "not asked: the gradient is dense"


@needs_node
@pytest.mark.parametrize(
    ("line", "instead", "test", "clause"),
    [
        ("if (row === this.paddingRow) return;", "", "test_no_gradient", "padding_idx.no-gradient"),
        ("row >= 0 && row < this.rows", "row < this.rows", "test_out_of_range", "lookup.out-of-range"),
        ("sums[k] += upstream", "sums[k] = upstream", "test_sum", "gradient.sum"),
        ("if (config[name] !== undefined)", "if (false)", "test_renormalises", "max_norm.renormalises"),
    ],
)
def test_a_broken_example_is_caught(tmp_path: Path, line: str, instead: str, test: str, clause: str) -> None:
    source = EXAMPLE.read_text(encoding="utf-8")
    assert line in source
    (tmp_path / "broken.mjs").write_text(source.replace(line, instead), encoding="utf-8")
    run = suite(tmp_path, "command:node broken.mjs", test, profile="default")
    assert run.status == 1
    assert run.verdict(clause)["verdict"] == "deviates"
