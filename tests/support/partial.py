"""Embeddings on torch that take some of the documented arguments."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn


class Lookups(nn.Module):
    """Looks up, in a table of its own, and takes nothing but the two sizes."""

    def __init__(self, num_embeddings: int, embedding_dim: int) -> None:
        super().__init__()
        self.num_embeddings, self.embedding_dim = num_embeddings, embedding_dim
        self.weight = nn.Parameter(torch.randn(num_embeddings, embedding_dim))

    def forward(self, index: torch.Tensor) -> torch.Tensor:
        return nn.functional.embedding(index, self.weight)


class Pads(Lookups):
    """Takes padding_idx, and where its weight is to live."""

    def __init__(self, num_embeddings: int, embedding_dim: int, padding_idx: int | None = None, **placed: Any) -> None:
        super().__init__(num_embeddings, embedding_dim)
        self.to(**placed)
        self.padding_idx = padding_idx if padding_idx is None else padding_idx % num_embeddings
        if padding_idx is not None:
            self.weight.data[padding_idx] = 0

    def forward(self, index: torch.Tensor) -> torch.Tensor:
        return nn.functional.embedding(index, self.weight, self.padding_idx)


class KeywordsOnly(Pads):
    """Takes the same, and says so."""

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        *,
        device: Any = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(num_embeddings, embedding_dim, padding_idx, device=device, dtype=dtype)


class Swallows(Lookups):
    """Takes every argument, and ignores it."""

    def __init__(self, num_embeddings: int, embedding_dim: int, **_ignored: Any) -> None:
        super().__init__(num_embeddings, embedding_dim)


class Misplaces(Lookups):
    """Takes sparse before padding_idx."""

    def __init__(
        self, num_embeddings: int, embedding_dim: int, sparse: bool = False, padding_idx: int | None = None
    ) -> None:
        super().__init__(num_embeddings, embedding_dim)
        assert not sparse
        assert padding_idx is None


class Gathers(Lookups):
    """Looks up by an operation that is differentiable for complex weights, too."""

    def __init__(
        self, num_embeddings: int, embedding_dim: int, *, device: Any = None, dtype: torch.dtype | None = None
    ) -> None:
        super().__init__(num_embeddings, embedding_dim)
        self.to(device=device)
        self.weight.data = torch.randn(num_embeddings, embedding_dim, device=device, dtype=dtype)

    def forward(self, index: torch.Tensor) -> torch.Tensor:
        rows = self.weight.index_select(0, index.reshape(-1))
        return rows.reshape(*index.shape, self.embedding_dim)


INSTANCE = nn.Embedding(3, 2)
"""Neither a class nor a factory."""
