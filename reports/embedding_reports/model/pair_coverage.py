"""The interplay covered, arranged for the page: which kinds of arguments met in a lookup, and which did not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from embedding_reports.records import Kind, PairCounts, Results

Pair = tuple[int, int]

NOT_MET, NEVER = 0, -1
"""What results files have in place of a count."""

OF_THE_MODULE = ("padding_idx", "pads", "max_norm", "norm_type", "scale_grad_by_freq", "sparse", "freeze")
"""The arguments across the top of the first table; the others are about how the embedding is called, and on what."""

SIZES = ("few", "tens", "hundreds", "thousands")


@dataclass(frozen=True)
class Slice:
    """Lookups that have something in common.

    Attributes:
        name: what that is.
        lookups: how many there are.
        pairs: by the numbers of two kinds, the greater first, how many lookups have both, `NOT_MET` or `NEVER`; a
            kind paired with itself is the kind alone.
    """

    name: str
    lookups: int
    pairs: Mapping[Pair, int]

    @cached_property
    def absent(self) -> set[int]:
        """Kinds that no lookup has, but could have."""
        return {one for (one, other), n in self.pairs.items() if one == other and n == NOT_MET}

    @cached_property
    def met(self) -> int:
        """How many pairs were met."""
        return sum(n > 0 for (one, other), n in self.pairs.items() if one != other)

    @cached_property
    def missed(self) -> set[Pair]:
        """The pairs that were not met, but could have been."""
        return {(one, other) for (one, other), n in self.pairs.items() if one != other and n == NOT_MET}


@dataclass(frozen=True)
class Missed:
    """A kind, and those that it did not meet, by argument."""

    kind: Kind
    others: Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Matrix:
    """A table of pairs.

    Attributes:
        title: what it shows.
        alone: whether each row begins with its kind alone.
        columns: the kinds across the top, by argument.
        rows: each kind, and the pairs that it makes with the kinds of earlier arguments.
    """

    title: str
    alone: bool
    columns: Mapping[str, Sequence[str]]
    rows: Sequence[tuple[Kind, Sequence[Pair]]]


class Interplay:
    """What one run covered.

    Attributes:
        kinds: the kinds of arguments.
        slices: all of its lookups; those on each dtype and device, if there are several; those with each rank of index.
    """

    def __init__(self, run: Results) -> None:
        """Arrange the pairs that a run counted."""
        self.kinds = run.kinds
        columns = [_slice(_column(each, run), each) for each in run.interplay if each.dtype]
        ranks = [_slice(f"index_ndim {each.index_ndim}", each) for each in run.interplay if each.index_ndim]
        self.slices: Sequence[Slice] = [_together("all", columns), *(columns if len(columns) > 1 else ()), *ranks]

    @property
    def whole(self) -> Slice:
        """All of the lookups."""
        return self.slices[0]

    def gaps(self, chosen: Slice) -> set[Pair]:
        """The pairs that it has not met; of a part of the run, only those that the run has met."""
        return chosen.missed if chosen is self.whole else chosen.missed - self.whole.missed

    def absent(self, chosen: Slice) -> Sequence[Kind]:
        """The kinds that none of its lookups has, though another may have."""
        return [self.kinds[number] for number in sorted(chosen.absent)]

    def gathered(self, chosen: Slice) -> Sequence[Missed]:
        """Its gaps between kinds that it has, gathered under the kinds that have most of them."""
        left = {pair for pair in self.gaps(chosen) if not chosen.absent & set(pair)}
        gathered = []
        while left:
            ((kind, _),) = Counter(number for pair in sorted(left) for number in sorted(pair)).most_common(1)
            others = sorted(one + other - kind for one, other in left if kind in (one, other))
            gathered.append(Missed(self.kinds[kind], self._by_argument(others)))
            left = {pair for pair in left if kind not in pair}
        return gathered

    @cached_property
    def matrices(self) -> Sequence[Matrix]:
        """All pairs, in two tables that fit a page better than one would."""
        numbers = range(len(self.kinds))
        module = [n for n in numbers if self.kinds[n].argument in OF_THE_MODULE]
        call = [n for n in numbers if n not in module]
        found = (
            self._matrix("Arguments of the embedding, with each other and with its calls", module, numbers, alone=True),
            self._matrix("Calls", call, call, alone=False),
        )
        return [matrix for matrix in found if matrix.columns]

    def counts(self, chosen: Slice) -> Sequence[int]:
        """What its lookups put into the cells of all the tables, row by row."""
        return [chosen.pairs[pair] for matrix in self.matrices for _, pairs in matrix.rows for pair in pairs]

    def _matrix(self, title: str, columns: Sequence[int], rows: Sequence[int], *, alone: bool) -> Matrix:
        argument = [kind.argument for kind in self.kinds]
        across = [column for column in columns if argument[column] != argument[-1]]
        made = []
        for row in rows:
            pairs = [(row, column) for column in across if column < row and argument[column] != argument[row]]
            if alone or pairs:
                made.append((self.kinds[row], [*([(row, row)] if alone else ()), *pairs]))
        return Matrix(title, alone, self._by_argument(across), made)

    def _by_argument(self, numbers: Iterable[int]) -> Mapping[str, Sequence[str]]:
        found: dict[str, list[str]] = {}
        for number in numbers:
            found.setdefault(self.kinds[number].argument, []).append(self.kinds[number].kind)
        return found


def interplay(run: Results) -> Interplay | None:
    """What a run covered; None where no lookup was made, or the release that wrote the results did not count any."""
    return Interplay(run) if any(each.dtype for each in run.interplay) else None


def size(count: int) -> str:
    """How large a count is, in a word: one for each further digit."""
    return SIZES[min(len(str(count)), len(SIZES)) - 1]


def _column(found: PairCounts, run: Results) -> str:
    several = len(run.header.devices) > 1
    return f"{found.dtype} on {found.device}" if several else str(found.dtype)


def _slice(name: str, found: PairCounts) -> Slice:
    pairs = {(one, other): n for one, row in enumerate(found.pairs) for other, n in enumerate(row)}
    return Slice(name, found.lookups, pairs)


def _together(name: str, slices: Sequence[Slice]) -> Slice:
    """All their lookups; a pair can be met where one of them can meet it."""
    pairs = {}
    for pair in slices[0].pairs:
        found = [each.pairs[pair] for each in slices]
        pairs[pair] = sum(n for n in found if n > 0) or max(found)
    return Slice(name, sum(each.lookups for each in slices), pairs)
