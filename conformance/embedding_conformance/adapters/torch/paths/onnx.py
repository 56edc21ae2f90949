"""torch's lookup as a model in ONNX: exported by `torch.onnx.export`, and run by ONNX Runtime."""

from __future__ import annotations

import functools
from typing import Any

import onnxruntime
import torch
from onnxruntime import OrtValue

from embedding_conformance.adapters.frameworks.framework import NO_FREEZE, NO_STRIDES, Framework, without
from embedding_conformance.adapters.frameworks.framework_adapter import FrameworkAdapter
from embedding_conformance.boundary.refusals import Unsupported

FORWARD_ONLY = "a model in ONNX is run forwards: it has no gradient"
NOT_IN_PLACE = "a model in ONNX cannot write to its weight: it renormalises what it gives, each time anew"

onnxruntime.set_default_logger_severity(4)  # else it also logs to standard error whatever it raises


class LookUp(torch.nn.Module):  # type: ignore[misc]  # torch is not there where types are checked
    """The module that is exported; its weight is an input, so that one model serves every weight of a dtype."""

    def forward(self, weight: torch.Tensor, index: torch.Tensor) -> torch.Tensor:
        """One lookup."""
        return torch.nn.functional.embedding(index, weight)


@functools.cache
def session(weight: torch.dtype, index: torch.dtype, rank: int) -> Any:
    """The exported model for these dtypes, any number of rows and columns, and indices of this rank, ready to run."""
    example = torch.zeros((3, 2), dtype=weight), torch.zeros((2,) * rank, dtype=index)
    any_size = torch.export.Dim.DYNAMIC
    LookUp()(*example)  # torch refuses at once what the exporter would take seconds to refuse
    shapes = {0: any_size, 1: any_size}, dict.fromkeys(range(rank), any_size)
    program = torch.onnx.export(LookUp(), example, dynamic_shapes=shapes, dynamo=True, verbose=False)
    return onnxruntime.InferenceSession(program.model_proto.SerializeToString(), providers=["CPUExecutionProvider"])


def tensor(array: Any, dtype: str) -> torch.Tensor:
    """A tensor of torch; bfloat16 comes as its bits."""
    made = torch.from_numpy(array)
    return made.view(torch.bfloat16) if dtype == "bfloat16" else made


def array(tensor: torch.Tensor) -> tuple[Any, str]:
    """The tensor as numpy's."""
    dtype = str(tensor.dtype).partition(".")[2]
    return (tensor.view(torch.uint16) if dtype == "bfloat16" else tensor).numpy(), dtype


def make(num_embeddings: int, embedding_dim: int, weight: torch.Tensor, **arguments: Any) -> torch.Tensor:
    """The weight, which is an input of the model."""
    if arguments:
        raise Unsupported(NOT_IN_PLACE if "max_norm" in arguments else FORWARD_ONLY)
    assert weight.shape == (num_embeddings, embedding_dim)
    return weight


def look_up(weight: torch.Tensor, index: torch.Tensor) -> torch.Tensor:
    """One lookup; tensors go to ONNX Runtime and back without a copy."""
    model = session(weight.dtype, index.dtype, index.dim())
    names = [given.name for given in model.get_inputs()]
    inputs = dict(zip(names, map(OrtValue.from_dlpack, (weight, index))))
    (output,) = model.run_with_ort_values(None, inputs)
    return torch.from_dlpack(output)


def differentiate(*_: Any) -> Any:
    """There is nothing to differentiate."""
    raise Unsupported(FORWARD_ONLY)


def weight_of(weight: torch.Tensor) -> torch.Tensor:
    """The weight."""
    return weight


def overwrite(weight: torch.Tensor, lookup: Any) -> torch.Tensor:
    """The weight, after the output of a lookup was overwritten."""
    index, _ = lookup
    look_up(weight, index).neg_()
    return weight


ONNX = Framework(
    name="torch.nn.functional.embedding through torch.onnx.export, in ONNX Runtime",
    packages=("onnxruntime", "torch", "onnx", "onnxscript"),
    dtypes=("float16", "bfloat16", "float32", "float64"),
    imports=(
        "import functools\nfrom typing import Any\nimport onnxruntime\nimport torch\nfrom onnxruntime import OrtValue"
    ),
    tensor=tensor,
    array=array,
    make=make,
    look_up=look_up,
    differentiate=differentiate,
    weight_of=weight_of,
    unsupported=(
        *without("padding_idx", "scale_grad_by_freq", "sparse", reason=FORWARD_ONLY),
        *without("max_norm", reason=NOT_IN_PLACE),
        NO_FREEZE,
        *NO_STRIDES,
    ),
    verbs={"overwrite": overwrite},
    shared=(LookUp, session),
)


def adapter(_: str) -> FrameworkAdapter:
    """The adapter of the bundled name, after a first export: it takes longest, and no case should wait for it."""
    session(torch.float32, torch.int64, 1)
    return FrameworkAdapter(ONNX)
