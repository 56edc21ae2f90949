"""A program that hangs, dies, floods or forks costs what it was asked, and leaves nothing behind."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from embedding_conformance.boundary import line_process
from embedding_conformance.boundary.line_process import Program
from plain import AGES
from processes import HUNG, patiently

SLEEPS = f"import time\ntime.sleep({AGES})"


@contextmanager
def running(source: str) -> Iterator[Program]:
    """A program in Python."""
    one = Program([sys.executable, "-c", source], dict(os.environ))
    yield one
    one.end()


def exists(process: int) -> bool:
    """Whether a process lives, or waits to be collected by whoever inherited it."""
    try:
        return Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_lines_are_answered_one_by_one() -> None:
    with running("import sys\nfor line in sys.stdin: print(line.upper(), end='', flush=True)") as upper:
        assert [upper.ask(line, HUNG) for line in ("one", "zwölf")] == ["ONE\n", "ZWÖLF\n"]


def test_it_ends_by_itself_once_there_are_no_more_lines() -> None:
    with running("import sys\nsys.stdin.read()\nsys.exit(5)") as reader:
        assert reader.end(patience=HUNG) == 5


def test_it_is_ended_by_force_where_it_does_not() -> None:
    with running(SLEEPS) as sleeper:
        assert sleeper.end(patience=0.1) == -9


def test_one_that_does_not_read_holds_nobody_up() -> None:
    with running(SLEEPS) as sleeper:
        with pytest.raises(TimeoutError):
            sleeper.ask("x" * 1_000_000, 0.5)  # more than a pipe takes
        assert sleeper.end() == -9, "it was waited for"


def test_an_end_is_noticed_although_a_child_holds_the_pipes() -> None:
    fork = f"import os, time\nchild = os.fork()\nif child: print(child, flush=True)\nelse: time.sleep({AGES})"
    with running(fork) as parent:
        child = int(parent.ask("who holds the pipes?", HUNG))
        assert parent.ask("anything", HUNG) == ""
        assert exists(child), "it was waited for"
        assert parent.end() == 0
        for _ in patiently():
            if not exists(child):
                return
        raise AssertionError("it is still there")


def test_half_a_line_has_no_newline() -> None:
    with running("print('{\"id\": 1', end='')") as half:
        assert half.ask("anything", HUNG) == '{"id": 1'


def test_a_line_without_end_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line_process, "LONGEST_ANSWER", 1000)
    with running("while True: print('x' * 100, end='')") as endless:
        assert endless.ask("anything", HUNG) == "x" * 1000


def test_the_end_of_standard_error_is_kept() -> None:
    with running("import sys\nfor i in range(100_000): print('line', i, file=sys.stderr)") as flood:
        assert flood.end(patience=HUNG) == 0
        output = flood.error_output()
        assert output.endswith("line 99998\nline 99999")
        assert len(output) <= line_process.LONGEST_ERROR_OUTPUT
