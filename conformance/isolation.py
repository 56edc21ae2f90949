"""The other side of `conformance.worker`: an adapter whose implementation runs in a process of its own."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from typing import Any

from conformance.adapter import LOST, Call, Description, Died, Lost, Refused, Unsupported
from conformance.case import Config
from conformance.target import UnusableTarget
from conformance.wire import decode, encode
from conformance.worker import UNUSABLE
from reference import Tensor

SECONDS_TO_START = 120.0
SECONDS_TO_ANSWER = 60.0
ANSWERS = {"result", "instance", "refused", "unsupported", "error"}


class WorkerAdapter:
    """An adapter served by a worker process, which is started at the first call and again after each death."""

    def __init__(self, target: str, *, seconds: float = SECONDS_TO_ANSWER) -> None:
        """A worker that is not started yet.

        Args:
            target: what to serve, as given to `--embedding`; `command:PROGRAM ARGS` is any program that speaks the
                protocol.
            seconds: how long an answer may take.
        """
        self.target, self.seconds = target, seconds
        self._process: subprocess.Popen[str] | None = None
        self._answers: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._errors = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115 - lives as we do
        self._next = 0
        self._lost = 0  # the last number of a process that a refusal cost; what it held is lost
        self._answered = False
        self._done: list[int] = []

    def describe(self) -> Description:
        """What is under test."""
        description: Description = self.call("describe", 0)
        return description

    def make(self, config: Config, weight: Tensor | None, **options: Any) -> WorkerInstance:
        """An instance in the worker."""
        return WorkerInstance(self, self.call("make", 0, config=config, weight=weight, **options))

    def signature(self, of: str) -> list[tuple[str, str, str]]:
        """The signature, as the worker's adapter gives it."""
        return [tuple(p) for p in self.call("signature", 0, of=of)]

    def script(self, calls: Sequence[Call]) -> str:
        """The script, as the worker's adapter writes it."""
        text: str = self.call("script", 0, calls=calls)
        return text

    def call(self, verb: str, on: int, **arguments: Any) -> Any:
        """One request and its answer.

        Raises:
            Refused, Unsupported: as the adapter on the other side raised them.
            Lost: it did so at the cost of the process; the next call starts another.
            Died: the process ended, or took too long; the next call starts another.
            RuntimeError: the adapter on the other side broke.
        """
        if 0 < on <= self._lost:
            raise Unsupported(LOST)
        process = self._running()
        self._next += 1
        request = {"id": self._next, "verb": verb, "on": on, "arguments": encode(arguments), "forget": self._done}
        self._done = []
        try:
            assert process.stdin is not None
            process.stdin.write(json.dumps(request) + "\n")
            process.stdin.flush()
        except OSError:
            raise Died(self._end()) from None
        answer = self._answer(self.seconds if self._answered else SECONDS_TO_START)
        self._answered = True
        if "refused" in answer:
            raise self._refusal(**answer["refused"])
        if "unsupported" in answer:
            raise Unsupported(answer["unsupported"])
        if "error" in answer:
            raise RuntimeError(f"the adapter in the worker broke:\n{answer['error']}")
        return answer["instance"] if "instance" in answer else decode(answer["result"])

    def forget(self, number: int) -> None:
        """Let the worker drop an instance, with the next request."""
        self._done.append(number)

    def close(self) -> None:
        """End the worker."""
        if self._process is not None:
            self._end()
        self._errors.close()

    def _running(self) -> subprocess.Popen[str]:
        if self._process is None:
            # Numbers go on from one worker to the next, so that none names an instance of both.
            self._answers, self._answered, self._done = queue.SimpleQueue(), False, []
            try:
                self._process = subprocess.Popen(  # noqa: S603 - the user named the program
                    self._command(),
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=self._errors,
                    text=True,
                    encoding="utf-8",
                    errors="replace",
                    env=self._environment(),
                )
            except OSError as error:
                raise UnusableTarget(f"--embedding {self.target}: cannot be started: {error.strerror}") from error
            threading.Thread(target=_pump, args=(self._process, self._answers), daemon=True).start()
        return self._process

    def _command(self) -> list[str]:
        if self.target.startswith("command:"):
            return self._words(self.target[len("command:") :])
        # -P: a folder where the user stands, named like one of our packages, is not imported in its place
        return [sys.executable, "-P", "-m", "conformance.worker", self.target]

    def _environment(self) -> dict[str, str]:
        """Ours; with our import path for our own interpreter, and no other."""
        if self.target.startswith("command:"):
            return dict(os.environ)
        return {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}

    def _words(self, command: str) -> list[str]:
        try:
            words = shlex.split(command)
        except ValueError as error:
            raise UnusableTarget(f"--embedding {self.target}: {error}") from error
        if not words:
            raise UnusableTarget(f"--embedding {self.target}: names no program; write command:PROGRAM ARGS")
        return words

    def _answer(self, seconds: float) -> dict[str, Any]:
        try:
            line = self._answers.get(timeout=seconds)
        except queue.Empty:
            self._end()
            raise Died(f"timed out after {seconds:g} s") from None
        if not line:
            raise Died(self._end())
        try:
            answer = json.loads(line)
            if answer["id"] == self._next and len(answer) == 2 and set(answer) & ANSWERS:
                return dict(answer)
        except (ValueError, TypeError, KeyError):
            pass
        self._end()
        raise Died(f"answered nonsense: {line.strip()[:80]!r}")

    def _refusal(self, *, lost: bool = False, **refused: str) -> Refused:
        """What the adapter on the other side raised; with the process ended, if that is of no use any more."""
        if not lost:
            return Refused(**refused)
        self._lost = self._next
        self._end()
        return Lost(**refused)

    def _end(self) -> str:
        """Make sure that the process has ended; how it did, in words."""
        process, self._process = self._process, None
        if process is None:
            return "died"
        if process.stdin is not None:
            with contextlib.suppress(OSError):
                process.stdin.close()
        try:
            status = process.wait(timeout=2)
        except subprocess.TimeoutExpired:
            process.kill()
            status = process.wait()
        self._errors.seek(0)
        said = self._errors.read().strip()
        if status == UNUSABLE and not self._answered and said:
            raise UnusableTarget(said.splitlines()[-1])
        return f"died ({signal.Signals(-status).name})" if status < 0 else f"died (exit status {status})"


class WorkerInstance:
    """An instance in a worker. Each verb is passed on with the arguments that it is called with, and no others."""

    def __init__(self, adapter: WorkerAdapter, number: int) -> None:
        self._adapter, self._number = adapter, number

    def __del__(self) -> None:
        self._adapter.forget(self._number)

    def __getattr__(self, verb: str) -> Callable[..., Any]:
        def call(**arguments: Any) -> Any:
            result = self._adapter.call(verb, self._number, **arguments)
            return WorkerInstance(self._adapter, result) if verb == "copy" else result

        return call


def _pump(process: subprocess.Popen[str], answers: queue.SimpleQueue[str]) -> None:
    """Move lines to the queue, and an empty string at the end."""
    assert process.stdout is not None
    with process.stdout as lines:
        for line in lines:
            answers.put(line)
    answers.put("")
