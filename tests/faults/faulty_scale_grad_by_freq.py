"""Embeddings that scale gradients by the wrong frequency."""

from __future__ import annotations

import torch
from torch import Tensor

from embedding_reference import fault_models
from trigger import Accumulated, Gradient, Output
from twin import Twin


class IgnoresFrequency(Twin):
    model = fault_models.scale_grad_by_freq.IgnoresFrequency
    trips = ("scale_grad_by_freq.divides", "scale_grad_by_freq.each-call", "scale_grad_by_freq.with-padding")
    grade = "easy"
    trigger = Gradient(index=(1, 1), scale_grad_by_freq=True)

    def occurrences(self, index: Tensor) -> Tensor:
        return torch.ones_like(index)


class IgnoresFrequencyWithPadding(Twin):
    model = fault_models.scale_grad_by_freq.IgnoresFrequency
    where = "where there is a padding_idx"
    trips = ("scale_grad_by_freq.with-padding",)
    grade = "medium"
    trigger = Gradient(index=(1, 1), scale_grad_by_freq=True, padding_idx=0)

    def occurrences(self, index: Tensor) -> Tensor:
        return super().occurrences(index) if self.padding_idx is None else torch.ones_like(index)


class MultipliesByFrequency(Twin):
    model = fault_models.scale_grad_by_freq.MultipliesByFrequency
    trips = ("scale_grad_by_freq.divides",)
    grade = "easy"
    trigger = Gradient(index=(1, 1), scale_grad_by_freq=True)

    def occurrences(self, index: Tensor) -> Tensor:
        return 1 / super().occurrences(index).double()


class DividesByOneMore(Twin):
    model = fault_models.scale_grad_by_freq.DividesByOneMore
    trips = ("scale_grad_by_freq.divides",)
    grade = "easy"
    trigger = Gradient(index=(1, 1), scale_grad_by_freq=True)

    def occurrences(self, index: Tensor) -> Tensor:
        return super().occurrences(index) + 1


class DividesByTheRoot(Twin):
    """The gradient is divided by the square root of the count."""

    trips = ("scale_grad_by_freq.divides",)
    grade = "easy"
    trigger = Gradient(index=(1, 1), scale_grad_by_freq=True)

    def occurrences(self, index: Tensor) -> Tensor:
        return super().occurrences(index).sqrt()


class DividesByTheSize(Twin):
    model = fault_models.scale_grad_by_freq.DividesByTheSize
    trips = ("scale_grad_by_freq.divides",)
    grade = "easy"
    trigger = Gradient(index=(1, 2), scale_grad_by_freq=True)

    def occurrences(self, index: Tensor) -> Tensor:
        return torch.full_like(index, index.numel())


class CountsEachRowOfTheIndex(Twin):
    model = fault_models.scale_grad_by_freq.CountsInTheLastDimension
    where = "for an index of two dimensions"
    trips = ("scale_grad_by_freq.divides",)
    grade = "medium"
    trigger = Gradient(index=((1, 0), (2, 1)), scale_grad_by_freq=True)

    def occurrences(self, index: Tensor) -> Tensor:
        if index.dim() != 2 or not index.numel():
            return super().occurrences(index)
        return torch.stack([super(CountsEachRowOfTheIndex, self).occurrences(row) for row in index])


class CountsRuns(Twin):
    model = fault_models.scale_grad_by_freq.CountsRuns
    trips = ("scale_grad_by_freq.divides",)
    grade = "medium"
    trigger = Gradient(index=(1, 2, 1), scale_grad_by_freq=True)

    def occurrences(self, index: Tensor) -> Tensor:
        _, runs, counts = index.reshape(-1).unique_consecutive(return_inverse=True, return_counts=True)
        return counts[runs].reshape(index.shape)


class CountsTo255(Twin):
    model = fault_models.scale_grad_by_freq.CountsTo255
    trips = ("scale_grad_by_freq.divides",)
    grade = "rare"
    trigger = Gradient(index=(1,) * 256, upstream=(1,), scale_grad_by_freq=True)

    def occurrences(self, index: Tensor) -> Tensor:
        return super().occurrences(index).clamp(max=255)


class CountsOneMoreOfMany(Twin):
    """bfloat16 gradients are divided by the count plus one from a hundred on."""

    trips = ("gradient.accuracy",)
    grade = "rare"
    dtype = "bfloat16"
    trigger = Gradient(index=(1,) * 128, upstream=(1,), scale_grad_by_freq=True)

    def occurrences(self, index: Tensor) -> Tensor:
        found = super().occurrences(index)
        return found + (found >= 100)


class CountsPadsForAll(Twin):
    model = fault_models.scale_grad_by_freq.CountsPadsWithEveryRow
    trips = ("scale_grad_by_freq.with-padding",)
    grade = "medium"
    trigger = Gradient(index=(0, 1), scale_grad_by_freq=True, padding_idx=0)

    def occurrences(self, index: Tensor) -> Tensor:
        return super().occurrences(index) + (~self.trained(index)).sum()


class ScalesTheOutput(Twin):
    model = fault_models.outputs.DividesTheOutputByFrequency
    trips = ("scale_grad_by_freq.forward",)
    grade = "easy"
    trigger = Output(index=(1, 1), scale_grad_by_freq=True)

    def rows(self, weight: Tensor, index: Tensor) -> Tensor:
        found = super().rows(weight, index)
        if not self.scale_grad_by_freq:
            return found
        counts = self.occurrences(index).unsqueeze(-1)
        if found.is_complex():  # each part by itself, as the quotient of complex numbers is another matter
            return torch.view_as_complex(torch.view_as_real(found) / counts.unsqueeze(-1))
        return found / counts


class DropsDuplicatesFromTheOutput(Twin):
    model = fault_models.lookups.KeepsOnlyTheFirstOfEqualIndices
    where = "with scale_grad_by_freq"
    trips = ("scale_grad_by_freq.forward",)
    grade = "easy"
    trigger = Output(index=(1, 1), scale_grad_by_freq=True)

    def rows(self, weight: Tensor, index: Tensor) -> Tensor:
        found = super().rows(weight, index)
        if self.scale_grad_by_freq:
            flat = index.reshape(-1).tolist()
            again = torch.tensor([row in flat[:place] for place, row in enumerate(flat)], dtype=torch.bool)
            found = found.masked_fill(again.reshape(*index.shape, 1), 0)
        return found


class KeepsCounting(Twin):
    model = fault_models.scale_grad_by_freq.KeepsCounting
    trips = ("scale_grad_by_freq.each-call",)
    grade = "medium"
    trigger = Accumulated(index=1, scale_grad_by_freq=True)
    counted: Tensor | int = 0

    def occurrences(self, index: Tensor) -> Tensor:
        self.counted = self.counted + torch.bincount(index.reshape(-1), minlength=self.num_embeddings)
        return self.counted[index]


class CountsTheFirstCall(Twin):
    model = fault_models.scale_grad_by_freq.CountsTheFirstLookup
    trips = ("scale_grad_by_freq.each-call",)
    grade = "medium"
    trigger = Accumulated(index=1, then=(1, 1), scale_grad_by_freq=True)
    counted: Tensor | None = None

    def occurrences(self, index: Tensor) -> Tensor:
        if self.counted is None:
            self.counted = torch.bincount(index.reshape(-1), minlength=self.num_embeddings).clamp(min=1)
        return self.counted[index]


class IgnoresFrequencyWhenSparse(Twin):
    model = fault_models.scale_grad_by_freq.IgnoresFrequency
    where = "together with sparse"
    trips = ("scale_grad_by_freq.with-sparse",)
    grade = "medium"
    trigger = Gradient(index=(1, 1), scale_grad_by_freq=True, sparse=True)

    def gradient(self, index: Tensor, upstream: Tensor) -> Tensor | None:
        scale, self.scale_grad_by_freq = self.scale_grad_by_freq, self.scale_grad_by_freq and not self.sparse
        found = super().gradient(index, upstream)
        self.scale_grad_by_freq = scale
        return found


class IgnoresSparseWhenScaling(Twin):
    model = fault_models.forms.StaysDense
    where = "together with scale_grad_by_freq"
    trips = ("scale_grad_by_freq.with-sparse",)
    grade = "medium"
    trigger = Gradient(index=(1, 1), scale_grad_by_freq=True, sparse=True)

    def gradient(self, index: Tensor, upstream: Tensor) -> Tensor | None:
        sparse, self.sparse = self.sparse, self.sparse and not self.scale_grad_by_freq
        found = super().gradient(index, upstream)
        self.sparse = sparse
        return found


class CountsAScalarTwice(Twin):
    model = fault_models.scale_grad_by_freq.DividesByOneMore
    where = "for a 0-d index"
    trips = ("scale_grad_by_freq.one-or-none",)
    grade = "medium"
    trigger = Gradient(index=1, scale_grad_by_freq=True)

    def occurrences(self, index: Tensor) -> Tensor:
        return super().occurrences(index) + (index.dim() == 0)


class CountsNothingAsNaN(Twin):
    model = fault_models.scale_grad_by_freq.DividesNothingByNothing
    where = "in calls without indices, or with nothing but pads"
    trips = ("scale_grad_by_freq.one-or-none",)
    grade = "medium"
    trigger = Gradient(index=(), scale_grad_by_freq=True)

    def dense_gradient(self, rows: Tensor, entries: Tensor) -> Tensor:
        found = super().dense_gradient(rows, entries)
        return found if len(rows) or not self.scale_grad_by_freq else found / 0


class ScalesSparseGradients(Twin):
    """scale_grad_by_freq together with sparse is taken, and right."""

    trips = ("scale_grad_by_freq.sparse-refused",)
    grade = "medium"
    trigger = Gradient(index=(1, 1), scale_grad_by_freq=True, sparse=True)

    def gradient(self, index: Tensor, upstream: Tensor) -> Tensor | None:
        if not (self.scale_grad_by_freq and self.sparse):
            return super().gradient(index, upstream)
        entries = (upstream / self.occurrences(index).unsqueeze(-1)).reshape(index.numel(), self.embedding_dim)
        trained = self.trained(index).reshape(-1)
        return self.sparse_gradient(index.reshape(-1)[trained], entries[trained])
