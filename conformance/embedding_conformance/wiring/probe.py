"""A probe, which is a plain case with what is done with it, and a mistake, which is what a probe finds."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from embedding_conformance.cases.case import Case, Config, Lookup
from embedding_conformance.judging.subject import Subject
from embedding_reference import FORMATS, Tensor


@dataclass(frozen=True)
class Mistake:
    """Something that a probe found to be wrong.

    Attributes:
        text: what is wrong.
        certain: whether only the adapter can have done it.
        stops: whether it makes every verdict worthless.
        advice: what to check in the adapter; "": the advice of the probe.
    """

    text: str
    certain: bool = False
    stops: bool = False
    advice: str = ""


@dataclass(frozen=True)
class Probe:
    """A plain case, and what is done with it.

    Attributes:
        what: what is done, in words.
        advice: what to check in an adapter if the probe finds a mistake.
        run: does it, and gives the mistakes that it finds.
        positions: the indices of the lookup.
        shape: the shape of the index; None: one dimension.
        arguments: the arguments of the embedding, beside its sizes.
        features: the features of the cases whose deviations a mistake may explain; none: of all cases.
        verbs: the verbs whose deviations a mistake may explain; none: all verbs.
        needed: whether the probes after it depend on it, and are not tried if it finds a mistake.
        each_dtype: whether it is tried on each dtype, not only on the first.
        may_crash: whether it may end the process, and so is tried where that does no harm.
        unchecked: what is not known if the adapter does not provide what the probe needs.
    """

    what: str
    advice: str
    run: Callable[[Subject, Case], Iterator[Mistake]]
    positions: Sequence[int] = (0, 2)
    shape: tuple[int, ...] | None = None
    arguments: Mapping[str, Any] = field(default_factory=dict)
    features: Mapping[str, Any] = field(default_factory=dict)
    verbs: Sequence[str] = ()
    needed: bool = False
    each_dtype: bool = False
    may_crash: bool = False
    unchecked: str = ""

    def case(self, dtype: str) -> Case:
        """The case: a 3 x 2 table of the numbers 1 to 6, and an upstream gradient of the numbers from 1 on."""
        shape = (len(self.positions),) if self.shape is None else self.shape
        lookup = Lookup(Tensor.of("int64", shape, self.positions), counted(dtype, (*shape, 2)))
        return Case(Config(3, 2, **self.arguments), counted(dtype, (3, 2)), (lookup,))


def counted(dtype: str, shape: tuple[int, ...], start: int = 1) -> Tensor:
    """The integers from `start` on; of a complex dtype n - nj, so that the two components differ."""
    numbers = range(start, start + math.prod(shape))
    return Tensor.of(dtype, shape, [complex(n, -n) for n in numbers] if FORMATS[dtype].kind == "complex" else numbers)
