"""A deviation as a script that needs torch and the implementation, nothing of ours: for a bug report."""

from __future__ import annotations

import base64
import math
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from conformance.case import Config, Lookup
from reference import Tensor

_HELPER = {
    "transposed": "{0}.transpose(0, -1).contiguous().transpose(0, -1)",
    "strided": "torch.stack([{0}, torch.zeros_like({0})], dim=-1).flatten(-2)[..., ::2]",
    "sliced": "torch.cat([{0}[:1], {0}, {0}[:1]])[1:-1]",
    "expanded": "{0}[:1].expand({0}.shape)",
}


_LISTED = 4096
"""Bytes up to which a tensor's values are listed; a larger one is packed."""


def write_script(calls: Sequence[tuple[str, Mapping[str, Any]]], *, factory: str | None, module: str = "torch") -> str:
    """The calls in torch's own API, each followed by a print of what it gave.

    Args:
        calls: (verb, arguments) as made through the adapter.
        factory: dotted name of the class under test; None for the functional form.
        module: the module that it is in.
    """
    lines = ["import torch"]
    if module.partition(".")[0] != "torch":
        lines.append(f"import {module}")
    lines.append("")
    stepped = False
    for verb, arguments in calls:
        lines += _VERBS[verb]({**arguments, "again": stepped}, factory)
        stepped = verb not in ("make", "copy") and (stepped or verb == "step")
    if any("zlib." in line for line in lines):
        lines.insert(0, "import base64, zlib")
    return "\n".join(lines) + "\n"


def _make(arguments: Mapping[str, Any], factory: str | None) -> list[str]:
    config: Config = arguments["config"]
    weight, via = arguments.get("weight"), arguments.get("via", "assignment")
    keywords = ", ".join(
        f"{name}={_number(getattr(config, name))}"
        for name in ("padding_idx", "max_norm", "norm_type", "scale_grad_by_freq", "sparse")
        if getattr(config, name) != getattr(Config(1, 1), name)
    )
    device = arguments.get("device", "cpu")
    lines = [] if weight is None else _define("weight", weight, arguments.get("layout", "contiguous"), device)
    if factory is None or via == "functional":
        grad = "" if config.freeze else "weight.requires_grad_()\n"
        call = f"torch.nn.functional.embedding(index, weight{', ' * bool(keywords)}{keywords})"
        return [*lines, f"{grad}def embedding(index):\n    return {call}"]
    sizes = f"{config.num_embeddings}, {config.embedding_dim}"
    joined = f", {keywords}" if keywords else ""
    freeze = ", _freeze=True" if config.freeze else ""
    if via == "from_pretrained":
        thaw = "" if config.freeze else ", freeze=False"
        return [*lines, f"embedding = {factory}.from_pretrained(weight{thaw}{joined})"]
    if via == "_weight":
        return [*lines, f"embedding = {factory}({sizes}{joined}, _weight=weight{freeze})"]
    dtype = weight.dtype if weight else arguments.get("dtype") or "float32"
    lines.append(f'embedding = {factory}({sizes}{joined}, device="{device}", dtype=torch.{dtype})')
    if weight is not None:
        lines.append("embedding.weight.data = weight")
    if config.freeze:
        lines.append("embedding.weight.requires_grad_(False)")
    return [*lines, "weight = embedding.weight"]


def _forward(arguments: Mapping[str, Any], _: str | None) -> list[str]:
    device, recording = arguments.get("index_device"), "with torch.no_grad(): " * arguments.get("no_grad", False)
    index = f'index.to("{device}")' if device else "index"
    return [*_lookup(arguments["lookup"]), f"{recording}output = embedding({index})", 'print("output", output)']


def _gradient(arguments: Mapping[str, Any], _: str | None) -> list[str]:
    lines = []
    if arguments.get("together"):
        for number, lookup in enumerate(arguments["lookups"]):
            lines += [*_lookup(lookup), f"output{number}, upstream{number} = embedding(index), upstream"]
        names = range(len(arguments["lookups"]))
        outputs, upstreams = (", ".join(f"{name}{n}" for n in names) for name in ("output", "upstream"))
        lines.append(f"torch.autograd.backward([{outputs}], [{upstreams}])")
    else:
        for lookup in arguments["lookups"]:
            lines += [*_lookup(lookup), "output = embedding(index)", 'print("output", output)']
            lines.append("output.backward(upstream)")
    return [*lines, 'print("gradient", weight.grad)']


def _overwrite(arguments: Mapping[str, Any], _: str | None) -> list[str]:
    return [*_lookup(arguments["lookup"]), "embedding(index).detach().fill_(7)", 'print("weight", weight)']


def _index_after(arguments: Mapping[str, Any], _: str | None) -> list[str]:
    call = "try: embedding(index)\nexcept Exception as error: print(error)"
    return [*_lookup(arguments["lookup"]), call, 'print("index", index)']


def _again(arguments: Mapping[str, Any], _: str | None) -> list[str]:
    mode = ["torch.use_deterministic_algorithms(True)"] * arguments.get("deterministic", False)
    backward = 'print("gradient", torch.autograd.grad(output, weight, upstream, retain_graph=True))'
    return [*mode, *_lookup(arguments["lookup"]), "output = embedding(index)", f"for _ in range(2): {backward}"]


def _beside(arguments: Mapping[str, Any], factory: str | None) -> list[str]:
    first, second = arguments["lookups"]
    if factory is None:  # which looks up in whatever is called weight
        look_up = "mine, weight = weight, other.requires_grad_(); output1 = embedding(index); weight = mine"
    else:
        copied = "import copy; beside = copy.deepcopy(embedding); beside.weight.data = other; other = beside.weight"
        look_up = f"{copied}; output1 = beside(index)"
    return [
        *[*_lookup(first), "output0, upstream0 = embedding(index), upstream"],
        *[*_define("other", arguments["weight"]), *_lookup(second), look_up],
        "torch.autograd.backward([output0, output1], [upstream0, upstream])",
        'print("gradients", weight.grad, other.grad)',
    ]


def _use_first(arguments: Mapping[str, Any], _: str | None) -> list[str]:
    return [
        *_lookup(arguments["lookup"]),
        f"squares = weight{'.clone()' * arguments['clone']}.square()",
        "output = embedding(index)",
        "torch.autograd.backward([squares, output], [torch.ones_like(squares), upstream])",
        'print("gradient", weight.grad)',
    ]


def _second_order(arguments: Mapping[str, Any], _: str | None) -> list[str]:
    return [
        *_lookup(arguments["lookup"]),
        *_define("direction", arguments["direction"]),
        "output, upstream = embedding(index), upstream.requires_grad_()",
        "gradient, = torch.autograd.grad(output, weight, upstream, create_graph=True)",
        "gradient = gradient.to_dense() if gradient.is_sparse else gradient",
        'print("derivative", gradient.requires_grad and torch.autograd.grad(gradient, upstream, direction))',
    ]


def _step(arguments: Mapping[str, Any], _: str | None) -> list[str]:
    options = "".join(f", {name}={_number(value)}" for name, value in arguments["options"].items())
    made = [] if arguments["again"] else [f"optimizer = torch.optim.{arguments['optimizer']}([weight]{options})"]
    lines = [*made, "weight.grad = None"]
    for lookup in arguments["lookups"]:
        lines += [*_lookup(lookup), "embedding(index).backward(upstream)"]
    return [*lines, "optimizer.step()", 'print("weight", weight)']


def _copy(arguments: Mapping[str, Any], _: str | None) -> list[str]:
    ways = {
        "deepcopy": "import copy; embedding = copy.deepcopy(embedding)",
        "pickle": "import pickle; embedding = pickle.loads(pickle.dumps(embedding))",
        "save": (
            "import io; stream = io.BytesIO(); torch.save(embedding, stream); stream.seek(0)\n"
            "embedding = torch.load(stream, weights_only=False)"
        ),
    }
    return [ways[arguments["how"]], "weight = embedding.weight", 'print("copy", embedding, weight)']


def _load(arguments: Mapping[str, Any], _: str | None) -> list[str]:
    lines = ["state = {}"]
    for name, tensor in arguments["state"].items():
        lines += [*_define("value", tensor), f"state[{name!r}] = value"]
    return [*lines, "embedding.load_state_dict(state)", 'print("weight", weight)']


_VERBS: dict[str, Callable[[Mapping[str, Any], str | None], list[str]]] = {
    "make": _make,
    "forward": _forward,
    "gradient": _gradient,
    "overwrite": _overwrite,
    "index_after": _index_after,
    "again": _again,
    "beside": _beside,
    "use_first": _use_first,
    "second_order": _second_order,
    "step": _step,
    "copy": _copy,
    "load": _load,
    "clear": lambda _a, _f: ["weight.grad = None"],
    "weight": lambda _a, _f: ['print("weight", weight)'],
    "attributes": lambda _a, _f: ["print(vars(embedding), weight.requires_grad, weight.device)"],
    "state": lambda _a, _f: ["print(embedding.state_dict())"],
    "reset": lambda _a, _f: ["embedding.reset_parameters()", 'print("weight", weight)'],
    "signature": lambda a, f: [
        f"import inspect; print(inspect.signature({f}{'' if a['of'] == 'constructor' else '.' + a['of']}))"
    ],
}


def _lookup(lookup: Lookup) -> list[str]:
    return [
        *_define("index", lookup.index, lookup.index_layout),
        *_define("upstream", lookup.upstream, lookup.upstream_layout),
    ]


def _define(name: str, tensor: Tensor, layout: str = "contiguous", device: str = "cpu") -> list[str]:
    """Statements that define a torch tensor with these bits and this layout."""
    values = tensor.values()
    shape = f".reshape({tensor.shape})"
    if not tensor.data:
        made = f"torch.empty({tensor.shape}, dtype=torch.{tensor.dtype})"
    elif len(tensor.data) > _LISTED:
        packed = base64.b64encode(zlib.compress(tensor.data, 9)).decode()
        data = f'bytearray(zlib.decompress(base64.b64decode("{packed}")))'
        made = f"torch.frombuffer({data}, dtype=torch.{tensor.dtype}){shape}"
    elif not any(_is_nan(v) for v in values):
        listed = ", ".join(map(_number, values))
        made = f"torch.tensor([{listed}], dtype=torch.{tensor.dtype}){shape}"
    else:  # a NaN has a payload that only the bytes carry
        made = f'torch.frombuffer(bytearray.fromhex("{tensor.data.hex()}"), dtype=torch.{tensor.dtype}){shape}'
    lines = [f"{name} = {made}" + ("" if device == "cpu" else f'.to("{device}")')]
    if tensor.shape and layout in _HELPER:
        lines.append(f"{name} = {_HELPER[layout].format(name)}")
    return lines


def _is_nan(value: complex) -> bool:
    return value != value  # noqa: PLR0124 - the one number that differs from itself


def _number(value: Any) -> str:
    if isinstance(value, complex):
        return f"complex({_number(value.real)}, {_number(value.imag)})"
    return f'float("{value}")' if isinstance(value, float) and not math.isfinite(value) else repr(value)
