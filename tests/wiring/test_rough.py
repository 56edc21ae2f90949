"""What is hard on its process, or answers with what does not fit, costs one answer or one verdict."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import plain
from embedding_conformance.boundary.refusals import Died, Misanswered
from embedding_conformance.boundary.worker_client import SECONDS_TO_ANSWER, WorkerAdapter
from embedding_conformance.cases.case import Case
from embedding_conformance.judging import tally
from embedding_conformance.judging.compare import Deviation
from embedding_reference import Tensor
from examined import CLAUSES, subject
from examples import case
from processes import HUNG, patiently, suite

GOOD, BAD = case(index=(0, 2)), case(index=(0, 7))
ROWS = Tensor.of("float32", (2, 2), [0, 1, 4, 5])
FEW = "test_bits or test_shape or test_repeatable or test_out_of_range"


def test_a_death_is_noticed_although_a_child_lives_on() -> None:
    """Whoever waits for the child to let go of the pipes finds that it times out."""
    worker = WorkerAdapter("rough:Forks", seconds=HUNG)
    instance = worker.make(BAD.config, BAD.weight, device="cpu")
    with pytest.raises(Died, match=r"^died \(SIGSEGV\)$"):
        instance.forward(lookup=BAD.lookups[0])
    assert worker.make(GOOD.config, GOOD.weight, device="cpu").forward(lookup=GOOD.lookups[0]).output == ROWS
    worker.close()


def test_a_second_answer_is_nonsense_and_both_that_gave_one_are_replaced() -> None:
    worker = WorkerAdapter("rough:AnswersTwice")
    instance = worker.make(BAD.config, BAD.weight, device="cpu")
    with pytest.raises(plain.Refused):
        instance.forward(lookup=BAD.lookups[0])
    with pytest.raises(Died, match="answered nonsense: "):
        look_up_often(instance)
    assert worker.make(GOOD.config, GOOD.weight, device="cpu").forward(lookup=GOOD.lookups[0]).output == ROWS
    worker.close()


def look_up_often(instance: Any) -> None:
    """Until the second answer to an earlier request has come."""
    for _ in patiently():
        instance.forward(lookup=GOOD.lookups[0])


def test_what_it_reads_are_no_requests_and_what_it_prints_no_answers() -> None:
    worker = WorkerAdapter("rough:ReadsAndWrites")
    instance = worker.make(GOOD.config, GOOD.weight, device="cpu")
    assert [instance.forward(lookup=GOOD.lookups[0]).output for _ in range(3)] == [ROWS] * 3
    worker.close()


SAYS = """
import json, sys
for line in sys.stdin:
    request = json.loads(line)
    print(json.dumps({"id": request["id"], **json.loads(sys.argv[1])}), flush=True)
"""


@pytest.mark.parametrize(
    ("answer", "verb", "words"),
    [
        ({"result": {"tensor": ["float32", [2], "AAAA"]}}, "weight", "float32 of shape (2,) takes 8 bytes, got 3"),
        ({"result": {"tensor": ["float32", [1], "AA_A-A=="]}}, "weight", "Only base64 data"),
        ({"result": {"tensor": ["float32"]}}, "weight", "missing 2 required positional"),
        ({"result": {"type": "Forward", "output": 1}}, "forward", "not a Forward of ours"),
        ({"result": {"type": "Foreword"}}, "forward", "not a Foreword of ours"),
        ({"result": 1}, "make", "'result' is no answer to it"),
        ({"instance": 1}, "weight", "'instance' is no answer to it"),
        ({"instance": "first"}, "make", "the instance that request 1 makes has that number, not 'first'"),
        ({"refused": "no"}, "weight", "must be a mapping"),
        ({"refused": {"family": "index"}}, "weight", "missing 2 required"),
        ({"refused": {"family": "IndexError", "kind": "x", "message": ""}}, "weight", "is none of index, type, value"),
    ],
    ids=str,
)
def test_an_answer_that_is_none_to_the_verb_is_the_adapters_defect(answer: Any, verb: str, words: str) -> None:
    worker = WorkerAdapter(f"command:'{sys.executable}' -c '{SAYS}' '{json.dumps(answer)}'")
    with pytest.raises(Misanswered, match=f"^the adapter's answer to {verb}.. is not one of the protocol: ") as caught:
        worker.call(verb, 0)
    assert words in str(caught.value)
    worker.close()


def test_half_an_answer_is_a_death() -> None:
    worker = WorkerAdapter(
        f"""command:'{sys.executable}' -c 'print("{{", end="", flush=True); import os; os.abort()'"""
    )
    with pytest.raises(Died, match=r"^died \(SIGABRT\)$"):
        worker.describe()
    worker.close()


def test_what_it_said_at_last_is_kept() -> None:
    worker = WorkerAdapter(f"command:'{sys.executable}' -c 'import nowhere'")
    with pytest.raises(Died, match=r"^died \(exit status 1\)$") as died:
        worker.describe()
    assert died.value.stderr.endswith("ModuleNotFoundError: No module named 'nowhere'")
    worker.close()


def test_a_death_over_the_script_leaves_the_verdict(tmp_path: Path) -> None:
    more = ("--embedding-isolation", "process")
    run = suite(tmp_path, "rough:DiesOfItsScript", "test_bits", *more, profile="default")
    assert {clause for (clause, _), word in run.verdicts.items() if word == "deviates"} == {"lookup.bits"}
    assert "could not be written: died (exit status 3)" in run.verdict("lookup.bits")["deviation"]["script"]


def test_a_command_that_does_not_start_shows_what_it_said(tmp_path: Path) -> None:
    (tmp_path / "server.py").write_text("raise SystemExit('no such library')\n", encoding="utf-8")
    run = suite(tmp_path, f"command:'{sys.executable}' server.py", FEW)
    assert run.status == 2
    assert (
        "asked to describe itself, it died (exit status 1); on standard error it said:\nno such library" in run.errors
    )


class Hasty(WorkerAdapter):
    """Waits long for a table to be made, and not for lookups, none of which comes back."""

    def call(self, verb: str, on: int, **arguments: Any) -> Any:
        self.seconds = 0.5 if verb == "forward" else HUNG
        return super().call(verb, on, **arguments)


def test_no_more_than_two_time_outs_go_into_one_clause(monkeypatch: pytest.MonkeyPatch) -> None:
    hung: list[Case] = []
    as_if = {"monotonic": lambda: SECONDS_TO_ANSWER * len(hung)}  # as if each had taken its whole time
    clock = SimpleNamespace(perf_counter=time.perf_counter, **as_if)
    monkeypatch.setattr(tally, "time", clock)
    worker = Hasty("rough:HangsOnRepeats")
    hanging = subject(worker)

    def look_up(embedding: Any, one: Case) -> None:
        try:
            embedding.run(one, backward=False)
        except Died:
            hung.append(one)
            raise

    repeats = st.integers(2, 50).map(lambda n: case(index=(0,) * n))

    @given(repeats)
    @settings(database=None, report_multiple_bugs=False)
    def search(one: Case) -> None:
        hanging.examine(CLAUSES["lookup.bits"], look_up, one)

    with pytest.raises(Deviation, match="did not survive") as deviation:
        search()
    assert deviation.value.observed == "timed out after 0.5 s"
    assert deviation.value.case in hung
    assert len(hung) == 2
    worker.close()
