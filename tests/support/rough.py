"""Embeddings in plain Python that are hard on the process they run in, and adapters that answer with what does not fit.

Runs on Python 3.8 and later, as the worker does.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
from typing import Any

from embedding_conformance.boundary.description import Declared, Description
from embedding_reference import Tensor
from plain import AGES, Misreads, Plain


class Forks(Plain):
    """Ends by a signal where an index is out of range, and leaves a child that holds on to its standard output."""

    def out_of_range(self) -> None:
        if os.fork() == 0:
            time.sleep(AGES)
            os._exit(0)
        os.kill(os.getpid(), signal.SIGSEGV)


class AnswersTwice(Plain):
    """Forks where an index is out of range, and lets the child go on as if it were the parent."""

    def out_of_range(self) -> None:
        os.fork()
        super().out_of_range()


class ReadsAndWrites(Plain):
    """Reads standard input, and writes to standard output and error, from Python and from C, while it looks up."""

    def before(self, index: Tensor) -> None:  # noqa: ARG002 - the protocol's
        assert sys.stdin.readline() == ""
        assert os.read(0, 1) == b""
        library = ctypes.CDLL(None)
        library.puts(b"from C")
        library.fflush(None)
        os.write(2, b"no end of words\n" * 200_000)


class HangsOnRepeats(Plain):
    """Does not come back where the index repeats an entry."""

    def before(self, index: Tensor) -> None:
        super().before(index)
        if len(set(index.components())) < index.numel:
            time.sleep(AGES)


class DiesOfItsScript(Misreads):
    """Deviates, and ends the process when it is asked for a script."""

    def script(self, calls: Any) -> str:  # noqa: ARG002 - the protocol's
        os._exit(3)


class ClaimsOddly(Plain):
    """Claims a dtype that the suite does not have."""

    def describe(self) -> Description:
        return Description("plain", "1.0", ("float8",))


class ClaimsNothing(Plain):
    """Claims no dtype."""

    def describe(self) -> Description:
        return Description("plain", "1.0", ())


class DeclaresOddly(Plain):
    """Declares something unsupported that no case has."""

    def describe(self) -> Description:
        return Description("plain", "1.0", ("float32",), unsupported=(Declared({"padding": True}, "no"),))
