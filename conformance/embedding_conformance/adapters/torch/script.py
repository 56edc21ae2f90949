"""The standalone script of a deviation, for a bug report: it needs torch and the implementation, none of the suite."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from embedding_conformance.adapters.literals import data, listed, number, with_imports
from embedding_conformance.boundary.observations import Call
from embedding_conformance.cases.case import Config, Lookup
from embedding_reference import Tensor

_HELPER = {
    "transposed": "{0}.transpose(0, -1).contiguous().transpose(0, -1)",
    "strided": "torch.stack([{0}, torch.zeros_like({0})], dim=-1).flatten(-2)[..., ::2]",
    "sliced": "torch.cat([{0}[:1], {0}, {0}[:1]])[1:-1]",
    "columns": "torch.cat([{0}[..., :1], {0}, {0}[..., :1]], dim=-1)[..., 1:-1]",
    "expanded": "{0}[:1].expand({0}.shape)",
}


@dataclass
class _Names:
    """The names of an instance in the script: `embedding` and `weight` for the first; the others have a number.

    Attributes:
        factory: as in `write_script`.
        number: the end of each name.
        origin: the name of the module of which the instance is a copy.
        device: the device of the weight and of the tensors that are looked up.
        optimizers: the names of the optimisers, by the expressions that make them.
    """

    factory: str | None
    number: str = ""
    origin: str = ""
    device: str = "cpu"
    optimizers: dict[str, str] = field(default_factory=dict)

    @property
    def module(self) -> str:
        """The module, or the function that stands for it."""
        return f"embedding{self.number}"

    @property
    def weight(self) -> str:
        """Its weight."""
        return f"weight{self.number}"

    @property
    def given(self) -> str:
        """The tensor that it was made with."""
        return f"given{self.number}"


def write_script(calls: Sequence[Call], *, factory: str | None, module: str = "torch") -> str:
    """The script that makes the calls in torch's own API, and prints what each returns.

    Args:
        calls: the calls, as made through the adapter.
        factory: the dotted name of the class under test; None for the functional form.
        module: the module that defines the class.
    """
    lines = ["import torch"]
    if module.partition(".")[0] != "torch":
        lines.append(f"import {module}")
    lines.append("")
    names = {0: _Names(factory)}
    for place, (verb, arguments, on) in enumerate(calls, 1):
        name = names[on]
        if verb in ("make", "copy"):
            name = names[place] = _Names(
                factory, str(len(names)) if len(names) > 1 else "", origin=name.module, device=name.device
            )
        lines += _VERBS[verb](arguments, name)
    return with_imports(lines)


def _make(arguments: Mapping[str, Any], name: _Names) -> list[str]:
    config: Config = arguments["config"]
    weight, via = arguments.get("weight"), arguments.get("via", "assignment")
    device = name.device = arguments.get("device", "cpu")
    keywords = [f"{keyword}={number(value)}" for keyword, value in config.changed().items()]
    lines = [] if weight is None else _define(name.given, weight, arguments.get("layout", "contiguous"), device)
    if via == "functional":
        name.factory = None
    if name.factory is None:
        call = _called("torch.nn.functional.embedding", "index", name.weight, *keywords)
        grad = "" if config.freeze else ".requires_grad_()"
        return [*lines, f"{name.weight} = {name.given}{grad}", f"def {name.module}(index):\n    return {call}"]
    if via in ("from_pretrained", "subclass"):
        if via == "subclass":
            lines.append(f"class Derived({name.factory}):\n    pass")
        thaw = [] if config.freeze else ["freeze=False"]
        made = "Derived" if via == "subclass" else name.factory
        lines.append(f"{name.module} = {_called(f'{made}.from_pretrained', name.given, *thaw, *keywords)}")
        return [*lines, _fetch(name)]
    dtype = weight.dtype if weight else arguments.get("dtype") or "float32"
    if via == "_weight":
        keywords += [f"_weight={name.given}", *(["_freeze=True"] if config.freeze else [])]
    elif via != "default_dtype":
        keywords += [f'device="{device}"', f"dtype=torch.{dtype}"]
    made = _called(name.factory, str(config.num_embeddings), str(config.embedding_dim), *keywords)
    if via == "default_dtype":
        lines.append(f"torch.set_default_dtype(torch.{dtype})")
    lines.append(f"{name.module} = {made}")
    if weight is not None and via != "_weight":
        lines.append(f"{name.module}.weight.data = {name.given}")
    if config.freeze and via != "_weight":
        lines.append(f"{name.module}.weight.requires_grad_(False)")
    return [*lines, _fetch(name)]


def _forward(arguments: Mapping[str, Any], name: _Names) -> list[str]:
    device, recording = arguments.get("index_device"), "with torch.no_grad(): " * arguments.get("no_grad", False)
    lookup = _lookup(arguments["lookup"], device or name.device)
    return [*lookup, f"{recording}output = {name.module}(index)", 'print("output", output)']


def _gradient(arguments: Mapping[str, Any], name: _Names) -> list[str]:
    lines = []
    if arguments.get("together"):
        for number, lookup in enumerate(arguments["lookups"]):
            lines += [
                *_lookup(lookup, name.device),
                f"output{number}, upstream{number} = {name.module}(index), upstream",
            ]
        places = range(len(arguments["lookups"]))
        outputs, upstreams = (", ".join(f"{what}{n}" for n in places) for what in ("output", "upstream"))
        lines.append(f"torch.autograd.backward([{outputs}], [{upstreams}])")
    else:
        for lookup in arguments["lookups"]:
            lines += [*_forward({"lookup": lookup}, name), "output.backward(upstream)"]
    return [*lines, f'print("gradient", {name.weight}.grad)']


def _overwrite(arguments: Mapping[str, Any], name: _Names) -> list[str]:
    return [*_lookup(arguments["lookup"], name.device), f"{name.module}(index).detach().fill_(7)", _show(name)]


def _index_after(arguments: Mapping[str, Any], name: _Names) -> list[str]:
    call = f"try: {name.module}(index)\nexcept Exception as error: print(error)"
    return [*_lookup(arguments["lookup"], name.device), call, 'print("index", index)']


def _again(arguments: Mapping[str, Any], name: _Names) -> list[str]:
    mode = ["torch.use_deterministic_algorithms(True)"] * arguments.get("deterministic", False)
    backward = f'print("gradient", torch.autograd.grad(output, {name.weight}, upstream, retain_graph=True))'
    return [
        *mode,
        *_lookup(arguments["lookup"], name.device),
        f"output = {name.module}(index)",
        f"for _ in range(2): {backward}",
    ]


def _beside(arguments: Mapping[str, Any], name: _Names) -> list[str]:
    (first, second), weight, module = arguments["lookups"], name.weight, name.module
    if name.factory is None:  # the function in the script looks up in the variable of the weight's name
        look_up = f"mine, {weight} = {weight}, other.requires_grad_(); output1 = {module}(index); {weight} = mine"
    else:
        copied = f"import copy; beside = copy.deepcopy({module}); beside.weight.data = other; other = beside.weight"
        look_up = f"{copied}; output1 = beside(index)"
    return [
        *[*_lookup(first, name.device), f"output0, upstream0 = {module}(index), upstream"],
        *[*_define("other", arguments["weight"], device=name.device), *_lookup(second, name.device), look_up],
        "torch.autograd.backward([output0, output1], [upstream0, upstream])",
        f'print("gradients", {weight}.grad, other.grad)',
    ]


def _use_first(arguments: Mapping[str, Any], name: _Names) -> list[str]:
    return [
        *_lookup(arguments["lookup"], name.device),
        f"squares = {name.weight}{'.clone()' * arguments['clone']}.square()",
        f"output = {name.module}(index)",
        "torch.autograd.backward([squares, output], [torch.ones_like(squares), upstream])",
        f'print("gradient", {name.weight}.grad)',
    ]


def _second_order(arguments: Mapping[str, Any], name: _Names) -> list[str]:
    return [
        *_lookup(arguments["lookup"], name.device),
        *_define("direction", arguments["direction"], device=name.device),
        f"output, upstream = {name.module}(index), upstream.requires_grad_()",
        f"gradient, = torch.autograd.grad(output, {name.weight}, upstream, create_graph=True)",
        "gradient = gradient.to_dense() if gradient.is_sparse else gradient",
        'print("derivative", gradient.requires_grad and torch.autograd.grad(gradient, upstream, direction))',
    ]


def _step(arguments: Mapping[str, Any], name: _Names) -> list[str]:
    options = [f"{option}={number(value)}" for option, value in arguments["options"].items()]
    made = _called(f"torch.optim.{arguments['optimizer']}", f"[{name.weight}]", *options)
    known = made in name.optimizers
    optimizer = name.optimizers.setdefault(made, f"optimizer{name.number}_{len(name.optimizers) + 1}")
    lines = [] if known else [f"{optimizer} = {made}"]
    lines.append(f"{optimizer}.zero_grad()")
    for lookup in arguments["lookups"]:
        lines += [*_lookup(lookup, name.device), f"{name.module}(index).backward(upstream)"]
    return [*lines, f"{optimizer}.step()", _show(name)]


def _copy(arguments: Mapping[str, Any], name: _Names) -> list[str]:
    ways = {
        "deepcopy": "import copy; {0} = copy.deepcopy({1})",
        "pickle": "import pickle; {0} = pickle.loads(pickle.dumps({1}))",
        "save": (
            "import io; stream = io.BytesIO(); torch.save({1}, stream); stream.seek(0)\n"
            "{0} = torch.load(stream, weights_only=False)"
        ),
    }
    return [ways[arguments["how"]].format(name.module, name.origin), _fetch(name), f'print("copy", {name.module})']


def _load(arguments: Mapping[str, Any], name: _Names, how: str = "") -> list[str]:
    lines = ["state = {}"]
    for key, tensor in arguments["state"].items():
        lines += [*_define("value", tensor), f"state[{key!r}] = value"]
    return [*lines, f"{name.module}.load_state_dict(state{how})", _fetch(name), _show(name)]


def _assign(arguments: Mapping[str, Any], name: _Names) -> list[str]:
    name.optimizers.clear()  # the module has another weight than they were made for
    return _load(arguments, name, how=", assign=True")


def _clear(arguments: Mapping[str, Any], name: _Names) -> list[str]:
    to_none = arguments.get("to_none", True)
    if name.factory is not None:
        return [f"{name.module}.zero_grad(set_to_none={to_none})"]
    return [
        f"{name.weight}.grad = None" if to_none else f"if {name.weight}.grad is not None: {name.weight}.grad.zero_()"
    ]


def _edit(arguments: Mapping[str, Any], name: _Names) -> list[str]:
    return [*_define("value", arguments["weight"]), f"with torch.no_grad():\n    {name.weight}.copy_(value)"]


def _cast(arguments: Mapping[str, Any], name: _Names) -> list[str]:
    methods = {"float16": "half", "float32": "float", "float64": "double"}
    dtype = arguments["dtype"]
    call = f"{methods.get(dtype, dtype)}()" if arguments.get("by_name") else f"to(torch.{dtype})"
    return _converted(call, name)


def _move(arguments: Mapping[str, Any], name: _Names) -> list[str]:
    device = name.device = arguments["device"]
    return _converted(f'to_empty(device="{device}")' if arguments.get("empty") else f'to("{device}")', name)


def _converted(call: str, name: _Names) -> list[str]:
    name.optimizers.clear()  # the module may have another weight than they were made for
    return [f"{name.module} = {name.module}.{call}", _fetch(name), _show(name)]


_VERBS: dict[str, Callable[[Mapping[str, Any], _Names], list[str]]] = {
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
    "assign": _assign,
    "clear": _clear,
    "edit": _edit,
    "cast": _cast,
    "move": _move,
    "freeze": lambda a, n: [f"{n.weight}.requires_grad_({not a['frozen']})"],
    "mode": lambda a, n: [f"{n.module}.train({a['training']})"],
    "weight": lambda _, n: [_show(n)],
    "given": lambda _, n: [f'print("given", {n.given})'],
    "attributes": lambda _, n: [f"print({n.module}, vars({n.module}))"],
    "state": lambda _, n: [f"print({n.module}.state_dict())"],
    "reset": lambda _, n: [f"{n.module}.reset_parameters()", _fetch(n), _show(n)],
    "signature": lambda a, n: [
        f"import inspect; print(inspect.signature({n.factory}{'' if a['of'] == 'constructor' else '.' + a['of']}))"
    ],
}


def _called(function: str, *arguments: str) -> str:
    return f"{function}({', '.join(arguments)})"


def _fetch(name: _Names) -> str:
    return f"{name.weight} = {name.module}.weight"


def _show(name: _Names) -> str:
    return f'print("weight", {name.weight})'


def _lookup(lookup: Lookup, device: str) -> list[str]:
    return [
        *_define("index", lookup.index, lookup.index_layout, device),
        *_define("upstream", lookup.upstream, lookup.upstream_layout, device),
    ]


def _define(name: str, tensor: Tensor, layout: str = "contiguous", device: str = "cpu") -> list[str]:
    """Statements that define a torch tensor with these bits and this layout."""
    shape, elements = f".reshape({tensor.shape})", listed(tensor)
    if not tensor.data:
        made = f"torch.empty({tensor.shape}, dtype=torch.{tensor.dtype})"
    elif elements is None:
        made = f"torch.frombuffer(bytearray({data(tensor)}), dtype=torch.{tensor.dtype}){shape}"
    else:
        made = f"torch.tensor([{elements}], dtype=torch.{tensor.dtype}){shape}"
    lines = [f"{name} = {made}" + ("" if device == "cpu" else f'.to("{device}")')]
    if tensor.shape and layout in _HELPER:
        lines.append(f"{name} = {_HELPER[layout].format(name)}")
    return lines
