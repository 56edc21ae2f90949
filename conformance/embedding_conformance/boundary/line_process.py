"""A program that answers each line with a line, and that may hang, die, fork or write anything at any time."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from typing import IO

LONGEST_ANSWER = 1 << 28
"""Bytes of one line; a longer one is cut off there. The suite's largest tensor takes about a million."""

LONGEST_ERROR_OUTPUT = 1 << 14
"""Bytes of standard error that are kept: the last ones."""

SECONDS_TO_NOTICE = 0.5
"""How long it takes at most to notice that the program has ended while its standard output is still open."""


class Program:
    """A running program.

    Threads write to it and read what it writes, so that nothing that it does blocks the suite. It leads a process
    group, so that the processes that it forks end with it.
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        """Start the program.

        Args:
            command: the program and its arguments.
            environment: all of its environment variables.

        Raises:
            OSError: it cannot be started.
        """
        self._process = subprocess.Popen(  # noqa: S603 - the user named the program
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            start_new_session=True,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self._requests: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._answers: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._error_output = bytearray()
        error_output = self._process.stderr, self._error_output
        self._error_reader = threading.Thread(target=_keep_error_output, args=error_output, daemon=True)
        self._error_reader.start()
        threading.Thread(target=_write_requests, args=(self._process.stdin, self._requests), daemon=True).start()
        threading.Thread(target=_read_answers, args=(self._process.stdout, self._answers), daemon=True).start()

    def ask(self, line: str, seconds: float) -> str:
        """Send a line, and wait for the line that answers it.

        Returns:
            The answer, which ends in a newline unless the program ended first, or the line is cut off as too long.

        Raises:
            TimeoutError: there was none in this time.
        """
        self._requests.put(f"{line}\n".encode())
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            # A process that the program forked may hold the pipe open after the program itself has ended.
            ended = self._process.poll() is not None
            try:
                return self._answers.get(timeout=min(left, SECONDS_TO_NOTICE)).decode(errors="replace")
            except queue.Empty:
                if ended:
                    return ""
        raise TimeoutError

    def end(self, *, patience: float = 0.0) -> int:
        """Make sure that the program and the processes that it forked have ended.

        Args:
            patience: how many seconds it has to end by itself, before it is ended by force.

        Returns:
            Its exit status, or the signal that ended it, as a negative number.
        """
        self._requests.put(None)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=patience)
        if os.name == "posix":
            with contextlib.suppress(ProcessLookupError, PermissionError):  # none of the group is left
                os.killpg(self._process.pid, signal.SIGKILL)
        else:
            self._process.kill()
        return self._process.wait()

    def error_output(self) -> str:
        """The end of what it wrote to standard error; complete once it has ended."""
        self._error_reader.join(timeout=1)
        return self._error_output.decode(errors="replace").strip()


def _write_requests(stdin: IO[bytes], requests: queue.SimpleQueue[bytes | None]) -> None:
    """Write requests to the program, until there are no more or it reads none."""
    with contextlib.suppress(OSError), stdin:
        while (request := requests.get()) is not None:
            stdin.write(request)
            stdin.flush()


def _read_answers(stdout: IO[bytes], answers: queue.SimpleQueue[bytes]) -> None:
    """Move the program's lines to the queue, and an empty one at the end."""
    with stdout:
        while line := stdout.readline(LONGEST_ANSWER):
            answers.put(line)
    answers.put(b"")


def _keep_error_output(stderr: IO[bytes], kept: bytearray) -> None:
    """Read standard error, and keep its end."""
    with stderr:
        while block := os.read(stderr.fileno(), LONGEST_ERROR_OUTPUT):
            kept += block
            del kept[:-LONGEST_ERROR_OUTPUT]
