"""A program that is talked to in lines, and that may hang, die, fork or say anything at any time."""

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
"""Bytes of one line; more is cut there. The largest tensor of the suite takes about a million."""

LAST_WORDS = 1 << 14
"""How many bytes of standard error are kept."""

SECONDS_TO_NOTICE = 0.5
"""How soon an end is noticed that no end of standard output tells of."""


class Program:
    """A running program.

    Nothing that it does blocks us: threads write to it and read what it says. It leads a process group, so that what it
    forked ends with it.
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        """Start it.

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
        self._said = bytearray()
        self._listener = threading.Thread(target=_listen, args=(self._process.stderr, self._said), daemon=True)
        self._listener.start()
        threading.Thread(target=_feed, args=(self._process.stdin, self._requests), daemon=True).start()
        threading.Thread(target=_pump, args=(self._process.stdout, self._answers), daemon=True).start()

    def ask(self, line: str, seconds: float) -> str:
        """Send a line and wait for one, which ends in a newline unless the program did not live to finish it.

        Raises:
            TimeoutError: there was none in this time.
        """
        self._requests.put(f"{line}\n".encode())
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            # Whatever it forked may hold the pipe open for longer than it lives itself.
            ended = self._process.poll() is not None
            try:
                return self._answers.get(timeout=min(left, SECONDS_TO_NOTICE)).decode(errors="replace")
            except queue.Empty:
                if ended:
                    return ""
        raise TimeoutError

    def end(self, *, patience: float = 0.0) -> int:
        """Make sure that it has ended, and what it forked with it; after so many seconds by force.

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

    def last_words(self) -> str:
        """The end of what it said on standard error; complete once it has ended."""
        self._listener.join(timeout=1)
        return self._said.decode(errors="replace").strip()


def _feed(stdin: IO[bytes], requests: queue.SimpleQueue[bytes | None]) -> None:
    """Pass requests on, until there are no more or nobody reads them."""
    with contextlib.suppress(OSError), stdin:
        while (request := requests.get()) is not None:
            stdin.write(request)
            stdin.flush()


def _pump(stdout: IO[bytes], answers: queue.SimpleQueue[bytes]) -> None:
    """Move lines to the queue, and an empty one at the end."""
    with stdout:
        while line := stdout.readline(LONGEST_ANSWER):
            answers.put(line)
    answers.put(b"")


def _listen(stderr: IO[bytes], said: bytearray) -> None:
    """Keep the end of what is said."""
    with stderr:
        while some := os.read(stderr.fileno(), LAST_WORDS):
            said += some
            del said[:-LAST_WORDS]
