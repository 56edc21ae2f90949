"""A program that hangs, dies, floods or forks costs what it was asked, and leaves nothing behind."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from embedding_conformance.boundary import line_process
from embedding_conformance.boundary.line_process import Program


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
        assert [upper.ask(line, 10) for line in ("one", "zwölf")] == ["ONE\n", "ZWÖLF\n"]


def test_it_ends_by_itself_once_there_are_no_more_lines() -> None:
    with running("import sys\nsys.stdin.read()\nsys.exit(5)") as reader:
        assert reader.end(patience=10) == 5


def test_it_is_ended_by_force_where_it_does_not() -> None:
    with running("import time\ntime.sleep(60)") as sleeper:
        assert sleeper.end(patience=0.1) == -9


def test_one_that_does_not_read_holds_nobody_up() -> None:
    with running("import time\ntime.sleep(60)") as sleeper:
        before = time.monotonic()
        with pytest.raises(TimeoutError):
            sleeper.ask("x" * 1_000_000, 0.5)  # more than a pipe takes
        sleeper.end()
        assert time.monotonic() - before < 10


def test_an_end_is_noticed_although_a_child_holds_the_pipes() -> None:
    fork = "import os, time\nchild = os.fork()\nif child: os.write(2, b'%d' % child)\nelse: time.sleep(60)"
    with running(fork) as parent:
        before = time.monotonic()
        assert parent.ask("anything", 30) == ""
        assert time.monotonic() - before < 15
        assert parent.end() == 0
        child = int(parent.last_words())
        until = time.monotonic() + 10
        while exists(child) and time.monotonic() < until:
            time.sleep(0.01)
        assert not exists(child)


def test_half_a_line_has_no_newline() -> None:
    with running("print('{\"id\": 1', end='')") as half:
        assert half.ask("anything", 10) == '{"id": 1'


def test_a_line_without_end_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line_process, "LONGEST_ANSWER", 1000)
    with running("while True: print('x' * 100, end='')") as endless:
        assert endless.ask("anything", 10) == "x" * 1000


def test_the_end_of_standard_error_is_kept() -> None:
    with running("import sys\nfor i in range(100_000): print('line', i, file=sys.stderr)") as flood:
        assert flood.end(patience=20) == 0
        said = flood.last_words()
        assert said.endswith("line 99998\nline 99999")
        assert len(said) <= line_process.LAST_WORDS
