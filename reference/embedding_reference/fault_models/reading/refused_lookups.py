"""Faults of lookups that must be refused, and are not."""

from __future__ import annotations

import math
from collections import Counter
from fractions import Fraction

from embedding_reference.fault_models.fault_model import OUTPUT, WEIGHT, FaultModel
from embedding_reference.fault_models.rules import by_row, zeros
from embedding_reference.formats import FORMATS
from embedding_reference.model import INDEX_DTYPES, OPTIONAL_INDEX_DTYPES
from embedding_reference.norms import EPSILON
from embedding_reference.permitted import Exactly, Interval, OneOf, Permitted, Within
from embedding_reference.tensor import Tensor


class _TakesAnotherIndex(FaultModel):
    """An index is taken for another one, which may be a row."""

    about = (OUTPUT, WEIGHT)

    def taken_for(self, index: int) -> int:
        """What an index is taken for."""
        raise NotImplementedError

    def output(self, weight: Tensor, index: Tensor) -> Permitted:
        """The output for the other index."""
        return super().output(weight, self._taken(index))

    def weight_after(self, weight: Tensor, index: Tensor, *, wide: bool = False) -> Permitted:
        """The weight after a lookup of the other index."""
        return super().weight_after(weight, self._taken(index), wide=wide)

    def _taken(self, index: Tensor) -> Tensor:
        if index.dtype not in INDEX_DTYPES or not self.num_embeddings:
            return index
        return Tensor.of("int64", index.shape, [self.taken_for(int(i)) for i in index.components()])


class WrapsTheIndex(_TakesAnotherIndex):
    """An index out of range is taken modulo num_embeddings."""

    def taken_for(self, index: int) -> int:  # noqa: D102
        return index % self.num_embeddings


class ClampsTheIndex(_TakesAnotherIndex):
    """An index out of range is taken for the nearest row."""

    def taken_for(self, index: int) -> int:  # noqa: D102
        return min(max(index, 0), self.num_embeddings - 1)


class TakesTheFirstRowForAnyOutOfRange(_TakesAnotherIndex):
    """An index out of range is taken for the first row."""

    def taken_for(self, index: int) -> int:  # noqa: D102
        return index if 0 <= index < self.num_embeddings else 0


class CountsNegativeFromTheEnd(_TakesAnotherIndex):
    """A negative index counts from the end."""

    def taken_for(self, index: int) -> int:  # noqa: D102
        return index + self.num_embeddings if -self.num_embeddings <= index < 0 else index


class TakesMinusOneForAPad(_TakesAnotherIndex):
    """The index -1 stands for the row at padding_idx."""

    def taken_for(self, index: int) -> int:  # noqa: D102
        return self.padding_row if self.padding_row is not None and index == -1 else index


class TakesTheEnd(_TakesAnotherIndex):
    """The index num_embeddings is taken for the last row."""

    def taken_for(self, index: int) -> int:  # noqa: D102
        return index - (index == self.num_embeddings)


class CutsTheIndexTo32Bits(_TakesAnotherIndex):
    """Of an index only the lower 32 bits count."""

    def taken_for(self, index: int) -> int:  # noqa: D102
        return index % 2**32


class GivesZerosOutOfRange(FaultModel):
    """An index out of range gives zeros."""

    about = (OUTPUT,)

    def output(self, weight: Tensor, index: Tensor) -> Permitted:  # noqa: D102
        if index.dtype not in INDEX_DTYPES:
            return super().output(weight, index)
        outside = [not 0 <= i < self.num_embeddings for i in index.components()]
        if not self.num_embeddings:
            shape = (*index.shape, self.embedding_dim)
            return Exactly(Tensor.of(weight.dtype, shape, [0.0] * math.prod(shape)))
        inside = [0 if out else int(i) for i, out in zip(index.components(), outside)]
        return by_row(
            super().output(weight, Tensor.of("int64", index.shape, inside)),
            lambda rules: [zeros(rule) if out else rule for rule, out in zip(rules, outside)],
        )


class _TakesAnotherDtype(FaultModel):
    """An index of a dtype that must be refused is taken for whole numbers."""

    about = (OUTPUT, WEIGHT)
    kind = ""

    def output(self, weight: Tensor, index: Tensor) -> Permitted:
        """The output for the whole numbers."""
        return super().output(weight, self._whole(index))

    def weight_after(self, weight: Tensor, index: Tensor, *, wide: bool = False) -> Permitted:
        """The weight after a lookup of the whole numbers."""
        return super().weight_after(weight, self._whole(index), wide=wide)

    def _whole(self, index: Tensor) -> Tensor:
        if index.dtype in (*INDEX_DTYPES, *OPTIONAL_INDEX_DTYPES) or FORMATS[index.dtype].kind != self.kind:
            return index
        return Tensor.of("int64", index.shape, [int(i) for i in index.components()])


class TruncatesAFloatingPointIndex(_TakesAnotherDtype):
    """A floating-point index is truncated."""

    kind = "float"


class TakesBooleansForNumbers(_TakesAnotherDtype):
    """A boolean index is taken for zeros and ones."""

    kind = "bool"


class RescalesBeforeItRefuses(FaultModel):
    """A refused lookup has rescaled the rows that are in range."""

    about = (WEIGHT,)

    def weight_after(self, weight: Tensor, index: Tensor, *, wide: bool = False) -> Permitted:  # noqa: D102
        if index.dtype in INDEX_DTYPES:
            inside = [int(i) for i in index.components() if 0 <= i < self.num_embeddings]
            index = Tensor.of("int64", (len(inside),), inside)
        return super().weight_after(weight, index, wide=wide)


class RescalesUntilItRefuses(FaultModel):
    """A refused lookup has rescaled rows by sorted indices, -1 for the last row, up to one that is none."""

    about = (WEIGHT,)

    def weight_after(self, weight: Tensor, index: Tensor, *, wide: bool = False) -> Permitted:  # noqa: D102
        if index.dtype not in INDEX_DTYPES:
            return super().weight_after(weight, index, wide=wide)
        rows: list[int] = []
        for position in sorted({int(i) for i in index.components()}):
            if not -self.num_embeddings <= position < self.num_embeddings:
                break
            rows.append(position % self.num_embeddings)
        found = super().weight_after(weight, Tensor.of("int64", (len(rows),), rows), wide=wide)
        twice = {row for row, times in Counter(rows).items() if times > 1}
        return by_row(found, lambda rules: [self._again(r) if n in twice else r for n, r in enumerate(rules)])

    def _again(self, rule: Permitted) -> Permitted:
        """A rule for a row that is rescaled, and then once more where its norm came out above max_norm by rounding."""
        if isinstance(rule, OneOf):
            return OneOf(tuple(map(self._again, rule.options)))
        if not isinstance(rule, Within) or not self.max_norm:
            return rule
        form, limit = FORMATS[rule.dtype], Fraction(self.max_norm)
        least = limit / (limit + EPSILON) * (1 - 16 * form.unit_roundoff)  # what it is multiplied by, and rounded
        return Within(rule.dtype, rule.shape, tuple(_towards_zero(i, least, form.quantum) for i in rule.intervals))


def _towards_zero(interval: Interval, least: Fraction, lost: Fraction) -> Interval:
    """The interval of a component, and of the same multiplied by at least a factor."""
    low, high = interval.low, interval.high
    if low is None or high is None:
        return interval
    return Interval(
        low * least - lost if low > 0 else low,
        high * least + lost if high < 0 else high,
        interval.also,
    )
