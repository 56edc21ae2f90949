"""A correct embedding, written apart from torch's own, that planted faults derive from.

Each step is a method of its own, so that a fault overrides one of them and is right in everything else.
"""

from __future__ import annotations

import cmath
import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import torch
from torch import Tensor

from embedding_reference.fault_models import FaultModel
from trigger import Trigger

DEFAULTS = {"padding_idx": None, "max_norm": None, "norm_type": 2.0, "scale_grad_by_freq": False, "sparse": False}


class Lookup(torch.autograd.Function):
    """The differentiable part: rows of the weight out, the weight's gradient back."""

    @staticmethod
    def forward(ctx: Any, weight: Tensor, index: Tensor, embedding: Twin) -> Tensor:
        ctx.save_for_backward(index)
        ctx.embedding = embedding
        return embedding.rows(weight, index)

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, None, None]:
        (index,) = ctx.saved_tensors
        return ctx.embedding.gradient(index, upstream), None, None


class Twin(torch.nn.Module):
    """`torch.nn.Embedding` as it is documented.

    Attributes:
        trips: in a fault, the clauses that must reject it.
        model: the fault model that does the same wherever the fault shows in the answer to a case, if there is one.
        where: in which cases the fault does what its model does, as the end of a sentence; "": in all.
        setting: how the embedding must be made or used so that it does (`observing.used`); "": in any way.
        grade: how hard it is to hit: "easy", wherever the argument that it is about is in use; "medium", under one more
            condition that is common; "rare", only where several come together, or under one that few cases meet.
        trigger: where it shows.
        dtype: the weight dtype on which they do, and it does.
        missed: why no clause rejects it yet, or "".
    """

    trips: tuple[str, ...] = ()
    model: type[FaultModel] | None = None
    where = ""
    setting = ""
    grade = ""
    trigger: Trigger
    dtype = "float32"
    missed = ""

    @classmethod
    def says(cls) -> str:
        """What is wrong, in a sentence: that of the model, if there is one, else its own."""
        if cls.model is None:
            return " ".join((cls.__doc__ or "").split())
        where = f", {cls.where}" if cls.where else ""
        return f"{cls.model.sentence()[:-1]}{where}."

    # -- construction -------------------------------------------------------------------------------------------------

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
        _weight: Tensor | None = None,
        _freeze: bool = False,
        device: Any = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.num_embeddings, self.embedding_dim = num_embeddings, embedding_dim
        self.padding_idx = self.padding_row(padding_idx)
        self.max_norm, self.norm_type = max_norm, norm_type
        self.scale_grad_by_freq, self.sparse = scale_grad_by_freq, sparse
        shape = (num_embeddings, embedding_dim)
        table = self.allocated(shape, device, dtype) if _weight is None else self.adopted(_weight, shape)
        self.weight = torch.nn.Parameter(table, requires_grad=not _freeze)
        if _weight is None:
            self.reset_parameters()
        self.prepare()

    def prepare(self) -> None:
        """Whatever a fault needs to remember."""

    @classmethod
    def from_pretrained(
        cls,
        embeddings: Tensor,
        freeze: bool = True,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
    ) -> Twin:
        """An embedding with the given table, which it shares."""
        return cls.pretrained(
            embeddings,
            padding_idx=padding_idx,
            max_norm=max_norm,
            norm_type=norm_type,
            scale_grad_by_freq=scale_grad_by_freq,
            sparse=sparse,
            _freeze=freeze,
        )

    @classmethod
    def pretrained(cls, embeddings: Tensor, **arguments: Any) -> Twin:
        """What `from_pretrained` gives for these arguments of the constructor."""
        if embeddings.dim() != 2:
            raise ValueError(f"embeddings must have two dimensions, not {embeddings.dim()}")
        return cls(*embeddings.shape, _weight=embeddings, **arguments)

    def padding_row(self, padding_idx: int | None) -> int | None:
        """The row that padding_idx names, counted from the start."""
        if padding_idx is None:
            return None
        if not -self.num_embeddings <= padding_idx < self.num_embeddings:
            raise ValueError(f"padding_idx {padding_idx} is not a row of {self.num_embeddings}")
        return padding_idx % self.num_embeddings

    def allocated(self, shape: tuple[int, int], device: Any, dtype: torch.dtype | None) -> Tensor:
        """Memory for a weight."""
        return torch.empty(shape, device=device, dtype=dtype)

    def adopted(self, weight: Tensor, shape: tuple[int, int]) -> Tensor:
        """The weight that was given."""
        if tuple(weight.shape) != shape:
            raise ValueError(f"_weight must have shape {shape}, not {tuple(weight.shape)}")
        return weight

    def reset_parameters(self) -> None:
        """Draw the weight afresh."""
        with torch.no_grad():
            self.draw(self.weight)
            self.clear_padding()

    def draw(self, weight: Tensor) -> None:
        """Fill with draws from N(0, 1)."""
        weight.normal_()

    def clear_padding(self) -> None:
        """Set the row at padding_idx to zeros."""
        if self.padding_idx is not None:
            self.weight[self.padding_idx] = 0

    def extra_repr(self) -> str:
        """Both sizes, and every argument that is not at its default."""
        changed = {name: getattr(self, name) for name in DEFAULTS if getattr(self, name) != DEFAULTS[name]}
        sizes = f"{self.num_embeddings}, {self.embedding_dim}"
        return ", ".join([sizes, *(f"{name}={value}" for name, value in changed.items())])

    # -- lookup -------------------------------------------------------------------------------------------------------

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - torch's name
        """The rows at `input`, of shape input.shape + (embedding_dim,)."""
        self.check_device(input)
        self.check_dtype(input)
        self.check_range(input)
        self.check_norm()
        if self.weight.is_complex() and self.weight.requires_grad and torch.is_grad_enabled():
            raise RuntimeError("a complex weight is not differentiable; freeze it")
        index = self.positions(input)
        if self.max_norm is not None:
            with torch.no_grad():
                self.renormalise(index)
        return Lookup.apply(self.weight, index, self)

    def check_device(self, index: Tensor) -> None:
        """Refuse an index that lives elsewhere."""
        if index.device != self.weight.device:
            raise RuntimeError(f"the index is on {index.device}, the weight on {self.weight.device}")

    def check_dtype(self, index: Tensor) -> None:
        """Refuse what is not an index."""
        if index.dtype not in {torch.int32, torch.int64}:
            raise TypeError(f"indices must be int32 or int64, not {index.dtype}")

    def check_range(self, index: Tensor) -> None:
        """Refuse an index that names no row, unless it has no data."""
        if index.numel() and not index.is_meta and not (index.min() >= 0 and index.max() < self.num_embeddings):
            raise IndexError(f"an index is not a row of {self.num_embeddings}")

    def check_norm(self) -> None:
        """Refuse a norm that is none."""
        if self.max_norm is not None and (self.max_norm < 0 or not self.norm_type > 0):
            raise ValueError("max_norm must not be negative, and norm_type must be positive")

    def positions(self, index: Tensor) -> Tensor:
        """The indices as int64, same shape."""
        return index.to(torch.int64)

    def rows(self, weight: Tensor, index: Tensor) -> Tensor:
        """Copies of the rows at each index."""
        rows = weight.index_select(0, index.reshape(-1)).reshape(*index.shape, self.embedding_dim)
        return rows.clone()  # no view, which autograd would not let a user write to

    # -- max_norm, norm_type ------------------------------------------------------------------------------------------

    def renormalise(self, index: Tensor) -> None:
        """Rescale the rows that are looked up, each once, in the weight itself."""
        for row in sorted(set(index.reshape(-1).tolist())):
            self.renormalise_row(row)

    def renormalise_row(self, row: int) -> None:
        """Rescale one row if its norm is above max_norm."""
        values = self.weight[row].tolist()
        if not all(map(cmath.isfinite, values)):
            return  # there is no norm to compare
        # Close to 1 nothing overflows or underflows on the way; a power of two is exact.
        largest = max((max(abs(v.real), abs(v.imag)) for v in values), default=0.0)
        scale = 2.0 ** -max(math.frexp(largest)[1], -900)
        scaled = [v * scale for v in values]
        norm = self.norm([abs(v) for v in scaled])
        if self.exceeds(norm, scale):
            factor = Fraction(self.factor(norm, scale)) * Fraction(scale)
            wide = torch.promote_types(self.weight.dtype, torch.float64)
            self.weight[row] = torch.tensor([product(v, factor) for v in values], dtype=wide).to(self.weight.dtype)

    def norm(self, magnitudes: Sequence[float]) -> float:
        """The p-norm."""
        p = self.norm_type
        if math.isinf(p):
            return max(magnitudes, default=0.0)
        return (
            math.sqrt(math.fsum(m * m for m in magnitudes))
            if p == 2
            else math.fsum(m**p for m in magnitudes) ** (1 / p)
        )

    def exceeds(self, norm: float, scale: float) -> bool:
        """Whether a row of norm norm / scale is above max_norm."""
        return norm > self.max_norm * scale

    def factor(self, norm: float, scale: float) -> float:  # noqa: ARG002 - for faults
        """What a row of the given norm is multiplied by, so that its norm is max_norm."""
        return self.max_norm / norm

    # -- gradient: padding_idx, scale_grad_by_freq, sparse ------------------------------------------------------------

    def gradient(self, index: Tensor, upstream: Tensor) -> Tensor | None:
        """The weight's gradient of one lookup."""
        if self.scale_grad_by_freq and self.sparse:
            raise RuntimeError("scale_grad_by_freq is not supported together with sparse")
        rows, entries = index.reshape(-1), upstream.reshape(index.numel(), self.embedding_dim)
        trained = self.trained(index).reshape(-1)
        if self.sparse:
            return self.sparse_gradient(rows[trained], entries[trained])
        entries = entries.to(self.accumulator(entries.dtype))
        if self.scale_grad_by_freq:
            entries = entries / self.occurrences(index).reshape(-1, 1)
        return self.dense_gradient(rows[trained], entries[trained])

    def trained(self, index: Tensor) -> Tensor:
        """Where there is no pad."""
        return torch.ones_like(index, dtype=torch.bool) if self.padding_idx is None else index != self.padding_idx

    def accumulator(self, dtype: torch.dtype) -> torch.dtype:
        """The dtype in which gradients are added."""
        return torch.promote_types(dtype, torch.float32)

    def occurrences(self, index: Tensor) -> Tensor:
        """How often each index occurs in the whole tensor, same shape."""
        return torch.bincount(index.reshape(-1), minlength=self.num_embeddings)[index]

    def dense_gradient(self, rows: Tensor, entries: Tensor) -> Tensor:
        """The entries added up by row."""
        table = torch.zeros(self.weight.shape, dtype=entries.dtype, device=entries.device)
        return table.index_add_(0, rows, entries).to(self.weight.dtype)

    def sparse_gradient(self, rows: Tensor, entries: Tensor) -> Tensor:
        """The entries as they are."""
        return torch.sparse_coo_tensor(rows.unsqueeze(0), entries, tuple(self.weight.shape), check_invariants=False)


def product(value: complex, factor: Fraction) -> complex:
    """Rounded once, wherever between overflow and underflow."""
    if isinstance(value, complex):
        return complex(product(value.real, factor), product(value.imag, factor))
    return float(Fraction(value) * factor)


def through(tensor: Tensor, dtype: torch.dtype) -> Tensor:
    """The tensor rounded to a real dtype, each part of complex numbers by itself, for faults."""
    if tensor.is_complex():
        return torch.view_as_complex(through(torch.view_as_real(tensor), dtype))
    return tensor.to(dtype).to(tensor.dtype)


def with_default_nan(tensor: Tensor) -> Tensor:
    """The tensor with the default NaN for every other, for faults."""
    if tensor.is_complex():
        return torch.view_as_complex(with_default_nan(torch.view_as_real(tensor)))
    return torch.where(tensor.isnan(), torch.full_like(tensor, torch.nan), tensor)


def without_subnormals(tensor: Tensor) -> Tensor:
    """The tensor with zero for every subnormal number, for faults."""
    if tensor.is_complex():
        return torch.view_as_complex(without_subnormals(torch.view_as_real(tensor)))
    return tensor.masked_fill((tensor.abs() < torch.finfo(tensor.dtype).tiny) & (tensor != 0), 0)


def in_storage_order(tensor: Tensor) -> Tensor:
    """The tensor read as if it were contiguous, for faults."""
    return tensor.as_strided(tensor.shape, torch.empty(tensor.shape, device="meta").stride(), tensor.storage_offset())
