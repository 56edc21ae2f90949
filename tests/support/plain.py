"""Embeddings in plain Python, which need no framework: one that is right, and some that end their process.

Runs on Python 3.8 and later, as the worker does.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from dataclasses import replace
from typing import Any

from embedding_conformance.boundary.description import Declared, Description
from embedding_conformance.boundary.observations import Backward, Forward
from embedding_conformance.boundary.refusals import Refused, Unsupported
from embedding_conformance.cases.case import Config, Lookup
from embedding_reference import Tensor

AGES = 10_000.0
"""Seconds that something takes which does not come back: longer than any test waits."""

NO_MAX_NORM = Declared({"max_norm": True}, "does not renormalise")


class Plain:
    """Looks up and refuses as it should; does not differentiate."""

    def describe(self) -> Description:
        return Description("plain", "1.0", ("float32", "float64"), unsupported=(NO_MAX_NORM,))

    def make(self, config: Config, weight: Tensor, **options: Any) -> PlainInstance:  # noqa: ARG002 - the protocol's
        if config.max_norm is not None:
            raise Unsupported(NO_MAX_NORM.reason)
        return PlainInstance(self, config, weight)

    def before(self, index: Tensor) -> None:
        """What happens before a lookup."""
        if index.dtype not in ("int32", "int64"):
            raise Refused("type", "TypeError", "indices are int32 or int64")

    def out_of_range(self) -> None:
        """What happens where an index is out of range."""
        raise Refused("index", "IndexError", "index out of range")

    def row(self, instance: PlainInstance, row: int, index: Tensor) -> int:  # noqa: ARG002 - for those that misread
        """The row that is read for an index."""
        return row

    def answer(self, data: bytes, index: Tensor) -> bytes:  # noqa: ARG002 - for those that answer wrongly
        """The bytes that are given for an index."""
        return data


class PlainInstance:
    """A table of bytes."""

    def __init__(self, adapter: Plain, config: Config, weight: Tensor) -> None:
        self.adapter, self.config, self.table = adapter, config, weight
        self.wants_derivative = False

    def forward(self, lookup: Lookup) -> Forward:
        index = lookup.index
        self.adapter.before(index)
        if any(not 0 <= i < self.config.num_embeddings for i in index.components()):
            self.adapter.out_of_range()
        rows = [self.adapter.row(self, int(i), index) for i in index.components()]
        data = self.adapter.answer(b"".join(map(self.table.row, rows)), index)
        output = Tensor(self.table.dtype, (*index.shape, self.config.embedding_dim), data)
        return Forward(output, requires_grad=not self.config.freeze, device="cpu", index_after=index)

    def gradient(self, lookups: Any, *, together: bool = False) -> Backward:  # noqa: ARG002 - the protocol's
        raise Unsupported("does not differentiate", asked=self.wants_derivative)

    def weight(self) -> Tensor:
        return self.table

    def copy(self, how: str) -> PlainInstance:  # noqa: ARG002 - the protocol's
        return PlainInstance(self.adapter, self.config, self.table)


class CannotDifferentiate(Plain):
    """Raises when it is asked to differentiate, which its adapter makes an answer of."""

    def make(self, config: Config, weight: Tensor, **options: Any) -> PlainInstance:
        made = super().make(config, weight, **options)
        made.wants_derivative = True
        return made


class Compiles(Plain):
    """Says that it compiles anew for each shape."""

    def describe(self) -> Description:
        return replace(super().describe(), compiles=True)


class Elsewhere(Plain):
    """Is not on the CPU."""

    def describe(self) -> Description:
        return Description("plain", "1.0", ("float32",), devices=("there", "everywhere"))


class Lenient(Plain):
    """Takes indices of any dtype."""

    def before(self, index: Tensor) -> None:
        pass


class Misreads(Plain):
    """Looks up another row where the index has two dimensions."""

    def row(self, instance: PlainInstance, row: int, index: Tensor) -> int:
        return (row + (len(index.shape) == 2)) % instance.config.num_embeddings


class Inverts(Plain):
    """Inverts the bits where the index is a scalar.

    There is one such shape, and no table hides it: whatever case Hypothesis starts from, it ends at the same one. With
    two dimensions it ends at 1 x 1 or at 2 x 3, between which it tries shapes that have another number of them.
    """

    def answer(self, data: bytes, index: Tensor) -> bytes:
        return data if index.shape else bytes(byte ^ 0xFF for byte in data)


class OnlyFloat64(Plain):
    """Refuses every dtype but one."""

    def make(self, config: Config, weight: Tensor, **options: Any) -> PlainInstance:
        if weight.dtype != "float64":
            raise Refused("type", "TypeError", "float64 only")
        return super().make(config, weight, **options)


class Segfaults(Plain):
    """Ends by a signal where an index is out of range."""

    def out_of_range(self) -> None:
        os.kill(os.getpid(), signal.SIGSEGV)


class Exits(Plain):
    """Ends the process where an index is out of range, with the status of a command line that is wrong."""

    def out_of_range(self) -> None:
        sys.stderr.write("last words\n")
        sys.stderr.flush()
        os._exit(2)


class Leaves(Plain):
    """Raises SystemExit where an index is out of range."""

    def out_of_range(self) -> None:
        sys.exit(3)


class Hangs(Plain):
    """Does not come back where an index is out of range."""

    def out_of_range(self) -> None:
        time.sleep(AGES)


class Breaks(Plain):
    """Has a defect of its own where an index is out of range."""

    def out_of_range(self) -> None:
        raise ZeroDivisionError("a defect of the adapter")


class Prints(Plain):
    """Prints, from Python and from below, while it looks up."""

    def before(self, index: Tensor) -> None:
        print("from Python", index, flush=True)  # noqa: T201
        os.write(1, b"from below\n")


class DescribesBadly(Plain):
    """Answers with a text where a description is asked for."""

    def describe(self) -> Description:
        return "plain"  # type: ignore[return-value]


class CannotDescribe(Plain):
    """Raises where a description is asked for."""

    def describe(self) -> Description:
        raise ZeroDivisionError("first line\nlast line")
