"""The worker speaks the protocol, and its death costs one answer."""

from __future__ import annotations

import ast
import gc
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import embedding_conformance
import plain
from embedding_conformance.boundary.observations import Backward, Forward, Gradient
from embedding_conformance.boundary.refusals import Died, Refused, Unsupported
from embedding_conformance.boundary.target import UnusableTarget
from embedding_conformance.boundary.wire import decode, encode
from embedding_conformance.boundary.worker_client import WorkerAdapter
from embedding_reference import Tensor
from examples import case
from processes import HUNG, IMPORTABLE, python

ADAPTERS = Path(embedding_conformance.__file__).parent / "adapters"
GOOD, BAD = case(index=(0, 2)), case(index=(0, 7))
WEIGHT = encode(GOOD.weight)
OPTIONS = {"device": "cpu"}


def talk(*requests: dict[str, Any], target: str = "plain:Plain") -> list[dict[str, Any]]:
    """The answers of a worker to requests typed by hand."""
    done = python(
        "-m", "embedding_conformance.worker", target, say="".join(json.dumps(request) + "\n" for request in requests)
    )
    assert done.returncode == 0
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_the_protocol() -> None:
    arguments = {"config": encode(GOOD.config), "weight": WEIGHT, **OPTIONS}
    good, bad = ({"lookup": encode(c.lookups[0])} for c in (GOOD, BAD))
    described, made, looked_up, refused, unsupported, copied, unknown, forgotten = talk(
        {"id": 1, "verb": "describe", "on": 0, "arguments": {}},
        {"id": 5, "verb": "make", "on": 0, "arguments": arguments},
        {"id": 6, "verb": "forward", "on": 5, "arguments": good, "forget": []},
        {"id": 7, "verb": "forward", "on": 5, "arguments": bad},
        {"id": 8, "verb": "gradient", "on": 5, "arguments": {"lookups": []}},
        {"id": 9, "verb": "copy", "on": 5, "arguments": {"how": "pickle"}},
        {"id": 10, "verb": "juggle", "on": 5, "arguments": {}},
        {"id": 11, "verb": "weight", "on": 5, "arguments": {}, "forget": [5]},
    )
    assert decode(described["result"]) == plain.Plain().describe()
    assert made == {"id": 5, "instance": 5}
    assert decode(looked_up["result"]).output == Tensor.of("float32", (2, 2), [0, 1, 4, 5])
    assert refused == {"id": 7, "refused": {"family": "index", "kind": "IndexError", "message": "index out of range"}}
    assert unsupported == {"id": 8, "unsupported": "does not differentiate"}
    assert copied == {"id": 9, "instance": 9}
    assert unknown == {"id": 10, "unsupported": "there is no verb 'juggle'"}
    assert "KeyError" in forgotten["error"]


def test_a_worker_without_a_target_says_why() -> None:
    done = python("-m", "embedding_conformance.worker", "plain:Plane")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "--embedding plain:Plane: plain has no attribute 'Plane'; did you mean 'Plain'?\n"


@pytest.fixture
def worker(request: pytest.FixtureRequest) -> Iterator[WorkerAdapter]:
    """A worker that serves the target named by the test."""
    adapter = WorkerAdapter(request.param, seconds=HUNG)
    yield adapter
    adapter.close()


@pytest.mark.parametrize("worker", ["plain:Plain"], indirect=True)
def test_an_adapter_in_a_worker_answers_as_it_does_here(worker: WorkerAdapter) -> None:
    here = plain.Plain()
    assert worker.describe() == here.describe()
    near, far = (a.make(GOOD.config, GOOD.weight, **OPTIONS) for a in (here, worker))
    assert far.forward(lookup=GOOD.lookups[0]) == near.forward(lookup=GOOD.lookups[0])
    assert far.copy(how="pickle").weight() == near.weight()
    with pytest.raises(Refused, match="IndexError"):
        far.forward(lookup=BAD.lookups[0])
    with pytest.raises(Unsupported, match="does not differentiate"):
        far.gradient(lookups=GOOD.lookups)


@pytest.mark.parametrize(
    ("worker", "account"),
    [
        ("plain:Plain", "not asked: does not differentiate"),
        ("plain:CannotDifferentiate", "does not differentiate"),
    ],
    indirect=["worker"],
)
def test_it_is_known_whether_the_implementation_was_asked(worker: WorkerAdapter, account: str) -> None:
    instance = worker.make(GOOD.config, GOOD.weight, **OPTIONS)
    with pytest.raises(Unsupported) as caught:
        instance.gradient(lookups=GOOD.lookups)
    assert caught.value.account == account


@pytest.mark.parametrize(
    ("worker", "how"),
    [
        ("plain:Segfaults", r"^died \(SIGSEGV\)$"),
        ("plain:Exits", r"^died \(exit status 2\)$"),
        ("plain:Leaves", r"^died \(exit status 3\)$"),
    ],
    indirect=["worker"],
)
def test_a_death_costs_one_answer(worker: WorkerAdapter, how: str) -> None:
    instance = worker.make(BAD.config, BAD.weight, **OPTIONS)
    with pytest.raises(Died, match=how):
        instance.forward(lookup=BAD.lookups[0])
    again = worker.make(GOOD.config, GOOD.weight, **OPTIONS)
    assert again.forward(lookup=GOOD.lookups[0]).output == Tensor.of("float32", (2, 2), [0, 1, 4, 5])


@pytest.mark.parametrize("worker", ["plain:Hangs"], indirect=True)
def test_a_hang_costs_one_answer(worker: WorkerAdapter) -> None:
    instance = worker.make(BAD.config, BAD.weight, **OPTIONS)
    worker.seconds = 0.5  # for what does not come back, and for nothing else
    with pytest.raises(Died, match=r"^timed out after 0.5 s$"):
        instance.forward(lookup=BAD.lookups[0])
    worker.seconds = HUNG
    again = worker.make(GOOD.config, GOOD.weight, **OPTIONS)
    assert again.forward(lookup=GOOD.lookups[0]).output == Tensor.of("float32", (2, 2), [0, 1, 4, 5])


@pytest.mark.parametrize("worker", ["plain:Segfaults"], indirect=True)
def test_instances_of_a_dead_worker_do_not_disturb_the_next(worker: WorkerAdapter) -> None:
    old = [worker.make(BAD.config, BAD.weight, **OPTIONS) for _ in range(3)]
    with pytest.raises(Died):
        old[0].forward(lookup=BAD.lookups[0])
    new = [worker.make(GOOD.config, GOOD.weight, **OPTIONS) for _ in range(3)]
    old.clear()
    gc.collect()
    assert [instance.weight() for instance in new] == [GOOD.weight] * 3


@pytest.mark.parametrize("worker", ["plain:Prints"], indirect=True)
def test_what_an_implementation_prints_does_not_mix_with_its_answers(worker: WorkerAdapter) -> None:
    instance = worker.make(GOOD.config, GOOD.weight, **OPTIONS)
    assert instance.forward(lookup=GOOD.lookups[0]).output == Tensor.of("float32", (2, 2), [0, 1, 4, 5])


@pytest.mark.parametrize("worker", ["plain:Breaks"], indirect=True)
def test_a_defect_of_the_adapter_is_told_apart(worker: WorkerAdapter) -> None:
    instance = worker.make(BAD.config, BAD.weight, **OPTIONS)
    with pytest.raises(RuntimeError, match=r"(?s)the adapter in the worker broke.*ZeroDivisionError: a defect"):
        instance.forward(lookup=BAD.lookups[0])
    assert instance.weight() == BAD.weight


@pytest.mark.parametrize(
    "answer",
    [
        b"hello",
        b"3",
        b'{"id": 1',
        b'{"id": 1}',
        b'{"id": 2, "result": null}',
        b'{"id": 1, "answer": null}',
        b'{"id": 1, "result": null, "refused": null}',
        b"\xff\xfe",
    ],
)
def test_nonsense_is_called_so(tmp_path: Path, answer: bytes) -> None:
    program = tmp_path / "program.py"
    program.write_text(f"import sys\nfor line in sys.stdin: sys.stdout.buffer.write({answer!r} + b'\\n'); break\n")
    adapter = WorkerAdapter(f"command:'{sys.executable}' '{program}'")
    with pytest.raises(Died, match=r"^answered nonsense: "):
        adapter.describe()
    adapter.close()


def test_any_program_may_speak_the_protocol() -> None:
    adapter = WorkerAdapter(
        f"command:env 'PYTHONPATH={IMPORTABLE}' '{sys.executable}' -m embedding_conformance.worker plain:Plain"
    )
    assert adapter.make(GOOD.config, GOOD.weight, **OPTIONS).weight() == GOOD.weight
    adapter.close()


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("command:./not-there", "command:./not-there: cannot be started: No such file"),
        ("command:", "names no program; write command:PROGRAM ARGS"),
        ("command:'open", "No closing quotation"),
        ("plain:Plane", "plain has no attribute 'Plane'"),
        ("nowhere", "neither a bundled adapter"),
    ],
)
def test_a_worker_that_cannot_start_says_why(target: str, words: str) -> None:
    adapter = WorkerAdapter(target)
    with pytest.raises(UnusableTarget, match=words):
        adapter.describe()
    adapter.close()


def test_a_folder_of_the_users_does_not_shadow_a_package_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "embedding_reference").mkdir()
    (tmp_path / "embedding_reference" / "__init__.py").write_text("raise ImportError('not this one')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [p for p in sys.path if p != "."])  # where targets of other tests were found
    adapter = WorkerAdapter("plain:Plain")
    assert adapter.describe().name == "plain"
    adapter.close()


def test_every_kind_of_answer_crosses_the_wire() -> None:
    entries, rows = Tensor.of("float32", (1, 2), [1, 2]), Tensor.of("int64", (1,), [0])
    gradient = Gradient("coo", (3, 2), "cpu", entries, rows)
    for value in (
        Backward((GOOD.weight,), gradient),
        Backward((), replace(gradient, layout="dense", rows=None)),
        Forward(GOOD.weight, requires_grad=False, device="cuda", index_after=GOOD.index),
    ):
        assert decode(json.loads(json.dumps(encode(value)))) == value


LOADED = """
import sys
before = set(sys.modules)
import embedding_conformance.worker
print(*(f"{name} {getattr(m, '__file__', None)}" for name, m in sys.modules.items() if name not in before), sep="\\n")
"""


@pytest.fixture(scope="module")
def loaded() -> dict[str, Path]:
    """The modules that importing the worker loads, and their files; those of the standard library are left out."""
    found = dict(line.rsplit(" ", 1) for line in python("-c", LOADED).stdout.splitlines())
    return {n: Path(f) for n, f in found.items() if n.partition(".")[0] not in sys.stdlib_module_names}


def test_the_worker_needs_nothing_but_the_standard_library(loaded: dict[str, Path]) -> None:
    assert {name.partition(".")[0] for name in loaded} == {"embedding_conformance", "embedding_reference"}


def test_the_workers_syntax_is_that_of_python_3_8(loaded: dict[str, Path]) -> None:
    for file in {*loaded.values(), *ADAPTERS.rglob("*.py")}:
        ast.parse(file.read_text(encoding="utf-8"), str(file), feature_version=(3, 8))


def _python_3_8() -> str | None:
    found = shutil.which("python3.8")
    if found is None:
        return None
    works = subprocess.run([found, "-c", ""], capture_output=True, check=False, timeout=HUNG).returncode == 0  # noqa: S603
    return found if works else None


@pytest.mark.skipif(_python_3_8() is None, reason="there is no python3.8 on the path")
def test_the_worker_serves_from_python_3_8() -> None:
    adapter = WorkerAdapter(
        f"command:env 'PYTHONPATH={IMPORTABLE}' '{_python_3_8()}' -m embedding_conformance.worker plain:Plain"
    )
    assert adapter.describe() == plain.Plain().describe()
    instance = adapter.make(GOOD.config, GOOD.weight, **OPTIONS)
    assert instance.forward(lookup=GOOD.lookups[0]).output == Tensor.of("float32", (2, 2), [0, 1, 4, 5])
    with pytest.raises(Refused):
        instance.forward(lookup=BAD.lookups[0])
    adapter.close()
