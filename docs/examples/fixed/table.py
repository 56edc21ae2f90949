"""An embedding of one's own: its rows are gathered with index_select."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class TableEmbedding(nn.Module):
    """Rows of a table, of which the one at padding_idx is not to be trained."""

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if padding_idx is not None:
            if not -num_embeddings <= padding_idx < num_embeddings:
                raise ValueError(f"padding_idx {padding_idx} is not a row")
            padding_idx %= num_embeddings
        self.num_embeddings, self.embedding_dim, self.padding_idx = num_embeddings, embedding_dim, padding_idx
        self.weight = nn.Parameter(torch.empty(num_embeddings, embedding_dim, device=device, dtype=dtype))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the weight anew."""
        nn.init.normal_(self.weight)
        if self.padding_idx is not None:
            with torch.no_grad():
                self.weight[self.padding_idx].zero_()

    def forward(self, index: Tensor) -> Tensor:
        """Look up."""
        asked = index.reshape(-1)
        rows = self.weight.index_select(0, asked)
        if self.padding_idx is not None:
            rows = torch.where((asked == self.padding_idx).unsqueeze(-1), rows.detach(), rows)
        return rows.reshape(*index.shape, self.embedding_dim)

    def extra_repr(self) -> str:
        """What repr shows."""
        return f"{self.num_embeddings}, {self.embedding_dim}, padding_idx={self.padding_idx}"
