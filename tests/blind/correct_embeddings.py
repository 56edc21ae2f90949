"""Twenty embeddings that do all that torch documents of `nn.Embedding`, by other means than torch.

They were written apart from the suite: from torch's documentation and source only, by someone who had not read the
clauses, the faults or the cases. A suite that accuses one of them is wrong, unless the embedding is.
"""

import functools
import random

import torch
from table import Native, Table, wide
from torch import Tensor, nn


class SortedSegments(Table):
    """Sorts the gradients by row and adds neighbours in pairs until one is left of each row."""

    @staticmethod
    def total(flat: Tensor, grads: Tensor, rows: int) -> Tensor:
        keys, order = flat.sort(stable=True)
        sums = grads[order]
        while True:
            _, lengths = keys.unique_consecutive(return_counts=True)
            if len(lengths) == len(keys):
                return grads.new_zeros(rows, grads.shape[1]).index_copy(0, keys, sums)
            starts = (lengths.cumsum(0) - lengths).repeat_interleave(lengths)
            even = (torch.arange(len(keys), device=keys.device) - starts) % 2 == 0
            odd = ~even
            left = (even.cumsum(0) - 1)[odd.roll(-1) & even]  # an odd one follows its partner, never comes first
            sums, keys = sums[even].index_add(0, left, sums[odd]), keys[even]


class ChunkedGather(Native):
    """Gathers the rows of seven indices at a time."""

    def read(self, flat: Tensor) -> Tensor:
        table = wide(self.weight)
        rows = [table.gather(0, few.unsqueeze(1).expand(-1, self.embedding_dim)) for few in flat.split(7)]
        return torch.cat(rows).to(self.weight.dtype)


class BackwardsInDouble(Table):
    """Keeps a copy of the index, and adds the gradients from the last to the first."""

    def look_up(self, flat: Tensor) -> Tensor:
        return super().look_up(flat.clone())

    @staticmethod
    def total(flat: Tensor, grads: Tensor, rows: int) -> Tensor:
        return Table.total(flat.flip(0), grads.flip(0), rows)


@functools.lru_cache(maxsize=8)
def plan(content: bytes) -> tuple[Tensor, Tensor]:
    """The rows that an index, given by its bytes, looks up, and which of them each entry is."""
    return torch.frombuffer(bytearray(content), dtype=torch.int64).unique(return_inverse=True)


class CachedPlan(Table):
    """Remembers how the last few indices are sorted, by their content, so that nothing can make that stale."""

    @staticmethod
    def total(flat: Tensor, grads: Tensor, rows: int) -> Tensor:
        if not len(flat):
            return grads.new_zeros(rows, grads.shape[1])
        seen, places = plan(flat.cpu().numpy().tobytes())
        sums = grads.new_zeros(len(seen), grads.shape[1]).index_add(0, places.to(flat.device), grads)
        return grads.new_zeros(rows, grads.shape[1]).index_copy(0, seen.to(flat.device), sums)


class Refused(Exception):  # noqa: N818
    """An embedding was asked for what it cannot do."""


class OwnException(Table):
    """Refuses with an exception of its own, kin to none of torch's."""

    refusal = Refused


class NoneOfNothing(Table):
    """Gives no gradient, rather than one of zeros, where no index contributes."""

    @classmethod
    def gradient(cls, rule, flat: Tensor, grads: Tensor) -> Tensor | None:
        if not len(flat) or (rule.padding_idx is not None and bool((flat == rule.padding_idx).all())):
            return None
        return super().gradient(rule, flat, grads)


class ScaledNorms(Table):
    """Divides a row by its greatest element before it takes the norm, so that no power overflows."""

    def norms(self, rows: Tensor) -> Tensor:
        if self.norm_type == 0:  # counts elements, whatever their scale
            return super().norms(rows)
        greatest = rows.abs().amax(1)
        scale = torch.where((greatest > 0) & greatest.isfinite(), greatest, torch.ones_like(greatest))
        return scale * super().norms(rows / scale.unsqueeze(1))


class Shards(Native):
    """Reads the table in blocks of 64 rows, each by those indices that fall in it."""

    def read(self, flat: Tensor) -> Tensor:
        block = flat // 64
        rows = [self.weight[:0]]
        for number in block.unique().tolist():
            inside = flat[block == number] - 64 * number
            shard = wide(self.weight[64 * number : 64 * (number + 1)])
            rows.append(shard.index_select(0, inside).to(self.weight.dtype))
        return torch.cat(rows)[block.argsort(stable=True).argsort()]


class Vectors(nn.Parameter):
    """A parameter whose rows are vectors."""


class OwnParameter(Table):
    """Holds its table in a parameter of its own class."""

    parameter = Vectors


class WithExtras(nn.Embedding):
    """An embedding that could also drop whole vectors and scale what is left, and by default does neither."""

    def __init__(self, *args, dropout: float = 0.0, scale: float | None = None, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.dropout, self.scale = dropout, scale

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        vectors = super().forward(input)
        if self.dropout and self.training:
            kept = torch.rand_like(vectors[..., :1]) >= self.dropout
            vectors = vectors * kept / (1 - self.dropout)
        return vectors if self.scale is None else vectors * self.scale


class ColumnMajor(Table):
    """Lays its output out with all first components together, then all second ones."""

    def shaped(self, rows: Tensor, shape: torch.Size) -> Tensor:
        return super().shaped(rows, shape).movedim(-1, 0).contiguous().movedim(0, -1)


class Expanded(Table):
    """Where all indices are the same, reads one row and expands it."""

    def look_up(self, flat: Tensor) -> Tensor:
        if self.scale_grad_by_freq or flat.is_meta or len(flat) < 2 or bool((flat != flat[0]).any()):
            return super().look_up(flat)
        return super().look_up(flat[:1])

    def shaped(self, rows: Tensor, shape: torch.Size) -> Tensor:
        if len(rows) < shape.numel():
            return rows[0].expand(*shape, -1)
        return super().shaped(rows, shape)


class LazyTable(Table):
    """Draws its table when it is first asked for, by whatever way."""

    def start(self, kind: Tensor, trains: bool) -> None:
        self.__dict__["pending"] = kind, trains

    @property
    def _parameters(self):
        if "pending" in self.__dict__:
            kind, trains = self.__dict__.pop("pending")
            with torch.inference_mode(mode=False):  # what is first read in inference may be trained later
                super().start(kind, trains)
        return self.__dict__["_parameters"]

    @_parameters.setter
    def _parameters(self, parameters) -> None:
        self.__dict__["_parameters"] = parameters

    def __getattr__(self, name: str):
        return self._parameters[name] if name in self._parameters else super().__getattr__(name)

    def __getstate__(self):
        drawn = self._parameters
        return {**self.__dict__, "_parameters": drawn}


class KeywordOnly(Table):
    """Takes device and dtype by name only, and any integers as indices."""

    index_types = (torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)

    def __init__(
        self,
        num_embeddings,
        embedding_dim,
        padding_idx=None,
        max_norm=None,
        norm_type=2.0,
        scale_grad_by_freq=False,
        sparse=False,
        _weight=None,
        _freeze=False,
        *,
        device=None,
        dtype=None,
    ) -> None:
        settings = padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse
        super().__init__(num_embeddings, embedding_dim, *settings, _weight, _freeze, device, dtype)


class CallWrapper(Table):
    """Counts its calls and names them to the profiler."""

    calls = 0

    def __call__(self, *args, **kwargs):
        self.calls += 1
        with torch.profiler.record_function("embedding"):
            return super().__call__(*args, **kwargs)


class Compact(Native):
    """Reads every row once, and hands it out from there to all indices that ask for it."""

    def read(self, flat: Tensor) -> Tensor:
        seen, places = flat.unique(return_inverse=True)
        return wide(self.weight.index_select(0, seen)).index_select(0, places).to(self.weight.dtype)


class MaskedSums(Table):
    """Sums, for one row after the other, the gradients of its indices."""

    @staticmethod
    def total(flat: Tensor, grads: Tensor, rows: int) -> Tensor:
        seen = flat.unique()
        sums = [grads[:0], *(grads[flat == row].sum(0, keepdim=True) for row in seen)]
        return grads.new_zeros(rows, grads.shape[1]).index_copy(0, seen, torch.cat(sums))


class RandomOrder(Table):
    """Adds the gradients in an order that is drawn anew each time, from a source of its own."""

    source = random.Random(7)  # noqa: S311

    @classmethod
    def gradient(cls, rule, flat: Tensor, grads: Tensor) -> Tensor | None:
        order = torch.tensor(cls.source.sample(range(len(flat)), len(flat)), dtype=torch.int64, device=flat.device)
        return super().gradient(rule, flat[order], grads[order])


class FlatTake(Native):
    """Takes every element by its place in the table read as one long row."""

    def read(self, flat: Tensor) -> Tensor:
        columns = torch.arange(self.embedding_dim, device=flat.device)
        return wide(self.weight).take(flat.unsqueeze(1) * self.embedding_dim + columns).to(self.weight.dtype)


class SparseFirst(Table):
    """Always makes a sparse gradient, sums it by row, and writes it out in full unless sparse is what is wanted."""

    @classmethod
    def gradient(cls, rule, flat: Tensor, grads: Tensor) -> Tensor | None:
        gradient = super().gradient(rule, flat, grads)
        return gradient.coalesce() if rule.sparse else gradient

    @staticmethod
    def total(flat: Tensor, grads: Tensor, rows: int) -> Tensor:
        size = rows, grads.shape[1]
        return torch.sparse_coo_tensor(flat.flip(0).unsqueeze(0), grads.flip(0), size).coalesce().to_dense()
