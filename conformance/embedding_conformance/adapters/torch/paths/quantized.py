"""`torch.ao.nn.quantized.Embedding` with 8 bits an element, whose table has 256 steps a row.

It is judged on tables that it can hold: a weight that its steps do not give exactly is not asked about, as nobody
promises what a rounded one looks up, to the last bit.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.ao import quantization
from torch.ao.nn import quantized

from embedding_conformance.adapters.frameworks.framework import Framework, without
from embedding_conformance.adapters.frameworks.framework_adapter import FrameworkAdapter
from embedding_conformance.boundary.description import Declared
from embedding_conformance.boundary.refusals import Unsupported
from embedding_conformance.cases.features import WHOLE

NOT_TRAINED = "a packed weight is not trained: it has no gradient"
IGNORED = "it is taken, and ignored: a packed weight is not written to"
NOT_HELD = "the weight is not one that the steps of each row give exactly"


def tensor(array: Any, dtype: str) -> torch.Tensor:  # noqa: ARG001 - numpy's is the same
    """A tensor of torch."""
    return torch.from_numpy(array)


def array(tensor: torch.Tensor) -> tuple[Any, str]:
    """The tensor as numpy's."""
    return tensor.numpy(), str(tensor.dtype).partition(".")[2]


def observer_of(weight: torch.Tensor, qconfig: Any) -> Any:
    """An observer of the weight, whose steps are the least powers of two that reach from each row's least to its most.

    Observers keep the widest range that they have seen: this one has seen that of such steps before.
    """
    observer = qconfig.weight()
    least, most = weight.min(1).values, weight.max(1).values
    steps = observer.quant_max - observer.quant_min
    step = torch.exp2(torch.ceil(torch.log2((most - least) / steps))).where(most > least, torch.ones_like(most))
    observer(torch.stack([least, least + steps * step], 1))
    return observer


def held(weight: torch.Tensor, observer: Any) -> torch.Tensor:
    """The weight in the steps of the observer, where they give it exactly."""
    scales, zero_points = (found.float() for found in observer.calculate_qparams())
    table = torch.quantize_per_channel(weight, scales, zero_points, 0, observer.dtype)
    if not torch.equal(table.dequantize().view(torch.int32), weight.view(torch.int32)):
        raise Unsupported(NOT_HELD)
    return table


def padding_of(padding_idx: int | None = None, _freeze: bool = False, **others: Any) -> int | None:
    """The padding_idx, which changes no lookup, among arguments of which it claims no others."""
    if others or not _freeze:
        raise Unsupported(IGNORED if "max_norm" in others else NOT_TRAINED)
    return padding_idx


def converted(weight: torch.Tensor, qconfig: Any, **arguments: Any) -> Any:
    """Converted from torch's embedding, as `torch.ao.quantization.convert` does it."""
    observer = observer_of(weight, qconfig)
    held(weight, observer)
    module = torch.nn.Embedding.from_pretrained(weight, padding_idx=padding_of(**arguments))
    module.qconfig = quantization.QConfig(activation=qconfig.activation, weight=lambda: observer)
    return quantized.Embedding.from_float(module)


def converted_8bit(_rows: int, _columns: int, weight: torch.Tensor, **arguments: Any) -> Any:
    """Converted to 8 bits an element."""
    return converted(weight, quantization.float_qparams_weight_only_qconfig, **arguments)


def look_up(embedding: Any, index: torch.Tensor) -> torch.Tensor:
    """One lookup."""
    output: torch.Tensor = embedding(index)
    return output


def differentiate(*_: Any) -> Any:
    """There is nothing to differentiate."""
    raise Unsupported(NOT_TRAINED)


def weight_of(embedding: Any) -> torch.Tensor:
    """What the steps stand for."""
    weight: torch.Tensor = embedding.weight().dequantize()
    return weight


def overwrite(embedding: Any, lookup: Any) -> torch.Tensor:
    """The weight, after the output of a lookup was overwritten."""
    index, _ = lookup
    embedding(index).fill_(7)
    return weight_of(embedding)


def edit(embedding: Any, weight: torch.Tensor) -> None:
    """Set another weight, in steps of its own."""
    qconfig = quantization.float_qparams_weight_only_qconfig
    embedding.set_weight(held(weight, observer_of(weight, qconfig)))


REASONS = {
    "weight_layout": "a packed weight lies in one way",
    "index_layout": "an index that is not contiguous is refused",
}
"""Why there are no other layouts."""

QUANTIZED = Framework(
    name="torch.ao.nn.quantized.Embedding of 8 bits",
    packages=("torch",),
    dtypes=("float32",),
    imports=(
        "from typing import Any\nimport torch\nfrom torch.ao import quantization\nfrom torch.ao.nn import quantized"
    ),
    tensor=tensor,
    array=array,
    make=converted_8bit,
    look_up=look_up,
    untracked=look_up,
    is_tracked=lambda output: bool(output.requires_grad),
    differentiate=differentiate,
    weight_of=weight_of,
    unsupported=(
        Declared({"freeze": False}, NOT_TRAINED),
        *without("scale_grad_by_freq", "sparse", reason=NOT_TRAINED),
        *without("max_norm", reason=IGNORED),
        Declared({"index_ndim": 0}, "an index has one dimension or two"),
        Declared({"index_ndim": {"least": 3}}, "an index has one dimension or two"),
        Declared({"embedding_dim": 0}, "observers find no range where rows have no elements"),
        Declared({"num_embeddings": 0}, "observers find no range where there are no rows"),
        *(Declared({name: list(WHOLE[name])}, REASONS[name]) for name in REASONS),
    ),
    verbs={"overwrite": overwrite, "edit": edit},
    shared=(padding_of, observer_of, held, converted),
)


def adapter(_: str) -> FrameworkAdapter:
    """The adapter of the bundled name."""
    return FrameworkAdapter(QUANTIZED)
