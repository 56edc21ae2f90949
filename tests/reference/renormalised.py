"""What a weight may be once all its rows were looked up."""

from __future__ import annotations

from simulate import Array

from embedding_reference import Embedding, Format, Rows, Tensor


def tensor(weight: Array, form: Format) -> Tensor:
    """The weight whose components these are."""
    rows, width = weight.shape
    return Tensor(form.name, (rows, width // form.components), form.encode(weight.ravel().tolist()))


def permitted_for(weight: Array, form: Format, max_norm: float, p: float, *, wide: bool = False) -> Rows:
    """What the weight may be once every row was looked up."""
    table = tensor(weight, form)
    index = Tensor.of("int64", (len(weight),), range(len(weight)))
    permitted = Embedding(len(weight), table.shape[1], max_norm=max_norm, norm_type=p).weight_after(
        table, index, wide=wide
    )
    assert isinstance(permitted, Rows)
    return permitted
