"""Around calls of torch: exceptions become refusals, the deterministic mode is set, and optimisers are tried out."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

from embedding_conformance.boundary.refusals import Lost, Refused, Unsupported

NO_SPARSE_SUM = re.compile(r'"(cadd_sparse|add_out_sparse_\w+)" not implemented for')
"""torch's message where it cannot add two sparse gradients, which autograd does and no embedding."""
NOT_SHARED = re.compile("a view of a leaf Variable that requires grad is being used in an in-place operation")
"""The same where an optimiser's threads write a sparse gradient to a weight that is not contiguous."""


@contextmanager
def refusals() -> Iterator[None]:
    """Turn what the implementation raises into `Refused`, or into `Lost` where CUDA fails from then on."""
    try:
        yield
        if torch.cuda.is_initialized():
            torch.cuda.synchronize()  # a kernel that fails later must fail this call, not the next
    except (Refused, Unsupported):
        raise
    except Exception as error:
        raise (Lost if _cuda_is_lost() else Refused).of(error) from error


def _cuda_is_lost() -> bool:
    """Whether the process has lost its CUDA context, as by a failed assertion on the device."""
    if not torch.cuda.is_initialized():
        return False
    try:
        torch.cuda.synchronize()
    except RuntimeError:
        return True
    return False


@contextmanager
def excusing(module: Any, missing: re.Pattern[str], reason: str) -> Iterator[None]:
    """Raise `Unsupported` where torch, and not the embedding, lacks what an embedding that is not its own needs.

    Args:
        module: the embedding; None: the functional form.
        missing: torch's message.
        reason: the reason that is given.
    """
    try:
        yield
    except RuntimeError as error:
        is_torchs = module is None or isinstance(module, torch.nn.Embedding)
        if is_torchs or not missing.search(str(error)):
            raise
        raise Unsupported(reason, asked=True) from error


@contextmanager
def deterministically() -> Iterator[None]:
    """Use deterministic algorithms within the block, and restore the previous mode afterwards.

    Raises:
        Unsupported: an operator has none on this device, or needs an environment variable; the text says which.
    """
    before = torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    torch.use_deterministic_algorithms(mode=True)
    try:
        yield
    except RuntimeError as error:
        if "torch.use_deterministic_algorithms(True)" in str(error):  # torch names this call in each such message
            raise Unsupported(str(error).partition(". ")[0], asked=True) from error
        raise
    finally:
        torch.use_deterministic_algorithms(before, warn_only=warn_only)


@contextmanager
def sharing_work() -> Iterator[None]:
    """Run with two threads at least: what torch does must not depend on how many cores this machine has."""
    before = torch.get_num_threads()
    torch.set_num_threads(max(before, 2))
    try:
        yield
    finally:
        torch.set_num_threads(before)


@functools.cache
def trains(
    optimizer: str, options: tuple[tuple[str, Any], ...], dtype: torch.dtype, device: str, *, sparse: bool
) -> bool:
    """Whether the optimiser can take a step with a plain tensor of this dtype, and a gradient that is sparse or not."""
    return can_step(optimizer, options, lambda: torch.ones((2, 2), dtype=dtype, device=device), sparse=sparse)


def can_step(
    optimizer: str, options: tuple[tuple[str, Any], ...], table: Callable[[], torch.Tensor], *, sparse: bool
) -> bool:
    """Whether the optimiser can take a step with such a table, and a gradient that is sparse or not."""
    try:
        parameter = torch.nn.Parameter(table())
        gradient = torch.ones_like(parameter)
        parameter.grad = gradient.to_sparse(1) if sparse else gradient
        getattr(torch.optim, optimizer)([parameter], **dict(options)).step()
    except (AttributeError, IndexError, RuntimeError, TypeError):  # this release does not have it, or not these options
        return False
    return True
