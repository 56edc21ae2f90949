"""What the correct embeddings share: construction, refusals and the order of a lookup, as torch documents them.

Written from the documentation of `torch.nn.Embedding` alone, apart from the suite, and without its kernels.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn


def wide(values: Tensor) -> Tensor:
    """The same values in double precision, in which sums and norms are taken."""
    return values.to(torch.promote_types(values.dtype, torch.float64))


@dataclass(frozen=True)
class Rule:
    """What a backward needs to know, as it was when the lookup was made."""

    rows: int
    padding_idx: int | None
    by_frequency: bool
    sparse: bool
    gradient: Callable[["Rule", Tensor, Tensor], Tensor | None]

    def frequency(self, flat: Tensor) -> Tensor:
        """For every index, how often it occurs in the call, as a column."""
        return flat.bincount(minlength=self.rows)[flat].unsqueeze(1)


class Lookup(torch.autograd.Function):
    """Reads rows; the gradient of the table is whatever the embedding makes of the index and the incoming gradients."""

    generate_vmap_rule = True

    @staticmethod
    def forward(weight, flat, rule):  # noqa: ARG004
        return weight.index_select(0, flat)

    @staticmethod
    def setup_context(ctx, inputs, output):  # noqa: ARG004
        _, flat, ctx.rule = inputs
        ctx.save_for_backward(flat)
        ctx.save_for_forward(flat)

    @staticmethod
    def backward(ctx, grads):
        return ctx.rule.gradient(ctx.rule, ctx.saved_tensors[0], grads), None, None

    @staticmethod
    def jvp(ctx, tangent, *_):
        return tangent.index_select(0, ctx.saved_tensors[0])


class Gate(torch.autograd.Function):
    """Passes rows on unchanged; holds back the gradients of pads, and divides by frequency where that is asked."""

    generate_vmap_rule = True

    @staticmethod
    def forward(rows, flat, rule):  # noqa: ARG004
        return rows.clone()

    @staticmethod
    def setup_context(ctx, inputs, output):  # noqa: ARG004
        _, flat, ctx.rule = inputs
        ctx.save_for_backward(flat)

    @staticmethod
    def backward(ctx, grads):
        flat, rule = ctx.saved_tensors[0], ctx.rule
        if rule.padding_idx is not None:
            grads = grads.masked_fill((flat == rule.padding_idx).unsqueeze(1), 0)
        if rule.by_frequency:
            grads = (wide(grads) / rule.frequency(flat)).to(grads.dtype)
        return grads, None, None

    @staticmethod
    def jvp(ctx, tangent, *_):  # noqa: ARG004
        return tangent.clone()


class Table(nn.Module):
    """An embedding; its heirs differ in how they read rows, sum gradients and measure norms."""

    refusal: type[Exception] = ValueError
    parameter = nn.Parameter
    index_types = (torch.int32, torch.int64)

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
        device=None,
        dtype=None,
    ) -> None:
        super().__init__()
        if padding_idx is not None and not -num_embeddings <= padding_idx < num_embeddings:
            raise self.refusal(f"there is no row {padding_idx} that could be the pad")
        self.num_embeddings = num_embeddings
        self.embedding_dim = embedding_dim
        self.padding_idx = None if padding_idx is None else padding_idx % num_embeddings
        self.max_norm = max_norm
        self.norm_type = norm_type
        self.scale_grad_by_freq = scale_grad_by_freq
        self.sparse = sparse
        if _weight is None:
            self.start(torch.empty(0, device=device, dtype=dtype), not _freeze)
        elif list(_weight.shape) != [num_embeddings, embedding_dim]:
            raise self.refusal("the table is not of the size that was asked for")
        else:
            self.weight = self.parameter(_weight.detach(), requires_grad=not _freeze)

    def start(self, kind: Tensor, trains: bool) -> None:
        """Makes a fresh table on the device and of the dtype of `kind`."""
        self.weight = self.parameter(kind.new_empty(self.num_embeddings, self.embedding_dim), requires_grad=trains)
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Draws the table from N(0, 1), but for the pad, which is zero."""
        self.weight.normal_()
        if self.padding_idx is not None:
            self.weight[self.padding_idx] = 0

    @classmethod
    def from_pretrained(
        cls,
        embeddings,
        freeze=True,
        padding_idx=None,
        max_norm=None,
        norm_type=2.0,
        scale_grad_by_freq=False,
        sparse=False,
    ):
        """An embedding of the given table, frozen unless asked otherwise."""
        if embeddings.dim() != 2:
            raise cls.refusal("a table has two dimensions")
        return cls(
            *embeddings.shape,
            padding_idx=padding_idx,
            max_norm=max_norm,
            norm_type=norm_type,
            scale_grad_by_freq=scale_grad_by_freq,
            sparse=sparse,
            _weight=embeddings,
            _freeze=freeze,
        )

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        """The rows at the given indices, in the shape of the index and one dimension more."""
        flat = self.checked(input)
        if self.max_norm is not None and self.embedding_dim and not flat.is_meta:
            self.rescale(flat)
        return self.shaped(self.look_up(flat), input.shape)

    def checked(self, index: Tensor) -> Tensor:
        """The index as one row of int64, once nothing is wrong with it."""
        if index.dtype not in self.index_types:
            raise self.refusal(f"an index of {index.dtype} is none")
        if index.numel() and not index.is_meta:
            least, most = index.aminmax()
            if least < 0 or most >= self.weight.shape[0]:
                raise self.refusal(f"indices from {least} to {most} are not all rows of the table")
        return index.reshape(-1).long()

    @torch.no_grad()
    def rescale(self, flat: Tensor) -> None:
        """Rescales in place those rows that are looked up and too long."""
        seen = flat.unique()
        rows = wide(self.weight[seen])
        norms = self.norms(rows)
        long = norms > self.max_norm
        if long.any():
            factors = (self.max_norm / norms[long]).unsqueeze(1)
            self.weight.index_copy_(0, seen[long], (rows[long] * factors).to(self.weight.dtype))

    def norms(self, rows: Tensor) -> Tensor:
        return torch.linalg.vector_norm(rows, self.norm_type, dim=1)

    def rule(self) -> Rule:
        return Rule(self.weight.shape[0], self.padding_idx, self.scale_grad_by_freq, self.sparse, type(self).gradient)

    def look_up(self, flat: Tensor) -> Tensor:
        return Lookup.apply(self.weight, flat, self.rule())

    def shaped(self, rows: Tensor, shape: torch.Size) -> Tensor:
        return rows.view(*shape, self.embedding_dim)

    @classmethod
    def gradient(cls, rule: Rule, flat: Tensor, grads: Tensor) -> Tensor | None:
        """The gradient of the table, from one incoming gradient for every index."""
        if grads.is_meta:
            return grads.new_zeros(rule.rows, grads.shape[1])
        if rule.padding_idx is not None:
            counts = flat != rule.padding_idx
            flat, grads = flat[counts], grads[counts]
        if rule.by_frequency:
            grads = (wide(grads) / rule.frequency(flat)).to(grads.dtype)
        if rule.sparse:
            return torch.sparse_coo_tensor(flat.unsqueeze(0), grads, (rule.rows, grads.shape[1]))
        return cls.total(flat, wide(grads), rule.rows).to(grads.dtype)

    @staticmethod
    def total(flat: Tensor, grads: Tensor, rows: int) -> Tensor:
        """The sum of the gradients of every row."""
        return grads.new_zeros(rows, grads.shape[1]).index_add(0, flat, grads)


class Native(Table):
    """An embedding whose rows are read by differentiable operations, unless the gradient is to be sparse."""

    def look_up(self, flat: Tensor) -> Tensor:
        if self.sparse or flat.is_meta:
            return super().look_up(flat)
        return Gate.apply(self.read(flat), flat, self.rule())
