"""A torch embedding that does, on the CPU, as CUDA does with an index out of range; for a process of its own.

The lookup itself returns. What is read afterwards raises, and everything from then on does.
"""

from __future__ import annotations

import torch

from embedding_conformance.adapters.torch import instance, module

_READ, _WRITTEN = instance.from_torch, instance.to_torch


class Context:
    """As of CUDA."""

    lost = False

    @classmethod
    def use(cls) -> None:
        if cls.lost:
            raise RuntimeError("CUDA error: device-side assert triggered")


class Asserts(torch.nn.Embedding):
    """Asserts that indices are in range."""

    def forward(self, index: torch.Tensor) -> torch.Tensor:
        Context.lost |= bool(((index < 0) | (index >= self.num_embeddings)).any())
        return super().forward(index % max(self.num_embeddings, 1) if self.num_embeddings else index[:0])


def read(tensor: torch.Tensor) -> object:
    Context.use()
    return _READ(tensor)


def written(*arguments: object) -> torch.Tensor:
    Context.use()
    return _WRITTEN(*arguments)


instance.from_torch = read
instance.to_torch = module.to_torch = written
torch.cuda.is_initialized = lambda: True
torch.cuda.synchronize = Context.use
