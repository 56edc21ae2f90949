"""The client of `embedding_conformance.worker`: an adapter whose implementation runs in a process of its own."""

from __future__ import annotations

import json
import os
import shlex
import signal
import sys
from collections.abc import Callable, Sequence
from typing import Any

from embedding_conformance.boundary.description import Description
from embedding_conformance.boundary.line_process import LONGEST_ANSWER, Program
from embedding_conformance.boundary.observations import Call
from embedding_conformance.boundary.refusals import LOST, Died, Lost, Misanswered, MissingVerb, Refused, Unsupported
from embedding_conformance.boundary.target import UNUSABLE, UnusableTarget
from embedding_conformance.boundary.verbs import VERBS
from embedding_conformance.boundary.wire import decode, encode
from embedding_conformance.cases.case import Config
from embedding_reference import Tensor
from embedding_reference.permitted import FAMILIES

SECONDS_TO_START = 120.0
SECONDS_TO_ANSWER = 60.0
PATIENCE = 2.0
"""Seconds that a process has to end by itself, once its standard input is closed."""
ANSWERS = {"result", "instance", "refused", "unsupported", "error"}


class WorkerAdapter:
    """An adapter served by a worker process, which the first call starts, and again the first after it has ended."""

    def __init__(self, target: str, *, seconds: float = SECONDS_TO_ANSWER) -> None:
        """A worker that is not started yet.

        Args:
            target: what to serve, as given to `--embedding`; `command:PROGRAM ARGS` is any program that speaks the
                protocol.
            seconds: how long an answer may take.
        """
        self.target, self.seconds = target, seconds
        self._program: Program | None = None
        self._next = 0
        self._lost = 0  # instances up to this number were in a process that a refusal ended
        self._answered = False
        self._forgotten: list[int] = []

    def describe(self) -> Description:
        """The description, as the worker's adapter gives it."""
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
        """Send one request, and return the answer to it.

        Args:
            verb: the name of the verb.
            on: 0 for the adapter itself, else the number of an instance.
            arguments: the arguments of the verb.

        Raises:
            Refused, Unsupported: the worker's adapter raised them.
            Lost: the implementation raised, and its process was given up; the next call starts another.
            Died: the process ended, took too long or answered nonsense; the next call starts another.
            Misanswered: the answer is not one to this verb.
            RuntimeError: the worker's adapter broke.
        """
        if 0 < on <= self._lost:
            raise Unsupported(LOST)
        program = self._running()
        self._next += 1
        request = {"id": self._next, "verb": verb, "on": on, "arguments": encode(arguments), "forget": self._forgotten}
        self._forgotten = []
        kind, answer = self._answer(program, json.dumps(request))
        content = answer[kind]
        if kind == "unsupported":
            missing = MissingVerb(verb)
            raise missing if content == missing.reason else Unsupported(str(content), asked=answer.get("asked") is True)
        if kind == "error":
            raise RuntimeError(f"the adapter in the worker broke:\n{content}")
        try:
            if kind == "refused":
                refusal = _refusal(**content)
            elif (kind == "instance") != VERBS[verb].makes_instance:
                raise ValueError(f"{kind!r} is no answer to it")  # noqa: TRY301 - all that is wrong ends below
            elif kind == "instance" and content != self._next:
                raise ValueError(f"the instance that request {self._next} makes has that number, not {content!r}")  # noqa: TRY301
            else:
                return decode(content) if kind == "result" else content
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise Misanswered(f"the adapter's answer to {verb}() is not one of the protocol: {error}") from error
        if isinstance(refusal, Lost):
            self._lost = self._next
            self._end()
        raise refusal

    def forget(self, number: int) -> None:
        """Let the worker drop an instance, with the next request."""
        self._forgotten.append(number)

    def close(self) -> None:
        """End the worker."""
        if self._program is not None:
            self._end(patience=PATIENCE)

    def _running(self) -> Program:
        if self._program is None:
            # Numbers go on from one worker to the next, so that none names an instance of both.
            self._answered, self._forgotten = False, []
            try:
                self._program = Program(self._command(), self._environment())
            except OSError as error:
                raise UnusableTarget(f"--embedding {self.target}: cannot be started: {error.strerror}") from error
        return self._program

    def _command(self) -> list[str]:
        if self.target.startswith("command:"):
            return self._words(self.target[len("command:") :])
        # -P: a folder in the user's working folder that is named like one of our packages must not be imported instead.
        return [sys.executable, "-P", "-m", "embedding_conformance.worker", self.target]

    def _environment(self) -> dict[str, str]:
        """This process's environment variables, and for a worker on this same interpreter its import path."""
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

    def _answer(self, program: Program, request: str) -> tuple[str, Any]:
        """The kind of the answer to a request, and the answer."""
        seconds = self.seconds if self._answered else SECONDS_TO_START
        try:
            line = program.ask(request, seconds)
        except TimeoutError:
            self._end()
            raise Died(f"timed out after {seconds:g} s", program.error_output()) from None
        if not line.endswith("\n") and len(line) < LONGEST_ANSWER:
            raise self._ended(program)
        try:
            answer = json.loads(line)
            (kind,) = set(answer) - {"id", "asked"}
            if answer["id"] == self._next and kind in ANSWERS:
                self._answered = True
                return kind, answer
        except (ValueError, TypeError, KeyError, RecursionError):
            pass
        self._end()
        raise Died(f"answered nonsense: {line[:80].strip()!r}", program.error_output())

    def _ended(self, program: Program) -> Died:
        """The exception for a process that ended by itself."""
        status, stderr = self._end(patience=PATIENCE), program.error_output()
        if status == UNUSABLE and not self._answered and stderr:
            raise UnusableTarget(stderr.splitlines()[-1])
        how = signal.Signals(-status).name if status < 0 else f"exit status {status}"
        return Died(f"died ({how})", stderr)

    def _end(self, *, patience: float = 0.0) -> int:
        """Make sure that the process has ended, and return its exit status (`Program.end`)."""
        assert self._program is not None
        program, self._program = self._program, None
        return program.end(patience=patience)


class WorkerInstance:
    """An instance in a worker. Each verb is passed on with the arguments that it is called with, and no others."""

    def __init__(self, adapter: WorkerAdapter, number: int) -> None:
        self._adapter, self._number = adapter, number

    def __del__(self) -> None:
        self._adapter.forget(self._number)

    def __getattr__(self, verb: str) -> Callable[..., Any]:
        if verb not in VERBS or VERBS[verb].of_adapter:
            raise AttributeError(verb)

        def call(**arguments: Any) -> Any:
            result = self._adapter.call(verb, self._number, **arguments)
            return WorkerInstance(self._adapter, result) if VERBS[verb].makes_instance else result

        return call


def _refusal(*, family: str, kind: str, message: str, lost: bool = False) -> Refused:
    """The exception that the worker's adapter raised."""
    if family not in (*FAMILIES, "other"):
        raise ValueError(f"the family {family!r} is none of {', '.join(FAMILIES)}, other")
    return (Lost if lost else Refused)(family, str(kind), str(message))
