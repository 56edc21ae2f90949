"""`Tensor` to and from `torch.Tensor`, bit for bit, in any memory layout."""

from __future__ import annotations

from collections import Counter

import torch

from embedding_conformance.boundary.observations import Gradient, Shape
from embedding_reference import Tensor


def to_torch(tensor: Tensor, device: str = "cpu", layout: str = "contiguous") -> torch.Tensor:
    """The same bits as a torch tensor on `device`, laid out as named in `cases.case.LAYOUTS`.

    A layout that the shape does not have (a 0-d tensor cannot be transposed) falls back to contiguous.
    """
    dtype = getattr(torch, tensor.dtype)
    if not tensor.data:
        return torch.empty(tensor.shape, dtype=dtype, device=device)
    flat = torch.frombuffer(bytearray(tensor.data), dtype=torch.uint8).view(dtype)
    if layout == "expanded" and tensor.shape and repeats_one_element(tensor):
        return flat[0].to(device).expand(tensor.shape)
    return _lay_out(flat.reshape(tensor.shape).to(device), layout)


def repeats_one_element(tensor: Tensor) -> bool:
    """Whether all elements are alike, as in the upstream gradient of a sum, which torch expands from one element.

    What is expanded along its first dimension must be longer than one there, or one element altogether.
    """
    long = tensor.numel == 1 or tensor.shape[0] > 1
    return long and tensor.data == tensor.data[: tensor.format.itemsize] * tensor.numel


def from_torch(tensor: torch.Tensor) -> Tensor:
    """The same bits as plain data, gathered where they are split over processes.

    A tensor without data, on the meta device or fake, becomes a `Shape`.
    """
    if hasattr(tensor, "full_tensor"):
        tensor = tensor.full_tensor()
    dtype = str(tensor.dtype).replace("torch.", "")
    shape = tuple(tensor.shape)
    if tensor.is_meta or hasattr(tensor, "fake_mode"):
        return Shape(dtype, shape)
    if tensor.numel() == 0:
        return Tensor(dtype, shape, b"")
    # A clone, because contiguous() keeps odd strides along dimensions of length one, which view(dtype) refuses.
    flat = tensor.detach().to("cpu").clone(memory_format=torch.contiguous_format).reshape(-1)
    return Tensor(dtype, shape, flat.view(torch.uint8).numpy().tobytes())


def gradient_from_torch(grad: torch.Tensor | None) -> Gradient | None:
    """A weight's gradient as plain data.

    The entries of one that is sparse over columns, too, become rows in which all other elements are zero.
    """
    if grad is None:
        return None
    shape, device = tuple(grad.shape), grad.device.type
    if grad.layout is not torch.sparse_coo:
        layout = "dense" if grad.layout is torch.strided else str(grad.layout)
        return Gradient(layout, shape, device, from_torch(grad))
    places, entries = grad._indices(), grad._values()  # noqa: SLF001 - as they are, not coalesced
    if grad.sparse_dim() > 1 and entries.numel():
        whole, of_rows = _whole_rows(places, entries, shape[1])
        return Gradient("coo", shape, device, from_torch(whole), from_torch(of_rows))
    rows, values = from_torch(places[0]), from_torch(entries)
    if not rows.numel and not isinstance(rows, Shape):  # whichever of its dimensions are the sparse ones
        values = Tensor(values.dtype, (0, shape[1]), b"")
    return Gradient("coo", shape, device, values, rows, grad.is_coalesced())


def _whole_rows(places: torch.Tensor, entries: torch.Tensor, columns: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Entries that have a row and a column each as whole rows, and the numbers of these; no two are added."""
    times: Counter[tuple[int, int]] = Counter()
    number_of: dict[tuple[int, int], int] = {}
    numbers = []
    for row, column in places.t().tolist():
        times[row, column] += 1
        numbers.append(number_of.setdefault((row, times[row, column]), len(number_of)))
    whole = entries.new_zeros((len(number_of), columns))
    whole[torch.tensor(numbers), places[1]] = entries
    return whole, torch.tensor([row for row, _ in number_of])


def _lay_out(tensor: torch.Tensor, layout: str) -> torch.Tensor:
    if tensor.dim() == 0 or layout == "contiguous":
        return tensor
    if layout == "transposed":
        return tensor.transpose(0, -1).contiguous().transpose(0, -1)
    if layout == "strided":  # every other element of a wider last dimension
        wide = torch.zeros((*tensor.shape[:-1], 2 * tensor.shape[-1]), dtype=tensor.dtype, device=tensor.device)
        wide[..., ::2] = tensor
        return wide[..., ::2]
    if layout == "sliced":  # the middle of a larger block, so that storage neither starts nor ends with it
        block = torch.zeros((tensor.shape[0] + 2, *tensor.shape[1:]), dtype=tensor.dtype, device=tensor.device)
        block[1:-1] = tensor
        return block[1:-1]
    if layout == "columns":  # the middle columns of a wider block
        block = torch.zeros((*tensor.shape[:-1], tensor.shape[-1] + 2), dtype=tensor.dtype, device=tensor.device)
        block[..., 1:-1] = tensor
        return block[..., 1:-1]
    if layout == "expanded":
        return tensor[:1].expand(tensor.shape)
    raise ValueError(f"unknown layout {layout!r}")
