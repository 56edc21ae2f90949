"""A weight split over two processes: they do the same, and what only one of them does is not taken for an answer."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from embedding_conformance.adapters.torch.paths.dtensor import SHARDED, Together, _both, _rank1
from embedding_conformance.boundary.refusals import Died, Lost, Refused, Unsupported
from embedding_conformance.boundary.target import resolve
from examined import FEW, examined, subject
from examples import case
from processes import patiently, python

UNSUPPORTED = {"max_norm.renormalises", "sparse.values", "sparse.padding"}
DEVIATES = {"torch-dtensor-row": {"lookup.out-of-range"}, "torch-dtensor-column": set()}


@pytest.mark.parametrize("name", SHARDED)
def test_each_way_to_split_on_a_few_clauses(name: str) -> None:
    adapter = resolve(name)
    came = {clause: examined(adapter, clause, one) for clause, one in FEW.items()}
    assert {c for c, word in came.items() if word == "unsupported"} == UNSUPPORTED
    assert {c for c, word in came.items() if word == "deviates"} == DEVIATES[name]


@pytest.mark.parametrize("name", SHARDED)
def test_a_second_table_in_the_same_graph(name: str) -> None:
    one, other = case(index=(0, 1)), case(index=(1, 1), values=(5, 6, 7, 8, 9, 10))
    made = subject(resolve(name)).make(one)
    mine, others = made.beside(weight=other.weight, lookups=(*one.lookups, *other.lookups))
    assert [came.output.values() for came in (mine, others)] == [[0, 1, 2, 3], [7, 8, 7, 8]]
    assert [came.gradient.values.values() for came in (mine, others)] == [[1, 1, 1, 1, 0, 0], [0, 0, 2, 2, 0, 0]]


def test_the_other_rank_is_another_process_and_has_the_other_rows() -> None:
    made = subject(resolve("torch-dtensor-row")).make(case())
    assert _rank1()._program is not None
    assert made._instance._here.table.to_local().shape == (2, 2)  # of three rows


def test_the_script_is_for_two_processes() -> None:
    embedding = subject(resolve("torch-dtensor-row"))
    embedding.run(case())
    script = embedding.driver.adapter.script(embedding.driver.calls)
    assert script.count("parallelize_module(embedding, ") == 1
    assert script.startswith("# run it with: torchrun --nproc-per-node 2 ")


def raising(error: Exception) -> Callable[[], Any]:
    def call() -> None:
        raise error

    return call


def test_what_both_refuse_is_refused() -> None:
    with pytest.raises(Refused, match="bad index") as caught:
        _both(
            raising(Refused("index", "IndexError", "bad index")), raising(Refused("index", "IndexError", "bad index"))
        )
    assert not isinstance(caught.value, Lost)


def test_what_one_refuses_costs_the_process() -> None:
    for calls in (
        (raising(Refused("index", "IndexError", "bad")), int),
        (int, raising(Refused("index", "IndexError", "bad"))),
    ):
        with pytest.raises(Lost, match="bad"):
            _both(*calls)


def test_a_death_is_no_refusal_of_any_kind() -> None:
    with pytest.raises(Lost) as caught:
        _both(raising(Refused("runtime", "RuntimeError", "Connection closed")), raising(Died("died (SIGSEGV)")))
    assert (caught.value.family, str(caught.value)) == ("other", "Died: rank 1 died (SIGSEGV)")


def test_what_is_not_provided_is_said() -> None:
    with pytest.raises(Unsupported, match="not copied"):
        subject(resolve("torch-dtensor-row")).make(case()).copy(how="deepcopy")


class Answering:
    """An instance with one verb."""

    def __init__(self, answer: int) -> None:
        self.answer = answer

    def weight(self) -> int:
        return self.answer


def test_ranks_that_differ_are_no_answer() -> None:
    assert Together(Answering(1), Answering(1)).weight() == 1
    with pytest.raises(Refused, match="rank 0 has 1, rank 1 2"):
        Together(Answering(1), Answering(2)).weight()


LEFT = """
import os
from examined import subject
from examples import case
from embedding_conformance.adapters.torch.paths.dtensor import _rank1
from embedding_conformance.boundary.target import resolve
subject(resolve("torch-dtensor-column")).run(case())
print(_rank1()._program._process.pid, flush=True)
{end}
"""


@pytest.mark.parametrize("end", ["", "os._exit(1)"])
def test_the_other_rank_ends_with_this_one(end: str) -> None:
    left = python("-W", "ignore", "-c", LEFT.format(end=end))
    pid = int(left.stdout)
    for _ in patiently():
        if not _runs(pid):
            return
    raise AssertionError("it is still there")


def _runs(pid: int) -> bool:
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], check=False, capture_output=True, text=True).stdout  # noqa: S603, S607
    return bool(state.strip().lstrip("Z"))  # a zombie has ended, too, and waits for somebody to take note
